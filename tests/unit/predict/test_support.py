"""What releases have for targets: by packaging's own tags, on pages of real projects."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envcheck.index import recording
from envcheck.index.pages import File
from envcheck.model.target import Target
from envcheck.predict.projects import Project
from envcheck.predict.support import (
    Choice,
    cell,
    counted,
    maintained,
    place,
    shown,
    support,
)

PAGES = recording.read(str(Path(__file__).parents[2] / "data" / "wheels" / "pages.recording"))
MUSL = [f"musllinux_1_{minor}_x86_64" for minor in (2, 1, 0)] + ["linux_x86_64"]
PYTHONS = ("3.8.20", "3.9.25", "3.10.22", "3.11.18", "3.12.16", "3.13.18", "3.14.10", "3.15.2")


def manylinux(newest: int, architecture: str = "x86_64") -> list[str]:
    """Platform tags of glibc 2.``newest`` as PEP 600 has them, best first."""
    old = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    names = []
    for minor in range(newest, 4 if architecture == "x86_64" else 16, -1):
        names.append(f"manylinux_2_{minor}_{architecture}")
        names += [f"{old[minor]}_{architecture}"] if minor in old else []
    return [*names, f"linux_{architecture}"]


#: id -> (what a target has besides its Python, its platform tags)
PLACES = {
    "bookworm": ({"libc": "glibc 2.36"}, manylinux(36)),
    "trixie": ({"libc": "glibc 2.41"}, manylinux(41)),
    "old": ({"libc": "glibc 2.17"}, manylinux(17)),
    "alpine": ({"libc": "musl 1.2.5"}, MUSL),
    "arm": ({"libc": "glibc 2.36", "architecture": "aarch64"}, manylinux(36, "aarch64")),
    "windows": ({"system": "windows"}, ["win_amd64"]),
    "macos": (
        {"system": "macos", "release": "14.0", "architecture": "aarch64"},
        list(mac_platforms((14, 0), "arm64")),
    ),
}


def project(name: str) -> Project:
    return Project(name, PAGES.listing(name).files, found=True)


def supported(python: str, platforms: list[str], *, threaded: bool = False) -> dict[Tag, int]:
    """All tags of a CPython by packaging itself, each with its place."""
    version = tuple(map(int, python.split(".")[:2]))
    name = f"cp{version[0]}{version[1]}"
    abi = f"{name}t" if threaded else name
    tags = [
        *cpython_tags(version, [abi], platforms),
        *compatible_tags(version, name, platforms),
    ]
    return {tag: number for number, tag in reversed(list(enumerate(tags)))}


@lru_cache(None)
def parsed(filename: str) -> tuple[tuple[object, ...], frozenset[Tag]]:
    """(build, tags); none for what is no wheel's name."""
    try:
        return parse_wheel_filename(filename)[2:]
    except InvalidWheelFilename:
        return (), frozenset()


@lru_cache(None)
def admits(requires_python: str, python: str) -> bool:
    return SpecifierSet(requires_python).contains(python, prereleases=True)


def by_packaging(files: list[File], python: str, tags: dict[Tag, int]) -> tuple[str, set[str]]:
    """(state, the files that are the best) of a release, by packaging alone."""
    standing = [file for file in files if file.yanked is None] or files
    best: list[tuple[int, tuple[object, ...], File]] = []
    sdists = []
    excluded = False
    platforms = {tag.platform for tag in tags}
    for file in standing:
        admitted = admits(file.requires_python, python)
        if not file.is_wheel:
            sdists += [file] if admitted else []
            excluded = excluded or not admitted
            continue
        build, own = parsed(file.filename)
        excluded = excluded or (not admitted and any(tag.platform in platforms for tag in own))
        ranks = [tags[tag] for tag in own if tag in tags]
        if admitted and ranks:
            best.append((min(ranks), build, file))
    if best:
        first = min(rank for rank, _, _ in best)
        build = max(build for rank, build, _ in best if rank == first)
        found = [file for rank, its, file in best if (rank, its) == (first, build)]
        state = "generic" if found[0].filename.endswith("-any.whl") else "wheel"
    elif sdists:
        state, found = "sdist", sdists
    else:
        return ("python" if excluded else "nothing"), {""}
    if all(file.yanked is not None for file in files):
        state = "yanked"
    return state, {file.filename for file in found}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", PAGES.listings)
