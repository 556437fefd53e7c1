"""The small YAML reader: right, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent.probes.flat_yaml import MalformedError, UnsureError, parse

WRITTEN = """\
compute_environment: LOCAL_MACHINE
debug: false
deepspeed_config:
  gradient_accumulation_steps: 1
  offload_optimizer_device: none
  zero3_init_flag: true
  zero_stage: 3
distributed_type: DEEPSPEED
downcast_bf16: 'no'
fsdp_config: {}
machine_rank: 0
main_process_ip: 192.168.1.1
main_training_function: main
mixed_precision: bf16
num_machines: 1
num_processes: 8
rdzv_backend: static
same_network: true
tpu_env: []
commands:
- echo hello
- 'it''s'
- 3
description: a value that is so long that it was folded when it was written, because lines
  have an end
use_cpu: false
"""


def test_what_accelerate_writes():
    values = parse(WRITTEN)
    assert values["deepspeed_config"] == {
        "gradient_accumulation_steps": 1,
        "offload_optimizer_device": "none",
        "zero3_init_flag": True,
        "zero_stage": 3,
    }
    assert values["downcast_bf16"] == "no"
    assert values["fsdp_config"] == {}
    assert values["tpu_env"] == []
    assert values["commands"] == ["echo hello", "it's", 3]
    assert values["main_process_ip"] == "192.168.1.1"
    assert values["description"].endswith("because lines have an end")
    assert values["use_cpu"] is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", False),
        ("NO", False),
        ("On", True),
        ("'NO'", "NO"),
        ('"no"', "no"),
        ("~", None),
        ("", None),
        ("# comment", None),
        ("1_000", 1000),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("-1.", -1.0),
        ("bf16 # comment", "bf16"),
        ("a#b", "a#b"),
        ("a:b", "a:b"),
        ("'a # b'", "a # b"),
        ("' # '", " # "),
        ("{}", {}),
    ],
)
def test_scalars_resolve_as_pyyaml_resolves_them(text, value):
    """The expected values were recorded from PyYAML 6.0.3."""
    result = parse("key: " + text)["key"]
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        "key: 007", "key: 0x1f", "key: 1e5", "key: 2020-01-01", "key: 10:20", "key: .5",
        "key: .inf", "key: &anchor x", "key: *alias", "key: {a: b}", "key: [1]", "key: |\n  text",
        "key: !!str 1", "<<: x", "key: <<", "? key", "--- \na: 1\n---\nb: 2", "%YAML 1.1",
        "key: 'open", 'key: "a\\n"', "key:\n  - a: b", "key: x\n\n  y", "key: x # c\n  y",
        " key: x", "key:\tvalue", "1: x", "a:\n    b: 1\n  c: 2", "key: x\u2028y", "key: \x85",
    ],
)  # fmt: skip
def test_what_it_does_not_understand_it_does_not_guess(text):
    with pytest.raises(UnsureError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: 1\nkey:value\n", "line 2"),
        ("a: 1\n\tb: 2\n", "tab"),
        ("a: b: c", "second"),
        ("<html>", "line 1"),
    ],
)
def test_what_no_reader_takes(text, word):
    with pytest.raises(MalformedError, match=word):
        parse(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_nothing_is_none(text):
    assert parse(text) is None


def written(value: object) -> str:
    """As PyYAML writes a scalar in its default style, quoted where it has to be."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
    lambda key: key not in ("no", "yes", "on", "off", "true", "false", "null")
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)


@given(st.dictionaries(KEYS, SCALARS | st.dictionaries(KEYS, SCALARS, min_size=1), min_size=1))
def test_what_was_written_is_read(values):
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {inner}: {written(item)}" for inner, item in value.items()]
        else:
            lines.append(f"{key}: {written(value)}")
    assert parse("\n".join(lines) + "\n") == values


@given(st.text())
def test_any_text_gives_a_mapping_or_its_own_exceptions(text):
    try:
        value = parse(text)
    except (UnsureError, MalformedError):
        return
    assert value is None or isinstance(value, dict)


@given(st.text(st.sampled_from("ab: \n-'\"#{}[]\t|&*01.,?!%"), max_size=60))
def test_text_that_looks_like_yaml(text):
    try:
        value = parse(text)
    except (UnsureError, MalformedError):
        return
    assert value is None or isinstance(value, dict)
