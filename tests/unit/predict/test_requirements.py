"""Requirements and METADATA: as packaging and pip's reader of headers have them, but bounded."""

from __future__ import annotations

import email
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envcheck.predict import targets
from envcheck.predict.environment import marker_environment
from envcheck.predict.requirements import MOST, Metadata, applies, headers, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = date(2026, 11, 20)
WORDS = ("3.12-slim", "3.12-alpine", "3.12-macos", "3.9-slim")
SLIM, ALPINE, MAC, OLD = (targets.parse(word, today=DAY) for word in WORDS)

CORPUS = """
numpy
numpy>=1.17
numpy >=1.17, <3.0.0
numpy (>=1.17)
numpy(>=1.17,<2)
numpy (>=1.17
numpy >=1.17)
numpy ()
Foo.Bar_baz
foo--bar
-foo
foo-
foo bar
foo>=1 <2
foo>=1<2
foo>=1,
foo,>=1
foo>=1,,<2
foo>=abc
foo>=1.0.*
foo==1.0.*
foo!=1.0.*
foo~=1
foo~=1.0
foo~=1.0.*
foo===1.0-anything
foo===ab_c!x
foo===1.0,<2
foo==1.0+cpu
foo>=1.0+cpu
foo<1.0+cpu
foo==1!2.0
foo>=2.0rc1
foo==1.0-1
foo==v1.0
foo=1.0
foo=>1.0
foo 1.0
foo>= 1.0
foo >= 1.0 , < 2
foo[a]
foo[a,b]>=1
foo[ A_b , c.d ]
foo[]
foo[,]
foo[a,]
foo[,a]
foo[a b]
foo[-a]
foo[a
foo]
foo @ https://example.org/foo.whl
foo@https://example.org/foo.whl
foo[a] @ https://example.org/foo.whl ; python_version > '3'
foo @ git+https://example.org/foo@v1
foo @ https://example.org/foo.whl; python_version > '3'
foo @
foo; python_version > '3'
foo ; python_version>='3.8' and extra == 'x'
foo;
foo; python_version
foo; python_version > 3
foo; nonsense == '1'
foo; 'a' in 'b'
foo; os.name == 'posix'
foo; python_implementation == 'CPython'
foo>=1; (python_version > '3' or os_name == 'nt') and sys_platform == 'linux'
foo>=1 ; extra == "Foo_Bar"
foo # a comment
foo --hash=sha256:00
-e .
./foo
https://example.org/foo.whl
foo>=1.0\\
ƒoo
foo>=1.0\u00a0
foo\u2003>=1
foo==\u0661
foo[\u0661]
1
1foo>=1
foo>=1.0;python_version<'3.13'
torch==2.9.0+cu130
a<1>2
""".strip("\n").split("\n")


def _as_packaging(line: str) -> tuple[str, tuple[str, ...], SpecifierSet, str, str] | None:
    try:
        said = Requirement(line)
    except InvalidRequirement:
        return None
    extras = tuple(sorted(map(canonicalize_name, said.extras)))
    return (
        canonicalize_name(said.name), extras, said.specifier, str(said.marker or ""), said.url or ""
    )  # fmt: skip


def _as_parsed(line: str) -> tuple[str, tuple[str, ...], SpecifierSet, str, str] | None:
    try:
        said = parse(line)
    except ValueError:
        return None
    marker = str(Marker(said.marker)) if said.marker else ""
    return said.name, said.extras, SpecifierSet(said.specifier), marker, said.url


@pytest.mark.parametrize("line", [*CORPUS, "", " ", "\t", "foo\n>=1", "foo\n", "\x00", "foo\x00"])
def test_parse_is_as_packaging(line: str) -> None:
    assert _as_parsed(line) == _as_packaging(line)