def test_every_cell_is_what_packaging_says(name: str, where: str) -> None:
    """All releases of a project, on every Python, free-threaded ones too."""
    known = project(name)
    more, platforms = PLACES[where]
    wrong = []
    for python in PYTHONS:
        for threaded in (False, True) if python in PYTHONS[-3:] else (False,):
            target = Target(f"{python}-{where}", python, free_threaded=threaded, **more)
            tags = supported(python, platforms, threaded=threaded)
            for number, release in enumerate(known.releases):
                found = cell(known, number, target)
                state, files = by_packaging(list(release.files), python, tags)
                if found.state != state or found.file not in files:
                    wrong.append((target.id, str(release.version), found, state, files))
                if found.tag:
                    interpreter, abi, platform = found.tag.split("-")
                    assert Tag(interpreter, abi, platform) in tags
    assert not wrong[:3]


def file(name: str, **said: object) -> File:
    return File(filename=name, url=f"recorded:{name}", **said)  # type: ignore[arg-type]


def of(*files: File) -> Project:
    return Project("one", files, found=True)


SLIM = Target("3.12-slim", "3.12.16", libc="glibc 2.36")
ALPINE = Target("3.12-alpine", "3.12.16", libc="musl 1.2")


def state(*files: File, target: Target = SLIM) -> str:
    return cell(of(*files), 0, target).state


def test_a_file_that_was_yanked_is_taken_only_if_no_other_will_do() -> None:
    yanked = file("one-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", yanked="broken")
    other = file("one-1.0-py3-none-any.whl")
    assert state(yanked, other) == "generic"
    found = cell(of(yanked), 0, SLIM)
    assert (found.state, found.reason) == ("yanked", "yanked: broken")
    assert found.file == yanked.filename
    assert "no reason" in cell(of(file(yanked.filename, yanked="")), 0, SLIM).reason


def test_of_two_builds_the_higher_number_is_taken() -> None:
    names = [f"one-1.0-{build}-py3-none-any.whl" for build in ("2", "10", "9a")]
    assert cell(of(*map(file, names)), 0, SLIM).file == names[1]


