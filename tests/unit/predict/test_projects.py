"""Releases of a page as installers see them: held against packaging itself."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from envcheck.index.pages import File
from envcheck.index.releases import sdist_of
from envcheck.model.target import Target
from envcheck.predict import targets
from envcheck.predict.projects import Project, admits
from envcheck.predict.tags import _tags, platforms

DAY = date(2026, 11, 20)
WORDS = ("3.12-slim", "3.12-alpine", "3.13t-slim", "3.12-macos", "3.12-windows", "3.9-glibc=2.17")
TARGETS = {word: targets.parse(word, today=DAY) for word in WORDS}
SLIM, ALPINE, THREADS, MAC, WINDOWS, OLD = TARGETS.values()


def file(
    name: str, requires_python: str = "", yanked: str | None = None, uploaded: str = ""
) -> File:
    return File(
        filename=name,
        url=f"recorded:{name}",
        requires_python=requires_python,
        yanked=yanked,
        uploaded=uploaded,
    )


def sdists(*versions: str) -> list[File]:
    return [file(f"x-{version}.tar.gz") for version in versions]


VERSIONS = (
    "0.9", "1.0", "1.0.post1", "1.0+cpu", "1.0.1", "1.1a1", "1.1rc1", "1.1", "1.10", "2.0.dev3",
    "2.0b1", "1!0.5",
)  # fmt: skip
ORDERED = sorted(map(Version, VERSIONS))
SPECIFIERS = (
    "", ">=1.0", ">1.0", "<1.1", "<=1.1", "<2.0b1", "==1.0", "==1.0.*", "!=1.0", "!=1.0.*",
    "~=1.0", "~=1.0.0", "===1.0", "===1.0+cpu", "==1.0+cpu", ">=1.1a1", "==1.1rc1", ">=2.0.dev0",
    "==1!0.5", "<1!0", ">=1.0,<1.1", ">=1,!=1.1", "==0.9,==1.0", "===nonsense", ">9", "==2.0b1",
    ">=1.0.post1", "<2.0", "==1.*",
)  # fmt: skip


def project(*files: File, before: str = "") -> Project:
    return Project("x", files, found=True, before=before)


def shown(known: Project, mask: int) -> list[str]:
    return [str(version) for n, version in enumerate(known.versions) if mask >> n & 1]


@pytest.mark.parametrize("text", SPECIFIERS)
def test_what_a_specifier_allows(text: str) -> None:
    known = project(*sdists(*VERSIONS))
    mask, early = known.allowed(text)
    wanted = SpecifierSet(text)
    assert shown(known, mask) == [str(v) for v in ORDERED if wanted.contains(v, prereleases=True)]
    assert early == bool(wanted.prereleases)
    assert known.allowed(text) == (mask, early)


_CLAUSES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["==", ">=", "<=", "~=", "!=", "<", ">", "==="]),
    st.sampled_from([*VERSIONS, "1", "1.0.0", "2", "abc", "1.0+cpu"]),
    st.sampled_from(["", "", "", ".*"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_CLAUSES, max_size=3).map(",".join))
def test_what_any_specifier_allows(text: str) -> None:
    known = project(*sdists(*VERSIONS))
    try:
        wanted = SpecifierSet(text)
    except InvalidSpecifier:
        with pytest.raises(InvalidSpecifier):
            known.allowed(text)
        return
    expected = [str(v) for v in ORDERED if wanted.contains(v, prereleases=True)]
    assert shown(known, known.allowed(text)[0]) == expected


def test_yanked_releases_only_where_they_are_named() -> None:
    known = project(
        *sdists("1.0"), file("x-2.0.tar.gz", yanked="bad"), file("x-3.0.tar.gz", yanked="")
    )
    assert shown(known, known.allowed("")[0]) == ["1.0"]
    assert shown(known, known.allowed(">=2")[0]) == []
    assert shown(known, known.allowed("==2.*")[0]) == []
    assert shown(known, known.allowed("==2.0")[0]) == ["2.0"]
    assert shown(known, known.allowed("===3.0")[0]) == ["3.0"]
    assert [release.yanked for release in known.releases] == [None, "bad", ""]
    assert known.newest() == 0


def test_the_newest() -> None:
    known = project(*sdists("1.0", "2.0rc1"), file("x-1.5.tar.gz", yanked="bad"))
    assert str(known.versions[known.newest() or 0]) == "1.0"
    assert project(*sdists("2.0rc1", "1.0a1")).newest() == 1
    assert project(file("x-1.5.tar.gz", yanked="bad")).newest() == 0
    assert project().newest() is None
    assert known.number("1.0.0") == 0
    assert known.number("9") is None
    assert known.number("what") is None


def test_the_same_version_in_several_spellings_is_one_release() -> None:
    known = project(
        file("x-1.0.tar.gz"), file("x-1.0.0-py3-none-any.whl"), file("X-1-py2-none-any.whl")
    )
    assert [len(release.files) for release in known.releases] == [3]


def test_names_that_have_no_version_are_told() -> None:
    known = project(file("x-2004d.tar.gz"), file("x-1.0.tar.gz"), file("x-1.0-what.tar.gz"))
    assert shown(known, known.all) == ["1.0"]
    assert set(known.unread) == {"x-2004d.tar.gz", "x-1.0-what.tar.gz"}


def test_before_a_day() -> None:
    files = (
        file("x-1.0.tar.gz", uploaded="2025-03-01T10:00:00Z"),
        file("x-2.0-py3-none-any.whl", uploaded="2025-03-01T23:59:59Z"),
        file("x-2.0.tar.gz", uploaded="2025-03-02T00:00:00Z"),
        file("x-3.0.tar.gz"),
    )
    known = project(*files, before="2025-03-02")
    assert shown(known, known.all) == ["1.0", "2.0", "3.0"]
    assert [len(release.files) for release in known.releases] == [1, 1, 1]
    assert known.undated == 1
    assert project(*files).undated == 0
    assert known.releases[1].uploaded == "2025-03-01T23:59:59Z"


NAMES = (
    "x-1.0-py3-none-any.whl",
    "x-1.0-py2.py3-none-any.whl",
    "x-1.0-py2-none-any.whl",
    "x-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    "x-1.0-cp312-cp312-manylinux_2_99_x86_64.whl",
    "x-1.0-cp312-cp312-manylinux2014_aarch64.whl",
    "x-1.0-cp312-cp312-musllinux_1_2_x86_64.whl",
    "x-1.0-cp312-abi3-manylinux2014_x86_64.whl",
    "x-1.0-cp38-abi3-manylinux2014_x86_64.whl",
    "x-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl",
    "x-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
    "x-1.0-cp39-cp39-manylinux1_x86_64.whl",
    "x-1.0-cp39-cp39-manylinux_2_18_x86_64.whl",
    "x-1.0-py3-none-manylinux_2_17_x86_64.whl",
    "x-1.0-py3-none-musllinux_1_1_x86_64.whl",
    "x-1.0-cp312-none-any.whl",
    "x-1.0-cp312-cp312-macosx_11_0_arm64.whl",
    "x-1.0-cp312-cp312-macosx_10_9_universal2.whl",
    "x-1.0-cp312-cp312-win_amd64.whl",
    "x-1.0-pp39-pypy39_pp73-manylinux2014_x86_64.whl",
    "x-1.0-1-py3-none-any.whl",
    "x-1.0-2a-py3-none-any.whl",
    "x-1.0-10-py3-none-any.whl",
    "x-1.0-cp312-cp312-linux_x86_64.whl",
    "x-1.0-CP312-CP312-MANYLINUX_2_17_X86_64.whl",
)


def order(target: Target) -> dict[Tag, int]:
    """packaging's own tags for the target, best first."""
    found: dict[Tag, int] = {}
    for tag in _tags(target):
        names = ["any"] if tag.platform == "any" else platforms(target)
        for name in names:
            found.setdefault(Tag(tag.interpreter, tag.abi, name), len(found))
    return found


