"""Loading profiles: names and files, extending, dropping, combining, everything that is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SCALARS, json_values

from envcheck import profiles
from envcheck.errors import DataError
from envcheck.model.finding import Anchor

TORCH = """
[[distribution]]
id = "torch"
requires = "torch>=2.2"
[[memory]]
minimum_gib = 4
"""


def requires(profile):
    return [placed.requires for placed in profile.distribution]


@pytest.fixture
def write(tmp_path):
    def _write(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    return _write


def test_a_requirement_has_its_fields_and_its_place():
    profile = profiles.loads('summary = "s"\n' + TORCH, "my.toml")
    (torch,) = profile.distribution
    assert (torch.requires, torch.severity, torch.when, torch.id) == (
        "torch>=2.2",
        "error",
        [],
        "torch",
    )
    assert torch.anchor == Anchor("my.toml", 3)
    assert profile.memory[0].minimum_gib == 4
    assert profile.memory[0].anchor.line == 6
    assert profile.names == ("my",)
    assert profile.disk == ()
    with pytest.raises(AttributeError):
        _ = profile.nothing


def test_inline_tables_fall_back_to_the_line_of_their_key():
    profile = profiles.loads("\nmemory = [{minimum_gib = 1}, {minimum_gib = 2}]\n")
    assert [placed.anchor.line for placed in profile.memory] == [2, 2]


def test_a_file_extends_by_name_and_by_path_relative_to_itself(write):
    write("base/base.toml", TORCH)
    child = write(
        "child.toml",
        'extends = ["base/base.toml", "ci"]\ndrop = ["os"]\n'
        '[[distribution]]\nid = "torch"\nrequires = "torch>=2.6"\n'
        '[[distribution]]\nrequires = "peft"\n',
    )
    profile = profiles.load([child])
    assert requires(profile) == ["torch>=2.6", "peft"], "the same id replaces, in its place"
    assert profile.os == ()
    assert [p.id for p in profile.python] == ["python", "python-current"]
    assert profile.names == ("child",)


def test_what_is_reached_by_two_ways_is_there_once(write):
    write("base.toml", "[[memory]]\nminimum_gib = 4\n")
    write("left.toml", 'extends = ["base.toml"]\n')
    write("right.toml", 'extends = ["base.toml"]\n')
    both = write("both.toml", 'extends = ["left.toml", "right.toml"]\n')
    assert len(profiles.load([both]).memory) == 1


def test_several_profiles_hold_together_and_neither_replaces_the_other(write):
    strict = write("strict.toml", '[[distribution]]\nid = "torch"\nrequires = "torch>=2.9"\n')
    loose = write("loose.toml", TORCH)
    profile = profiles.load([strict, loose, loose])
    assert requires(profile) == ["torch>=2.9", "torch>=2.2"]
    assert (profile.names, profile.name) == (("strict", "loose"), "strict + loose")


def test_the_table_in_a_pyproject(write):
    path = write(
        "demo/pyproject.toml",
        '[project]\nname = "p"\n[tool.envcheck.profile]\nextends = ["ci"]\n\n'
        '[[tool.envcheck.profile.distribution]]\nrequires = "torch"\n'
        '[[tool.envcheck.profile.waiver]]\ncode = "GPU"\nreason = "none here"\n',
    )
    profile = profiles.load([path])
    assert profile.names == ("demo",)
    assert profile.distribution[-1].anchor == Anchor(path, 6)
    assert profile.waivers[0].anchor == Anchor(path, 8)


def test_waivers_are_inherited_and_take_a_day_of_toml_or_a_string(write):
    write("base.toml", '[[waiver]]\ncode = "GPU101"\nreason = "old"\nexpires = 2026-12-31\n')
    child = write(
        "child.toml",
        'extends = ["base.toml"]\n[[waiver]]\ncode = "PKG"\nreason = "r"\nexpires = "2027-01-01"\n',
    )
    old, new = profiles.load([child]).waivers
    assert (old.expires, new.expires) == ("2026-12-31", "2027-01-01")
    assert old.expired("2027-01-01")
    assert not old.expired("2026-12-31"), "the last day still counts"
    assert not old.expired("")


def error(references, cwd=""):
    with pytest.raises(DataError) as caught:
        profiles.load(references, cwd)
    return caught.value


def test_an_unknown_name_says_which_is_similar(tmp_path):
    assert "did you mean `transformers-training`?" in error(["transformers-trainin"]).message
    assert "shipped profiles: accelerate" in error(["nothing"]).hint
    (tmp_path / "mine").write_text("")
    assert error(["mine"], str(tmp_path)).hint == "there is a file of that name: write ./mine"


def test_a_circle_names_its_members(write):
    write("a.toml", 'extends = ["b.toml"]')
    b = write("b.toml", 'extends = ["./a.toml"]')
    assert "b.toml extends a.toml extends b.toml" in error([b]).message


def test_a_long_chain_ends(write):
    for number in range(30):
        write(f"{number}.toml", f'extends = ["{number + 1}.toml"]')
    assert "extend one another" in error([write("start.toml", 'extends = ["0.toml"]')]).message


def test_what_is_wrong_in_an_extended_file_says_how_one_came_there(write):
    write("base.toml", "[[memory]]\nminimum_gib = 0\n")
    child = write("child.toml", '\nextends = ["base.toml"]\n')
    caught = error([child])
    assert caught.context[-1] == f"extended by {child}:2"
    assert "base.toml:2: [[memory]] number 1, key `minimum_gib`" in caught.context[0]


def test_what_extends_the_same_files_again_and_again_reads_each_once(write):
    for number in range(18):
        again = ", ".join([f'"{number + 1}.toml"'] * 20)
        write(f"{number}.toml", f"extends = [{again}]")
    write("18.toml", "[[memory]]\nminimum_gib = 1\n")
    start = write("start.toml", 'extends = ["0.toml"]\n')
    assert len(profiles.load([start]).memory) == 1


def test_an_extended_file_is_called_as_seen_from_the_working_directory(write, tmp_path):
    write("profiles/base.toml", "[[memory]]\nminimum_gib = 1\n")
    write("profiles/child.toml", 'extends = ["base.toml"]\n')
    profile = profiles.load(["profiles/child.toml"], str(tmp_path))
    assert profile.memory[0].anchor == Anchor("profiles/base.toml", 1)


def test_dropping_what_is_not_inherited_is_wrong(write):
    caught = error([write("child.toml", 'extends = ["ci"]\ndrop = ["pyton"]\n')])
    assert caught.context[0].endswith(
        "child.toml:2: key `drop`: `pyton` is no id of what is inherited (did you mean `python`?)"
    )


def test_a_newer_major_version_and_a_pyproject_without_the_table_are_refused(write):
    newer = write("newer.toml", 'schema = "envcheck.profile/2"\nunheard = 1\n')
    assert "another envcheck" in error([newer]).message
    assert "[tool.envcheck.profile]" in error([write("pyproject.toml", "[project]\n")]).message


BAD = """\
schema = "something"
naem = "x"
name = "no name"
summary = 3

