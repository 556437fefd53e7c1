"""The quick answers are packaging's answers."""

from __future__ import annotations

import glob
import os
import sysconfig

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Packaged
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envcheck.checks import markers as requirement_markers
from envcheck.checks import specifiers
from envcheck.checks.base import Context
from envcheck.checks.markers import Markers, environment, parse
from envcheck.checks.specifiers import agreeable, canonical, narrowed, satisfies
from envcheck.model.facts import FactSheet

VARIABLES = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.7",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_release": "5.15.0-generic",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.11.7",
    "platform_python_implementation": "CPython",
    "python_version": "3.11",
    "sys_platform": "linux",
}

numbers = st.sampled_from(["0", "1", "2", "3", "10", "11", "007", "2024"])
releases = st.lists(numbers, min_size=1, max_size=4).map(".".join)
suffixes = st.sampled_from(
    ["", "", "", "", "+cpu", "+cu128.1", "rc1", "a0", "b2", ".post1", ".dev3", "+", "+a b", "x"]
)
versions = st.one_of(
    st.builds(str.__add__, releases, suffixes),
    st.sampled_from(["", "1!2.0", "v1.0", " 1.0 ", "1..0", "1.²", "١.٢", "abc", "9" * 3000]),
)
operators = st.sampled_from([">=", "<=", "==", "!=", "~=", ">", "<", "===", "=", "=>", ""])
clauses = st.builds(
    lambda operator, space, version, star: operator + space + version + star,
    operators,
    st.sampled_from(["", " "]),
    versions,
    st.sampled_from(["", "", ".*"]),
)
specifier_sets = st.lists(clauses, max_size=3).map(",".join)


def reference(version: str, specifier: str) -> bool | None:
    if not specifier.strip():
        return True
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion, ValueError):
        return None


@given(versions, specifier_sets)
@settings(max_examples=200, deadline=None)
def test_satisfies_as_packaging_does(version: str, specifier: str) -> None:
    assert satisfies(version, specifier) == reference(version, specifier)


simple = st.lists(st.integers(0, 12).map(str), min_size=1, max_size=4).map(".".join)
simple_sets = st.lists(
    st.builds(str.__add__, st.sampled_from([">=", "<=", "==", "!=", ">", "<"]), simple)
    | st.builds("{}{}.*".format, st.sampled_from(["==", "!="]), simple)
    | st.builds("~={}.{}".format, simple, st.integers(0, 12)),
    min_size=1,
    max_size=3,
).map(",".join)


@given(simple, st.sampled_from(["", "+cpu", "+cu12-8"]), simple_sets)
@settings(max_examples=200, deadline=None)
def test_the_quick_path_decides_what_is_simple(release: str, local: str, specifier: str) -> None:
    quick = [
        specifiers.clause_holds(specifiers._installed(release + local), clause)
        for clause in specifier.split(",")
    ]
    assert None not in quick
    assert all(quick) == reference(release + local, specifier)


values = st.sampled_from(
    [
        "3",
        "3.8",
        "3.11",
        "3.11.7",
        "3.*",
        "linux",
        "win32",
        "x86_64",
        "posix",
        "CPython",
        "",
        "Linux",
        "torch_x",
        "3.8 3.11",
    ]
)
names = st.sampled_from([*VARIABLES, "extra", "os.name", "python_implementation", "nonsense"])
marker_operators = st.sampled_from(
    ["==", "!=", ">=", "<=", "<", ">", "~=", "===", "in", "not in", "is"]
)
quoted = st.builds(lambda value, quote: quote + value + quote, values, st.sampled_from(["'", '"']))
comparisons = st.builds("{} {} {}".format, names, marker_operators, quoted) | st.builds(
    "{}  {} {}".format, quoted, marker_operators, names
)
pairs = st.builds("{} {} {}".format, comparisons, st.sampled_from(["and", "or"]), comparisons)
either = comparisons | pairs | pairs.map("({})".format)
markers = either | st.builds("{} {} {}".format, either, st.sampled_from(["and", "or"]), either)


@given(markers, st.sampled_from(["", "torch-x", "Torch.X"]))
@settings(max_examples=200, deadline=None)
def test_markers_as_packaging_does(marker: str, extra: str) -> None:
    try:
        expected = Marker(marker).evaluate({**VARIABLES, "extra": extra})
    except (InvalidMarker, LookupError, ValueError):
        expected = None
    assert Markers(VARIABLES).holds(marker, [extra] if extra else []) == expected


requirement_texts = st.builds(
    lambda name, extras, specifier, marker: name + extras + specifier + marker,
    st.sampled_from(["torch", "A.b_C", "a--b", " x", "-a", "é", ""]),
    st.sampled_from(["", "[b,A]", "[ c_d ]", "[]", "[a", "[a,]"]),
    st.one_of(specifier_sets, specifier_sets.map(" ({})".format), st.just("@ https://h/x.whl")),
    st.one_of(st.just(""), markers.map("; {}".format), st.just(";")),
)


@given(requirement_texts)
@settings(max_examples=200, deadline=None)
def test_requirements_as_packaging_does(text: str) -> None:
    assert_same_requirement(text)