def best(files: list[File], target: Target) -> str:
    """What pip's finder sorts first: rank of the best tag, then build tag; else the sdist."""
    ranks = order(target)
    found = []
    standing = [one for one in files if one.yanked is None] or files
    for one in standing:
        if not admits(one.requires_python, target.python) or not one.is_wheel:
            continue
        try:
            build, tags = parse_wheel_filename(one.filename)[2:]
        except InvalidWheelFilename:
            continue
        if supported := [ranks[tag] for tag in tags if tag in ranks]:
            found.append((-min(supported), build or (), one.filename))
    if found:
        top = max(found)
        return next(f.filename for f in files if f.filename == top[2])
    sdist = sdist_of(standing)
    return sdist.filename if sdist and admits(sdist.requires_python, target.python) else ""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            file,
            st.sampled_from([*NAMES, "x-1.0.tar.gz"]),
            st.sampled_from(["", "", ">=3.8", "<3.12", ">=3.10,<4", "nonsense"]),
            st.sampled_from([None, None, None, "", "bad"]),
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda one: one.filename,
    ),
    st.sampled_from(list(TARGETS.values())),
)
def test_the_choice_is_pips(files: list[File], target: Target) -> None:
    choice = project(*files).choice(0, target)
    found = choice.file.filename if choice.file else ""
    expected = best(files, target)
    assert choice.kind in ("wheel", "generic", "sdist") if found else choice.file is None
    if not (found.endswith(".whl") and expected.endswith(".whl")):
        assert found == expected
        return
    ranks = order(target)
    assert min(ranks[t] for t in parse_wheel_filename(found)[3] if t in ranks) == min(
        ranks[t] for t in parse_wheel_filename(expected)[3] if t in ranks
    )
    assert parse_wheel_filename(found)[2] == parse_wheel_filename(expected)[2]