[[python]]
requires = "3.10"
severity = "eror"
free_threaded = "no"

[[python]]

[[distribution]]
requires = "torch>>2"
id = "a"

[[distribution]]
reqires = "torch"

[[distribution]]
id = "a"
requires = "torch @ https://x/y.whl"
when = ["cudaa"]

[[memory]]
minimum_gib = nan
[[memory]]
minimum_gib = -1
[[memory]]
minimum_gib = "16 GB"

[os]
any = ["linux"]

[[libc]]
family = "glib"
minimum = "new"
anchor = {path = "x", line = 1}

[[device]]
any = ["cuda", "gpu"]
count = 0
[[device]]
any = []

[[os]]
any = ["linux"]
recommended = ["darwin"]

[[wheel_tag]]
any = ["manylinux 2014"]
[[cpu]]
features = ["AVX 2"]
[[variable]]
name = "A=B"
[[file]]
path = "a=b"
[[driver]]
severity = "note"
[[disk]]
minimum_gib = inf

[[waiver]]
code = "gpu"
reason = "  "
expires = "2026-13-01"
[[waiver]]
code = "GPU101"
"""


def test_every_problem_of_a_file_is_said_at_once(golden):
    text = BAD.replace('[os]\nany = ["linux"]\n', "")
    with pytest.raises(DataError) as caught:
        profiles.loads(text, "bad.toml")
    assert caught.value.exit_code == 2
    golden("profiles/bad.txt", "\n".join((caught.value.message, *caught.value.context, "")))


def test_a_table_instead_of_an_array_of_tables():
    with pytest.raises(DataError) as caught:
        profiles.loads('\n[os]\nany = ["linux"]\n', "f.toml")
    assert caught.value.context == ("f.toml:2: `os`: no array of tables: write `[[os]]`",)


def test_a_waiver_needs_a_reason_and_anchors_cannot_be_written():
    for text in ('[[waiver]]\ncode = "GPU"\n', '[[memory]]\nminimum_gib = 1\nanchor = "x"\n'):
        with pytest.raises(DataError):
            profiles.loads(text)


KEYS = st.sampled_from(
    [
        *("name", "schema", "summary", "extends", "drop", "python", "os", "distribution", "memory"),
        *("device", "waiver", "when", "severity", "requires", "any", "minimum_gib", "id", "reason"),
        *("code", "expires", "path", "x"),
    ]
)
WORDS = ["torch>=2", ">=3", "linux", "cuda", "error", "GPU101", "ci", "2026-01-01"]
VALUES = json_values(SCALARS | st.sampled_from(WORDS), KEYS, size=4)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=300, deadline=None)
def test_no_document_however_odd_raises_anything_but_a_data_error(document):
    from envcheck.profiles.resolve import Loader
    from envcheck.tomlfile import Source

    try:
        Loader("/nonexistent").resolve(Source("odd.toml", "", document), "/nonexistent", ())
    except DataError as caught:
        said = (caught.message, *caught.context)
    else:
        said = ("nothing wrong",)
    assert all(line and line.isprintable() for line in said)


@given(st.text(max_size=100))
@settings(deadline=None)
def test_no_text_raises_anything_but_a_data_error(text):
    try:
        profiles.loads(text)
    except DataError:
        return