def test_why_there_is_nothing_better_is_said() -> None:
    wheel = file("one-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    found = cell(of(wheel), 0, ALPINE)
    assert found.state == "nothing"
    assert (
        found.reason
        == "no wheel for musllinux_1_2_x86_64, there are those of manylinux_2_28 x86_64"
    )
    found = cell(of(wheel), 0, SLIM._replace(id="3.13-slim", python="3.13.1"))
    assert found.reason == "no wheel for cp313-cp313 on this platform, there are those of 3.12"
    bound = file("one-1.0-py3-none-any.whl", requires_python=">=3.9,<3.12")
    found = cell(of(bound), 0, SLIM)
    assert found.state == "python"
    assert "<3.12,>=3.9" in found.reason or ">=3.9,<3.12" in found.reason
    assert cell(of(file("one-1.0.tar.gz")), 0, SLIM).reason == "no wheels"


def test_another_python_would_not_help_where_no_wheel_is_for_the_platform() -> None:
    wheel = file("one-1.0-cp313-cp313-manylinux_2_28_x86_64.whl", requires_python=">=3.13")
    assert state(wheel) == "python"
    assert state(wheel, target=ALPINE) == "nothing"


def test_what_cannot_be_judged_is_unknown() -> None:
    nowhere = Target("3.12", "3.12.16")
    wheel = file("one-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert state(wheel, target=nowhere) == "unknown"
    assert state(wheel, file("one-1.0-py3-none-any.whl"), target=nowhere) == "generic"


def test_variants_are_listed_apart_and_count_for_nothing() -> None:
    names = [
        "one-1.0-cp312-cp312-manylinux_2_28_x86_64-cu128.whl",
        "one-1.0-7-cp312-cp312-manylinux_2_28_x86_64-cu130.whl",
    ]
    found = support(of(*map(file, names)), [SLIM])
    (release,) = found.releases
    assert release.variants == names
    assert release.wheels == 0
    assert release.cells[0].state == "nothing"
    assert release.cells[0].reason == "there are only wheels with variant labels"


def any_wheels(*versions: str, yanked: str | None = None, day: str = "") -> list[File]:
    return [file(f"one-{v}-py3-none-any.whl", yanked=yanked, uploaded=day) for v in versions]


def versions(known: Project, choice: Choice) -> list[str]:
    return [str(known.versions[number]) for number in shown(known, choice)]


def test_releases_that_are_shown() -> None:
    known = of(
        *any_wheels("1.0", "2.0", day="2024-01-01T00:00:00Z"),
        *any_wheels("3.0", day="2025-01-01T00:00:00Z", yanked="bad"),
        *any_wheels("3.1rc1", day="2025-02-01T00:00:00Z"),
        *any_wheels("2.1"),
    )
    assert versions(known, Choice(None)) == ["3.0", "2.1", "2.0", "1.0"]
    assert versions(known, Choice(2)) == ["3.0", "2.1"]
    assert versions(known, Choice(None, pre=True))[0] == "3.1rc1"
    assert versions(known, Choice(None, since="2024-06-01")) == ["3.0", "2.1"]  # 2.1: not known
    assert versions(known, Choice(None, specifier=">=2,<3")) == ["2.1", "2.0"]
    assert versions(known, Choice(None, specifier=">=3.1rc1")) == ["3.1rc1"]
    assert [str(r.version) for r in counted(known)] == ["1.0", "2.0", "2.1"]
    table = support(known, [SLIM])
    assert table.newest is not None
    assert table.newest.version == "2.1"
    assert (table.counted, table.listed) == (3, 5)
    assert table.notes == [
        "there is a newer pre-release, 3.1rc1 (2025-02-01)",
        "the index does not say when 1 of its releases was uploaded",
    ]


def test_a_project_of_pre_releases_only() -> None:
    table = support(of(*any_wheels("1.0b1", "1.0b2")), [SLIM])
    assert [release.version for release in table.releases] == ["1.0b2", "1.0b1"]
    assert table.prereleases
    assert table.notes[0] == "it has pre-releases only"


def test_a_project_of_which_all_is_yanked() -> None:
    table = support(of(*any_wheels("1.0", "2.0", yanked="")), [SLIM])
    assert table.newest is None
    assert table.notes == ["all its releases are yanked"]
    assert [release.cells[0].state for release in table.releases] == ["yanked", "yanked"]
    assert support(of(), [SLIM]).listed == 0


def test_local_versions_are_builds_of_one_release() -> None:
    known = of(*any_wheels("1.0", "1.0+cpu", "1.1"))
    assert [(str(r.version), len(r.files)) for r in counted(known)] == [("1.0", 2), ("1.1", 1)]
    assert versions(known, Choice(None)) == ["1.1", "1.0+cpu", "1.0"]


def test_a_generic_wheel_beside_others_is_noted() -> None:
    table = support(project("soundfile"), [ALPINE])
    assert table.releases[0].cells[0].state == "generic"
    assert any("a wheel for any platform beside" in note for note in table.notes)
    assert not support(project("accelerate"), [ALPINE]).notes


def test_pythons_that_are_maintained() -> None:
    assert maintained("2026-11-21") == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    assert maintained("2025-10-01")[0] == "3.9"
    assert maintained("2026-11-21", years=2)[0] == "3.9"


def test_a_target_says_what_it_wants() -> None:
    assert place(SLIM).wanted == "cp312-cp312-manylinux_2_36_x86_64"
    assert place(ALPINE).wanted == "cp312-cp312-musllinux_1_2_x86_64"