@pytest.mark.parametrize("word", WORDS)
def test_every_name_alone(word: str) -> None:
    target = TARGETS[word]
    supported = order(target)
    for name in NAMES:
        tags = parse_tag("-".join(name.removesuffix(".whl").split("-")[-3:]))
        choice = project(file(name)).choice(0, target)
        assert (choice.file is not None) == (not tags.isdisjoint(supported)), name


def taken(*files: File) -> str:
    choice = project(*files).choice(0, SLIM)
    return choice.file.filename if choice.file else ""


def kind(*files: File, target: Target = SLIM, wheels: bool = True) -> str:
    return project(*files).choice(0, target, wheels=wheels).kind


def test_kinds() -> None:
    linux, pure = file("x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"), file(NAMES[0])
    assert kind(linux) == "wheel"
    assert kind(pure) == "generic"
    assert kind(linux, pure) == "wheel"
    assert kind(linux, target=ALPINE) == "nothing"
    assert kind(linux, pure, target=ALPINE) == "generic"
    assert kind(linux, *sdists("1.0"), target=ALPINE) == "sdist"
    assert kind(linux, *sdists("1.0"), wheels=False) == "sdist"
    assert kind(linux, wheels=False) == "nothing"


def test_requires_python() -> None:
    upper = "<3.12"
    assert kind(file(NAMES[0], upper)) == "python"
    assert kind(file("x-1.0.tar.gz", upper)) == "python"
    assert kind(file(NAMES[0], upper), file("x-1.0.tar.gz", upper)) == "python"
    assert kind(file(NAMES[0], upper), *sdists("1.0")) == "sdist"
    # no other Python would help where nothing is made for the platform
    assert kind(file("x-1.0-cp311-cp311-manylinux2014_x86_64.whl", upper), target=ALPINE) == (
        "nothing"
    )
    assert admits(">=3.12", "3.12.0rc1")
    assert admits("nonsense", "3.12.1")
    assert not admits("<3.12", "3.12.1")
    assert admits("<3.13", "3.12.11")
    assert not admits("!=3.12.*", "3.12.11")


def test_a_platform_that_is_not_known() -> None:
    nameless = Target(id="somewhere", python="3.12.1", libc="")
    assert kind(file("x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"), target=nameless) == "unknown"
    assert kind(file(NAMES[0]), target=nameless) == "generic"
    assert kind(file("x-1.0-cp311-cp311-win_amd64.whl"), target=nameless) == "nothing"


def test_yanked_files_of_a_release_that_stands() -> None:
    good, bad = "x-1.0-py2.py3-none-any.whl", "x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"
    assert taken(file(bad, yanked="broken"), file(good)) == good
    assert taken(file(bad, yanked="broken"), file(good, yanked="")) == bad


def test_build_numbers_are_numbers() -> None:
    files = [file(f"x-1.0-{build}py3-none-any.whl") for build in ("9-", "", "10-", "10b-", "2z-")]
    for number in range(len(files)):
        assert taken(*files[number:], *files[:number]) == "x-1.0-10b-py3-none-any.whl"


@pytest.mark.parametrize(
    "name",
    [
        "x-1.0-cp312-cp312-manylinux_2_28_x86_64-cu129.whl",
        "x-1.0-1-cp312-cp312-manylinux_2_28_x86_64-cu129.whl",
        "x-1.0-py3-none-any-null.whl",
        "x-1.0-py3-none.whl",
        "x-1.0.whl",
        "x-1.0-.-.-..whl",
        "x-1.0---.whl",
        "x-1.0-py3-none-any.whl.metadata",
        "x-1.0-py3-none-any.egg",
        "x-1.0.exe",
        "x-1.0-b-py3-none-any.whl",
    ],
)
def test_variants_and_names_that_are_none_are_not_taken(name: str) -> None:
    known = project(file(name), *sdists("0.1"))
    choices = [known.choice(number, SLIM) for number in range(len(known.releases))]
    assert not any(choice.file and choice.file.is_wheel for choice in choices)
    assert taken(file(name), file(NAMES[0])) == NAMES[0]


def test_the_sdist_that_is_preferred() -> None:
    files = [file(f"x-1.0{ending}") for ending in (".tar.bz2", ".zip", ".tar.gz", ".tgz")]
    assert sdist_of(files) is files[2]
    assert sdist_of([file(NAMES[0])]) is None
