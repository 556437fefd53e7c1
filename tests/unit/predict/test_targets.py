"""Words for targets, and what the images that they name have on which day."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck import knowledge
from envcheck.errors import UsageError
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.model.target import Target
from envcheck.predict import images, pythons, targets, words
from envcheck.predict.environment import marker_environment
from envcheck.predict.tags import platforms, ranks

TODAY = dt.date(2026, 11, 20)


def parse(word, today=TODAY, **named):
    return targets.parse(word, today=today, **named)


@pytest.mark.parametrize(
    ("word", "python", "libc", "compilers", "image"),
    [
        ("3.12-slim", "3.12.16", "glibc 2.41", set(), "python:3.12-slim"),
        ("3.12-alpine", "3.12.16", "musl 1.2.6", set(), "python:3.12-alpine"),
        ("3.12-slim-bookworm", "3.12.16", "glibc 2.36", set(), "python:3.12-slim-bookworm"),
        ("3.12-slim-trixie", "3.12.16", "glibc 2.41", set(), "python:3.12-slim-trixie"),
        ("3.14-alpine3.23", "3.14.10", "musl 1.2.5", set(), "python:3.14-alpine3.23"),
        ("3.12", "3.12.16", "glibc 2.41", {"c", "c++"}, "python:3.12"),
        ("3.12-bookworm", "3.12.16", "glibc 2.36", {"c", "c++"}, "python:3.12-bookworm"),
        ("3.12-slim-cc", "3.12.16", "glibc 2.41", {"c", "c++"}, ""),
        ("3.12-alpine-cc", "3.12.16", "musl 1.2.6", {"c", "c++"}, ""),
        ("3.15-slim", "3.15.2", "glibc 2.41", set(), "python:3.15-slim"),
        ("3.13t-slim", "3.13.18", "glibc 2.41", set(), ""),
        ("pypy3.11-slim", "3.11.17", "glibc 2.41", set(), "pypy:3.11-slim"),
        ("python:3.12-slim", "3.12.16", "glibc 2.41", set(), "python:3.12-slim"),
        ("docker.io/library/python:3.12", "3.12.16", "glibc 2.41", {"c", "c++"}, "python:3.12"),
        ("pypy:3.11-slim", "3.11.17", "glibc 2.41", set(), "pypy:3.11-slim"),
        ("3.12-glibc=2.17", "3.12.16", "glibc 2.17", None, ""),
        ("3.12-glibc2.17", "3.12.16", "glibc 2.17", None, ""),
        ("3.12-musl=1.2", "3.12.16", "musl 1.2", None, ""),
        ("3.9-musl=1.1", "3.9.25", "musl 1.1", None, ""),
        ("pypy3.11.13-glibc=2.28", "3.11.13", "glibc 2.28", None, ""),
        # what is not built any more stands still: its system, and its Python
        ("3.9-slim", "3.9.25", "glibc 2.41", set(), "python:3.9-slim"),
        ("3.9-alpine", "3.9.25", "musl 1.2.5", set(), "python:3.9-alpine"),
        ("3.8-slim", "3.8.20", "glibc 2.36", set(), "python:3.8-slim"),
        ("3.8-alpine", "3.8.20", "musl 1.2.5", set(), "python:3.8-alpine"),
        ("3.7-slim", "3.7.17", "glibc 2.36", set(), "python:3.7-slim"),
        ("3.12-slim-bullseye", "3.12.11", "glibc 2.31", set(), "python:3.12-slim-bullseye"),
        ("3.12-alpine3.20", "3.12.10", "musl 1.2.5", set(), "python:3.12-alpine3.20"),
        ("3.11-alpine3.19", "3.11.11", "musl 1.2.4", set(), "python:3.11-alpine3.19"),
        ("3.12.4-slim", "3.12.4", "glibc 2.36", set(), "python:3.12.4-slim"),
        ("3.12.4-alpine", "3.12.4", "musl 1.2.5", set(), "python:3.12.4-alpine"),
        ("3.13.6-slim", "3.13.6", "glibc 2.41", set(), "python:3.13.6-slim"),
        ("pypy3.10-slim", "3.10.16", "glibc 2.36", set(), "pypy:3.10-slim"),
        ("3.16-slim", "3.16.0a2", "glibc 2.41", set(), "python:3.16-rc-slim"),
    ],
)
def test_what_a_word_means(word, python, libc, compilers, image):
    target = parse(word)
    assert (target.python, target.libc, target.image) == (python, libc, image)
    assert target.compilers == (None if compilers is None else frozenset(compilers))
    assert target.note


@pytest.mark.parametrize(
    ("word", "day", "python", "libc"),
    [
        ("3.12-slim", "2025-08-11", "3.12.11", "glibc 2.36"),
        ("3.12-slim", "2025-08-12", "3.12.11", "glibc 2.41"),
        ("3.11-slim", "2023-06-13", "3.11.4", "glibc 2.31"),
        ("3.12-alpine", "2026-06-01", "3.12.13", "musl 1.2.5"),
        ("3.12-slim-bullseye", "2024-01-01", "3.12.1", "glibc 2.31"),
        ("3.9-slim", "2024-01-01", "3.9.18", "glibc 2.36"),
        ("3.15-slim", "2026-11-01", "3.15.1", "glibc 2.41"),
        ("3.8-slim", "2021-09-01", "3.8.12", "glibc 2.31"),
        ("pypy3.11-slim", "2025-09-01", "3.11.13", "glibc 2.41"),
    ],
)
def test_as_of_a_day(word, day, python, libc):
    target = parse(word, dt.date.fromisoformat(day))
    assert (target.python, target.libc) == (python, libc)


def test_what_is_not_known_is_not_guessed():
    assert parse("3.10-alpine", dt.date(2022, 1, 1)).libc == ""  # before the table begins
    assert platforms(parse("3.10-alpine", dt.date(2022, 1, 1))) == ()
    assert parse("3.8.5-slim").libc == ""  # superseded before that
    assert parse("3.8.5-glibc=2.28").python == "3.8.5"
    later = parse("3.12-slim", dt.date(2028, 1, 1))
    assert later.libc == "glibc 2.41"  # at least: defaults only move to newer systems
    assert "2026-11-20" in later.note
    assert "newer" in later.note
    assert "newer" not in parse("3.12-slim-bookworm", dt.date(2028, 1, 1)).note
    unheard = parse("3.12.99-slim", dt.date(2027, 1, 1))
    assert "3.12.99 is not known" in unheard.note


@pytest.mark.parametrize(
    ("word", "architecture", "tag"),
    [
        ("3.12-slim-aarch64", "aarch64", "manylinux_2_41_aarch64"),
        ("3.12-slim-arm64", "aarch64", "manylinux_2_41_aarch64"),
        ("3.12-alpine-armv7l", "armv7l", "musllinux_1_2_armv7l"),
        ("3.12-slim-ppc64le", "ppc64le", "manylinux_2_41_ppc64le"),
        ("3.12-slim-s390x", "s390x", "manylinux_2_41_s390x"),
        ("3.12-slim-i686", "i686", "manylinux_2_41_i686"),
        ("3.12-glibc=2.17-aarch64", "aarch64", "manylinux_2_17_aarch64"),
        ("3.12-macos", "aarch64", "macosx_14_0_arm64"),
        ("3.12-macos=15-x86_64", "x86_64", "macosx_15_0_x86_64"),
        ("3.12-macos=13.2-arm64", "aarch64", "macosx_13_0_arm64"),
        ("3.12-windows", "x86_64", "win_amd64"),
        ("3.12-windows-arm64", "aarch64", "win_arm64"),
        ("3.12-windows-i686", "i686", "win32"),
    ],
)
def test_architectures_and_systems(word, architecture, tag):
    target = parse(word)
    assert target.architecture == architecture
    assert ranks(target).best == f"cp312-cp312-{tag}"


def test_the_architecture_that_is_not_said_is_the_callers():
    assert parse("3.12-slim", architecture="aarch64").id == "3.12-slim-aarch64"
    assert parse("3.12-slim-x86_64", architecture="aarch64").id == "3.12-slim"
    assert parse("3.12-windows", architecture="aarch64").id == "3.12-windows-aarch64"
    assert parse("3.12-windows", architecture="s390x").id == "3.12-windows"
    assert parse("3.12-macos", architecture="s390x").id == "3.12-macos"


def test_an_architecture_without_images_says_so():
    target = parse("3.12-slim-bookworm-riscv64")
    assert target.image == ""
    assert "no such image for riscv64" in target.note
    assert parse("3.12-slim-riscv64").image == "python:3.12-slim"
    assert parse("pypy3.11-slim-s390x").image == ""


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("", "no target"),
        ("3.12-slm", "did you mean `slim`?"),
        ("3.12-bookwurm", "did you mean `bookworm`?"),
        ("3.12-slim-x86-64", "says nothing"),
        ("slim", "did you mean"),
        ("3.12-slim-slim", "comes after another"),
        ("3.12-slim-alpine", "slim images are of Debian"),
        ("3.12-alpine-bookworm", "comes after another"),
        ("3.12-glibc=2.17-musl=1.2", "comes after another"),
        ("3.12-slim-arm64-aarch64", "comes after another"),
        ("3.12-slim-", "says nothing"),
        ("3.12-glibc", "says nothing"),
        ("3.12-glibc=3.1", "says nothing"),
        ("3.12-musl=2.0", "says nothing"),
        ("2.7-slim", "Python 3.7 to 3.16 are known"),
        ("3.17-slim", "Python 3.7 to 3.16 are known"),
        ("3.12.99-slim", "the newest Python 3.12 is 3.12.16"),
        ("3.12t-slim", "free-threaded"),
        ("pypy3.13t-slim", "free-threaded"),
        ("pypy3.13-slim", "no PyPy that is Python 3.13"),
        ("pypy3.11.13-slim", "called by the feature release"),
        ("pypy3.11-alpine", "no images of PyPy on Alpine"),
        ("3.14-slim-bullseye", "never was such an image"),
        ("3.9-slim-trixie-x", "says nothing"),
        ("3.9-alpine3.23", "never was such an image"),
        ("3.12.4-slim-trixie", "never was such an image"),
        ("3.12-alpine3.99", "Alpine 3.17 to 3.24 are known"),
        ("3.12-macos-s390x", "macos is on"),
        ("3.12-windows-ppc64le", "windows is on"),
        ("3.12-glibc2.17-rc", "only images are called rc"),
        ("python:pypy3.11-slim", "no target"),
        ("ubuntu:22.04", "no target"),
        ("python:3.12-slim@sha256:" + "0" * 64, "says nothing"),
        ("3.12-" + "a" * 500, "too long"),
        ("3.１２-slim", "no target"),
    ],
)
def test_what_is_no_target(word, why):
    with pytest.raises(UsageError) as caught:
        parse(word)
    assert why in caught.value.message
    assert "3.12-alpine" in caught.value.hint


def test_a_python_of_the_future():
    with pytest.raises(UsageError, match=r"first known Python 3\.15 is of 2026-10-13"):
        parse("3.15-slim", dt.date(2026, 1, 1))


_TOKENS = [
    *("3.12", "3.9", "3.13t", "pypy3.11", "3.12.4", "python:3.12", "2.7", "3.99", "here"),
    *("slim", "alpine", "alpine3.20", "bookworm", "bullseye", "trixie", "cc", "rc", "macos=14"),
    *("windows", "glibc=2.17", "musl1.2", "musl", "aarch64", "i686", "x86_64", "", "\x00", "é"),
]


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=6).map("-".join),
        st.from_regex(r"(python:|pypy)?3\.1[0-5](\.[0-9]{1,2})?t?(-[a-z0-9_.=]{1,8}){0,3}"),
    ),
    st.dates(dt.date(2019, 1, 1), dt.date(2032, 1, 1)),
)
def test_a_word_is_a_target_or_a_usage_error(word, today):
    """Nothing else, and the id of a target is a word for the same."""
    try:
        target = parse(word, today)
    except UsageError as error:
        said = error.message
        target = None
    else:
        said = targets.describe(target)
    assert said.isprintable()
    if target is None or target.id == "here":
        return
    assert parse(target.id, today) == target
    assert ranks(target).best
    assert marker_environment(target)["python_version"] == target.minor


def test_products_and_words():
    found = targets.parse_all(
        ["3.12-glibc=2.17", "3.10-slim", "3.13t-slim", "pypy3.10-slim"],
        ["3.9-3.10", "3.12", "3.13"],
        ["slim", "alpine"],
        today=TODAY,
    )
    assert [target.id for target in found] == [
        *("3.9-slim", "3.9-alpine", "3.10-slim", "3.10-alpine"),
        *("3.12-slim", "3.12-alpine", "3.12-glibc2.17", "3.13-slim", "3.13-alpine"),
        *("3.13t-slim", "pypy3.10-slim"),
    ]
    assert targets.parse_all(["3.12-slim", "python:3.12-slim"], today=TODAY) == [parse("3.12-slim")]
    both = targets.parse_all([], ["3.12"], today=TODAY)
    assert [target.id for target in both] == ["3.12-alpine", "3.12-slim"]
    assert targets.parse_all([], today=TODAY) == []
    with pytest.raises(UsageError, match="ends before it begins"):
        targets.parse_all([], ["3.12-3.10"], today=TODAY)


@pytest.mark.parametrize(
    ("id_", "python", "place"),
    [
        ("3.12-slim", "3.12", "slim"),
        ("3.12", "3.12", ""),
        ("3.12.4-slim-aarch64", "3.12.4", "slim-aarch64"),
        ("3.13t-slim", "3.13t", "slim"),
        ("pypy3.11-slim", "pypy3.11", "slim"),
        ("3.16-slim", "3.16", "slim"),
    ],
)
def test_the_two_parts_of_an_id(id_, python, place):
    target = parse(id_)
    assert (target.interpreter, target.place) == (python, place)


def test_the_name_of_a_place_is_not_taken_apart():
    target = Target("mine-3.12-base:1", "3.12.1")
    assert (target.interpreter, target.place) == ("3.12", "mine-3.12-base:1")
    assert Target("here", "3.13.1", free_threaded=True).interpreter == "3.13t"


def test_said_in_one_line():
    lines = {word: targets.describe(parse(word)) for word in ("3.12-alpine", "3.12-slim-cc")}
    assert lines["3.12-alpine"] == (
        "CPython 3.12.16, musl 1.2.6 (Alpine 3.24, as of 2026-11-20), x86_64, no compiler"
    )
    assert "compilers: C, C++" in lines["3.12-slim-cc"]
    assert targets.describe(parse("3.9-slim")) == (
        "CPython 3.9.25, glibc 2.41 (Debian 13 trixie, last built by 2025-11-03), x86_64, "
        "no compiler"
    )
    assert targets.describe(parse("3.13t-macos=14")).startswith("CPython 3.13.18t, macOS 14.0 (")
    assert targets.describe(parse("pypy3.11-slim")).startswith("PyPy 8.0.1 (Python 3.11.17), ")
    assert "C library not known" in targets.describe(Target("x", "3.12.1"))


def test_the_abi_of_pypy_is_its_own():
    """PyPy 8.0 loads nothing that was built for 7.3, and the other way round."""
    new, old = parse("pypy3.11-slim"), parse("pypy3.11-slim", dt.date(2025, 9, 1))
    wheel = "x-1-pp311-pypy311_pp{}-manylinux_2_28_x86_64.whl"
    assert ranks(new).rank(wheel.format(80)) is not None
    assert ranks(new).rank(wheel.format(73)) is None
    assert ranks(old).rank(wheel.format(73)) is not None
    assert ranks(old).rank(wheel.format(80)) is None
    assert all(ranks(new).rank(f"x-1-{tag}-none-any.whl") for tag in ("pp311", "pp3", "py3"))
    assert marker_environment(new)["implementation_version"] == "8.0.1"


# --- cells of a matrix


def cell(os, python="3.12", **axes):
    every = {"python": python, "os": os, "installer": "uv", "architecture": "x86_64", **axes}
    return Cell(
        id=f"{python}-{os}",
        axes=every,
        test=Subject(),
        index=Index(),
        steps=Steps(),
        limits=Limits(),
    )


def of_cell(one, settings=None, **named):
    return targets.of_cell(one, settings or {}, today=TODAY, **named)


def test_cells_on_official_images():
    assert of_cell(cell("slim")) == parse("3.12-slim")
    assert of_cell(cell("alpine-cc")) == parse("3.12-alpine-cc")
    assert of_cell(cell("alpine", "3.13t")).free_threaded
    assert of_cell(cell("slim", architecture="aarch64")).architecture == "aarch64"
    named = of_cell(cell("slim"), {"slim": "python:{python}-slim-bookworm"})
    assert (named.id, named.libc) == ("3.12-slim", "glibc 2.36")


def test_cells_on_mirrors_say_that_they_were_not_looked_into():
    target = of_cell(cell("slim-cc"), {"slim": "registry.example.org/python:{python}-slim"})
    assert target.libc == "glibc 2.41"
    assert target.compilers == {"c", "c++"}
    assert "registry.example.org/python:3.12-slim was not looked into" in target.note


@pytest.mark.parametrize(
    ("os", "settings"),
    [
        ("slim", {"slim": "envcheck-base:{python}-slim"}),
        ("alpine-cc", {"alpine": "envcheck-base:{python}-musl"}),
        ("cuda", {}),
        ("slim", {"slim": "python@sha256:" + "0" * 64}),
        ("slim", {"slim": "python"}),
    ],
)
def test_of_other_images_the_c_library_is_not_known(os, settings):
    target = of_cell(cell(os), settings)
    assert target.id == f"3.12-{os}"
    assert (target.libc, target.compilers, target.python) == ("", None, "3.12.16")
    assert "was not looked into" in target.note
    assert platforms(target) == ()


def test_other_images_can_be_looked_into():
    asked = []

    def examined(reference):
        asked.append(reference)
        return Target("x", "3.12.1", "glibc 2.36", note="observed", image=reference)

    settings = {"slim": "envcheck-base:{python}-slim"}
    target = of_cell(cell("slim"), settings, examined=examined)
    assert (target.id, target.python, target.libc) == ("3.12-slim", "3.12.1", "glibc 2.36")
    assert of_cell(cell("slim-cc"), settings, examined=examined).compilers == {"c", "c++"}
    assert asked == ["envcheck-base:3.12-slim"] * 2


# --- the tables


def test_every_row_has_a_source_and_a_day():
    tables = [knowledge.table(name) for name in ("images", "python_patches")]
    rows = [
        row for table in tables for rows in table.values() if type(rows) is list for row in rows
    ]
    assert len(rows) > 30
    assert all(row["source"] and row["date"] for row in rows)


def test_the_tables_agree():
    released = [row["python"] for row in knowledge.table("python_releases")["rows"]]
    assert [minor for minor in pythons.minors() if minor in released] == released
    for family in ("debian", "alpine"):
        rows = [one for one in images.systems() if one.family == family]
        days = [one.since for one in rows]
        assert days == sorted(days)
        assert all(one.until == "" or one.until > one.since for one in rows)
        assert rows[-1].until == ""
        assert set(words.ARCHITECTURES.values()) >= {a for one in rows for a in one.architectures}
    for minor in pythons.minors():
        days = [one.day for one in pythons.releases(minor)]
        assert days == sorted(days)
        assert max(days) <= pythons.known_until()