_VERSIONS = st.sampled_from(
    ["1", "1.0", "2.0rc1", "1.*", "1.0.*", "1!2", "1.0+cpu", "abc", "v1", "1.0.post1", "", "*"]
)
_SPECIFIER = st.builds(
    "{}{}{}".format,
    st.sampled_from(["==", ">=", "<=", "~=", "!=", "<", ">", "===", "=", "=>", "<>"]),
    st.sampled_from(["", " ", "  "]),
    _VERSIONS,
)
_NAME = st.sampled_from(["foo", "Foo_Bar", "a.b", "x-", "1", "", "-a", "é", "foo bar"])
_EXTRAS = st.sampled_from(["", "[a]", "[a,B_c]", "[ a , b]", "[]", "[a", "[a,,b]", "[.a]"])
_MARKERS = st.sampled_from(
    ["", ";", "; extra == 'x'", ";python_version<'3'", "; a", "; os_name == 'nt' or extra=='y'"]
)
_LINES = st.builds(
    lambda name, extras, opened, some, comma, closed, marker, blank: (
        f"{name}{blank}{extras}{blank}{opened}{comma.join(some)}{closed}{blank}{marker}"
    ),
    _NAME, _EXTRAS, st.sampled_from(["", "", "("]), st.lists(_SPECIFIER, max_size=3),
    st.sampled_from([",", ", ", " , ", " ", ""]), st.sampled_from(["", "", ")"]), _MARKERS,
    st.sampled_from(["", " ", "\t", "\n"]),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(_LINES | st.text(max_size=40) | st.text("foo=<>!~[](),;'\" 1.*+@:/-_\t\n", max_size=24))
@example("a<1>2")
def test_parse_of_anything_is_as_packaging(line: str) -> None:
    assert _as_parsed(line) == _as_packaging(line)


def _names(metadata: Metadata, extra: str = "", target: targets.Target = SLIM) -> list[str]:
    return [one.name for one in metadata.required(target, extra)]


def _of(*requires: str, more: str = "") -> Metadata:
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    return Metadata(f"Metadata-Version: 2.1\nName: x\nVersion: 1\n{lines}{more}")


def _as_pip(requires: Sequence[str], extra: str, target: targets.Target) -> list[str]:
    """What pip adds for one extra to what it needs without: ``any(evaluate(extra))``."""
    found = []
    for line in requires:
        one = Requirement(line)
        environment = dict(marker_environment(target))
        holds = {
            which: one.marker is None or one.marker.evaluate({**environment, "extra": which})
            for which in ("", extra)
        }
        if holds[extra] and (not extra or not holds[""]):
            found.append(canonicalize_name(one.name))
    return found


EXTRAS = [
    "a; extra == 'x'",
    "b; 'x' == extra",
    'c; extra=="x"',
    "d; extra == 'X'",
    "e; extra == 'y'",
    "f; extra == 'x' or extra == 'y'",
    "g; (extra=='x')or(extra=='y')",
    "h; extra == 'x' and python_version < '3.10'",
    "i; python_version > '3' or extra == 'x'",
    "j; sys_platform == 'linux' and extra == 'x'",
    "k; (sys_platform == 'linux')or(extra == 'x')",
    "l; extra == 'x-y'",
    "m; extra == 'x_y'",
    "n; 'x.y' == extra",
    "o; python_version < '3' or\textra == 'x'",
    "p",
    "q; platform_machine != 'x86_64' and extra == 'x'",
    "r; extra == 'x' and extra == 'y'",
]


@pytest.mark.parametrize("target", [SLIM, OLD, MAC], ids=lambda target: target.id)
@pytest.mark.parametrize("extra", ["", "x", "y", "x-y", "z"])
def test_extras(extra: str, target: targets.Target) -> None:
    assert _names(_of(*EXTRAS), extra, target) == _as_pip(EXTRAS, extra, target)


@pytest.mark.parametrize("marker", ["extra in 'x y'", "extra in 'x,y'", "extra in 'x'"])
def test_an_extra_among_several(marker: str) -> None:
    """No text at all is in every text: pip needs it whatever the extra is."""
    for extra in ("", "x", "z"):
        assert _names(_of(f"a; {marker}"), extra) == _as_pip([f"a; {marker}"], extra, SLIM)


def test_markers_of_a_target() -> None:
    lines = ["a; platform_system == 'Darwin'", "b; python_version < '3.10'", "c; os_name != 'nt'"]
    metadata = _of(*lines, "d; platform_machine == 'arm64'")
    assert _names(metadata) == ["c"]
    assert _names(metadata, target=OLD) == ["b", "c"]
    assert "a" in _names(metadata, target=MAC)
    assert _names(metadata, target=ALPINE) == ["c"]


def test_a_marker_that_cannot_be_compared_forbids_nothing() -> None:
    assert applies("", SLIM)
    assert not applies("python_version < '3'", SLIM)
    assert isinstance(applies("platform_release >= 'x y z'", SLIM), bool)


def test_requirements_that_cannot_be_read_are_told() -> None:
    metadata = _of("good", "bad =>1", "worse; python_version <", "foo>=1<2")
    assert _names(metadata) == ["good"]
    assert metadata.unread == ["bad =>1", "worse; python_version <", "foo>=1<2"]


def test_extras_that_are_provided() -> None:
    assert _of(more="Provides-Extra: Foo_Bar\nProvides-Extra:  baz \n").extras == ["foo-bar", "baz"]


HEADERS = [
    "Name: a\nVersion: 1\n\nRequires-Dist: body\n",
    "Name: a\nRequires-Dist: b\n  ;extra == 'x'\nRequires-Dist: c\n",
    "Name: a\nLicense: text\n        \n        more\nRequires-Dist: c\n",
    "Name: a\nLicense: text\n\x0c more\nRequires-Dist: c\n",
    "Name: a\nLicense: one\n        \x0c\n        two\nRequires-Dist: c\n",
    "Name: a\nSummary: one\x1ctwo\x85three\u2028four\nRequires-Dist: c\n",
    "Name: a\r\nRequires-Dist: b\r\n\r\nbody: x\r\n",
    "NAME: a\nREQUIRES-DIST: b\n",
    "Name : a\nRequires-Dist:b\n",
    "Name: a\nRequires-Dist: b",
    "Name: a\nEmpty:\nRequires-Dist: c\n",
    "\nRequires-Dist: c\n",
    "",
]


@pytest.mark.parametrize("text", HEADERS)
def test_headers_are_as_pip_reads_them(text: str) -> None:
    """pip reads them with `email`, whose lines end at a line feed alone."""
    said = email.message_from_string(text)
    expected = [(key.lower(), " ".join(value.split())) for key, value in said.items()]
    assert [(key, " ".join(value.split())) for key, value in headers(text)] == expected


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("Requires-Dist: \nab;[]=\t\r", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    metadata = Metadata(text)
    assert isinstance(metadata.required(SLIM), list)
    assert isinstance(metadata.required(SLIM, "a"), list)


@pytest.mark.parametrize(
    "text",
    [
        "Requires-Dist: " + "a" * 3_000_000,
        "Requires-Dist: " + "a-" * 4000 + "\n",
        "Requires-Dist: a" + " " * 8000 + "!\n",
        "Requires-Dist: a[" + "a," * 4000 + "\n",
        "Requires-Dist: a" + ">=1," * 2000 + "!\n",
        "Requires-Dist: a; " + "(" * 8000 + "\n",
        "Requires-Dist: a; " + "extra == 'x' or " * 500 + "\n",
        "Requires-Dist: a; " + "extra" + " " * 8000 + "\n",
        "License: x\n" + " y\n" * 500_000 + "Requires-Dist: b\n",
        "".join(f"Requires-Dist: a{n}\n" for n in range(100_000)),
        "".join(f"Requires-Dist: a; python_version > '{n}'\n" for n in range(9000)),
        "\x00" * 3_000_000,
    ],
    ids=lambda text: f"{text[:24]!r} {len(text)}",
)
def test_metadata_of_four_megabytes(text: str) -> None:
    """What is hostile comes to an end, and nothing is left out in silence."""
    metadata = Metadata(text)
    assert len(_names(metadata)) <= MOST
    assert metadata.unread or "Requires-Dist" not in text or len(_names(metadata)) in (1, 4)
