"""Writing profiles: what is written is read again, and the machine it came from satisfies it."""

import datetime as dt
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import json_values

from envcheck import checks, profiles
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet
from envcheck.model.profile import KINDS
from envcheck.profiles.observed import distributions, profile_of
from envcheck.profiles.write import document, resolved, value

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GIB = 1 << 30


def sheet(**facts):
    known = {key.replace("__", "."): {"status": "known", "value": v} for key, v in facts.items()}
    return FactSheet({"schema": "envcheck.facts/1", "agent": {"status": "ok"}, "facts": known})


HEALTHY = {
    "interpreter__version": "3.12.1",
    "interpreter__implementation": "CPython",
    "host__os": "linux",
    "host__libc__family": "glibc",
    "host__libc__version": "2.39",
    "host__cpu__usable": 7.5,
    "limits__memory__effective": 33 * GIB + 5,
    "limits__shm__total": 64 << 20,
    "devices__list": [
        {"kind": "cuda", "index": 0, "compute_capability": "9.0", "memory": 80 * GIB},
        {"kind": "cuda", "index": 1, "compute_capability": "8.6", "memory": 24 * GIB - 1},
    ],
    "nvidia__kernel__version": "550.54.15",
    "distributions__installed": [
        {"name": "torch", "version": "2.13.0+cu130", "requires": ["filelock", "x; extra == 'y'"]},
        {"name": "filelock", "version": "3.20.0", "requires": []},
        {"name": "Accelerate", "version": "1.15.0", "requires": ["torch>=2.0.0", "not ! valid"]},
        {"name": "x", "version": "1.0"},
        {"name": "pip", "version": "26.0"},
        {"name": "odd", "version": "not a version"},
        {"name": None, "version": "1"},
    ],
}


@given(
    st.text()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.lists(st.text(), max_size=3)
)
@settings(deadline=None)
def test_a_value_is_read_as_it_was_written(item):
    assert tomllib.loads(f"x = {value(item)}")["x"] == item


def test_half_a_surrogate_pair_is_replaced_because_toml_cannot_hold_it():
    assert tomllib.loads(f"x = {value(chr(0xD800))}")["x"] == "\ufffd"


def test_comments_cannot_end_their_line():
    assert tomllib.loads(document({"name": "n"}, (), ["a\nb = 1\x00"]))["name"] == "n"


def test_a_profile_of_a_machine_says_what_it_has(golden):
    golden(
        "profiles/observed.toml", profile_of(sheet(**HEALTHY), name="observed", today="2026-11-20")
    )


def test_of_the_distributions_those_are_written_that_no_other_one_requires_and_torch():
    installed = HEALTHY["distributions__installed"]
    assert distributions(installed) == ["accelerate>=1.15.0", "torch>=2.13.0", "x>=1.0"]
    assert "filelock>=3.20.0" in distributions(installed, everything=True)


def test_the_same_sheet_satisfies_the_profile_that_was_made_from_it():
    observed = sheet(**HEALTHY)
    profile = profiles.loads(profile_of(observed, name="n"))
    report = evaluate(observed, [c for c in checks.load() if c.code[-3] == "2"], profile=profile)
    about = [finding for finding in report.findings if finding.anchor]
    assert about, "nothing was judged"
    assert [f for f in about if f.status == "fail"] == []


def test_a_prerelease_of_python_satisfies_its_own_profile():
    profile = profiles.loads(profile_of(sheet(interpreter__version="3.15.0rc1"), name="n"))
    assert profile.python[0].requires == ">=3.15.0rc1,<3.16"


JSON = json_values(keys=st.sampled_from(["name", "version", "requires", "kind", "memory"]))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(HEALTHY, JSON)))
@settings(max_examples=200, deadline=None)
def test_no_sheet_makes_a_profile_that_cannot_be_loaded(facts):
    profiles.loads(profile_of(sheet(**facts), name="n", everything=True))


def test_a_resolved_profile_is_the_same_profile():
    for name in profiles.names():
        profile = profiles.load([name])
        again = profiles.loads(resolved(profile))
        for kind in KINDS:
            assert getattr(again, kind) == getattr(profile, kind)
        assert again.names == profile.names


def test_waivers_survive_too():
    text = '[[waiver]]\ncode = "GPU"\nreason = "r"\nsubject = "s"\nexpires = 2026-12-31\n'
    written = resolved(profiles.loads(text))
    assert tomllib.loads(written)["waiver"][0]["expires"] == dt.date(2026, 12, 31)