def assert_same_requirement(text: str) -> None:
    ours = parse(text)
    try:
        theirs = Packaged(text)
    except (InvalidRequirement, ValueError):
        assert ours is None
        return
    assert ours is not None
    assert ours.name == canonical(theirs.name)
    assert set(ours.extras) == {canonical(extra) for extra in theirs.extras}
    assert SpecifierSet(ours.specifier) == theirs.specifier
    assert ours.url == (theirs.url or "")
    for extra in ("", "dev", "test"):
        expected: bool | None = True
        if theirs.marker:
            try:
                expected = theirs.marker.evaluate({**VARIABLES, "extra": extra})
            except (LookupError, ValueError):
                expected = None
        assert Markers(VARIABLES).holds(ours.marker, [extra] if extra else []) == expected, text


def real_requirements() -> list[str]:
    """Every Requires-Dist of the environment that runs the tests."""
    pattern = os.path.join(sysconfig.get_path("purelib"), "*.dist-info", "METADATA")
    found = set()
    for path in glob.glob(pattern):
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Requires-Dist:"):
                    found.add(line[14:].strip())
                if not line.strip():
                    break
    return sorted(found)


def test_every_real_requirement_and_most_of_them_quickly() -> None:
    texts = real_requirements()
    assert texts
    for text in texts:
        assert_same_requirement(text)
        for version in ("1.0", "2.13.0+cpu", "0.4.9", "26.1", "2024.7.4"):
            wanted = parse(text)
            assert wanted is not None
            assert satisfies(version, wanted.specifier) == reference(version, wanted.specifier)
    quick = [text for text in texts if requirement_markers._parse_quickly(text)]
    assert len(quick) > 0.9 * len(texts)


@pytest.mark.parametrize(
    ("version", "specifier", "expected"),
    [
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13.0+cpu", "<=2.13", True),
        ("2.13.0+cpu", ">2.13", False),
        ("2.13.0+cpu", "==2.13.0+cu128", False),
        ("2.0", "~=2.0.0", True),
        ("2.1", "~=2.0.0", False),
        ("3.0.0rc1", ">=2", True),
        ("banana", ">=2", None),
        ("9" * 5000, ">=2", None),
        ("banana", "", True),
        ("1.0", "banana", None),
    ],
)
def test_satisfies(version: str, specifier: str, expected: bool | None) -> None:
    assert satisfies(version, specifier) is expected


@given(st.lists(simple_sets, max_size=4), simple)
@settings(deadline=None)
def test_narrowed_says_the_same(specifiers: list[str], version: str) -> None:
    together = narrowed(specifiers)
    assert satisfies(version, together) == all(satisfies(version, text) for text in specifiers)


def test_narrowed_is_short() -> None:
    assert narrowed([">=4.42.1", ">=4.60", ">=4.66.3,<5", "<6,!=4.70"]) == ">=4.66.3,<5,!=4.70"
    assert narrowed([]) == ""


def test_the_environment_is_the_target_s() -> None:
    facts = {
        "interpreter.version": {"status": "known", "value": "3.9.18"},
        "interpreter.implementation": {"status": "known", "value": "PyPy"},
        "host.os": {"status": "known", "value": "windows"},
        "host.arch": {"status": "known", "value": "ARM64"},
    }
    variables = environment(Context(FactSheet({"facts": facts})))
    assert variables == {
        "python_full_version": "3.9.18",
        "python_version": "3.9",
        "platform_python_implementation": "PyPy",
        "implementation_name": "pypy",
        "sys_platform": "win32",
        "platform_system": "Windows",
        "os_name": "nt",
        "platform_machine": "ARM64",
    }


def test_what_is_not_known_of_the_target_is_never_taken_from_this_machine() -> None:
    here = Markers({"sys_platform": "linux"})
    assert here.holds("python_version >= '3'") is None
    assert here.holds("platform.machine == 'x86_64'") is None
    assert here.holds("python_implementation == 'CPython'") is None
    assert here.holds("python_version >= '3' and sys_platform == 'win32'") is False
    assert here.holds("python_version >= '3' or sys_platform == 'linux'") is True
    assert here.holds("extra == 'x'", ["X"]) is True
    assert here.holds("extra == 'x'") is False


SMALL = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda n: ".".join(map(str, n)))
CLAUSE = st.one_of(
    st.tuples(st.sampled_from([">=", "<=", "==", "!=", "<", ">"]), SMALL).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), SMALL).map(lambda pair: "".join(pair) + ".*"),
)


@given(st.lists(CLAUSE, min_size=1, max_size=4), SMALL)
@settings(max_examples=500, deadline=None)
def test_a_specifier_that_holds_a_version_is_agreeable(clauses, version):
    specifier = ",".join(clauses)
    if satisfies(version, specifier):
        assert agreeable(specifier) is True


@pytest.mark.parametrize(
    ("specifier", "answer"),
    [
        (">=2,==1.25.*,<2", False),
        (">2.13.0,===2.13.0,<=2.13.0", False),
        ("==1.0,==2.0", False),
        ("<1,>=1", False),
        (">=1.26,<2,!=1.26.*", True),
        (">1.0,<1.1", True),
        (">=2.0rc1,<3", True),
        ("", True),
        ("nonsense", None),
    ],
)
def test_agreeable(specifier, answer):
    assert agreeable(specifier) is answer
