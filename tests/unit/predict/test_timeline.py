"""Since when releases have something, and until when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envcheck.index import recording
from envcheck.index.pages import File
from envcheck.predict.projects import Project
from envcheck.predict.timeline import timeline

if TYPE_CHECKING:
    from envcheck.model.wheels import Feature

PAGES = recording.read(str(Path(__file__).parents[2] / "data" / "wheels" / "pages.recording"))
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]


def features(known: Project, *, pre: bool = False) -> dict[str, Feature]:
    return {each.key: each for each in timeline(known, PYTHONS, pre=pre)}


def real(name: str) -> dict[str, Feature]:
    return features(Project(name, PAGES.listing(name).files, found=True))


def made(*wheels: tuple[str, str, str], **said: object) -> dict[str, Feature]:
    """``wheels``: version, tags (``sdist`` for one), day."""
    files = []
    for version, tag, day in wheels:
        name = f"one-{version}.tar.gz" if tag == "sdist" else f"one-{version}-{tag}.whl"
        uploaded = f"{day}T00:00:00Z" if day else ""
        files.append(File(filename=name, url=name, uploaded=uploaded, **said))  # type: ignore[arg-type]
    return features(Project("one", files, found=True))


def story(feature: Feature) -> tuple[str, str, str]:
    """State, first release, last release."""
    first, last = feature.first, feature.last
    return feature.now, first.version if first else "", last.version if last else ""


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("duckdb", "musllinux_x86_64", ("dropped", "0.3.1", "1.3.2")),
        ("duckdb", "musllinux_aarch64", ("never", "", "")),
        ("torch", "musllinux_x86_64", ("never", "", "")),
        ("torch", "sdist", ("never", "", "")),
        ("torch", "cp315", ("newest", "2.15.0", "2.15.0")),
        ("torch", "macosx_x86_64", ("dropped", "1.0.0", "2.2.2")),
        ("numpy", "cp313t", ("dropped", "2.1.0", "2.4.6")),
        ("numpy", "win_arm64", ("newest", "2.3.0", "2.5.5")),
        ("numpy", "pp310", ("dropped", "2.1.0", "2.2.6")),
        ("tensorflow", "cp314", ("never", "", "")),
        ("tensorflow", "cp313", ("newest", "2.20.0", "2.21.0")),
        ("tokenizers", "abi3", ("newest", "0.21.0", "0.23.3")),
        ("psycopg2", "manylinux_x86_64", ("dropped", "2.7", "2.7.7")),
        ("accelerate", "generic", ("newest", "0.0.1", "1.15.0")),
        ("triton", "cp314", ("newest", "3.5.0", "3.9.0")),
    ],
)
def test_real_projects(name: str, key: str, expected: tuple[str, str, str]) -> None:
    assert story(real(name)[key]) == expected


def test_ways_are_told_apart() -> None:
    (own, abi3) = real("tokenizers")["cp312"].spans
    assert (own.way, own.last.version) == ("own", "0.20.3")
    assert (abi3.way, abi3.first.version) == ("abi3", "0.21.0")
    generic, own = real("soundfile")["manylinux_x86_64"].spans
    assert (generic.way, own.way) == ("generic", "own")
    assert {span.way for span in real("soundfile")["musllinux_x86_64"].spans} == {"generic"}


def test_the_first_release_is_the_one_that_was_first() -> None:
    """duckdb 0.0.0 is of 2023; 1.10.19 of pydantic came after 2.8.0."""
    assert real("duckdb")["manylinux_x86_64"].first.version == "0.1.0"  # type: ignore[union-attr]
    assert not real("duckdb")["manylinux_x86_64"].gaps
    found = made(
        ("1.9", "cp312-cp312-win_amd64", "2024-01-01"),
        ("1.10", "cp313-cp313-win_amd64", "2024-11-01"),
        ("2.0", "cp312-cp312-win_amd64", "2024-03-01"),
        ("2.8", "cp313-cp313-win_amd64", "2024-07-01"),
    )["cp313"]
    assert story(found) == ("newest", "2.8", "2.8")
    assert found.first is not None
    assert found.first.uploaded == "2024-07-01T00:00:00Z"
    assert [span.first.version for span in found.spans] == ["1.10", "2.8"]
    assert found.gaps == []


def test_without_days_the_lowest_version_is_first() -> None:
    found = made(("1.0", "py3-none-any", ""), ("2.0", "py3-none-any", ""))["generic"]
    assert story(found) == ("newest", "1.0", "2.0")


def test_gaps() -> None:
    found = made(
        ("1.0", "sdist", "2020-01-01"),
        ("1.1", "py3-none-any", "2020-02-01"),
        ("1.2", "py3-none-any", "2020-03-01"),
        ("1.3", "sdist", "2020-04-01"),
        ("1.4", "py3-none-any", "2020-05-01"),
    )["sdist"]
    assert story(found) == ("dropped", "1.0", "1.3")
    (gap,) = found.gaps
    assert (gap.first.version, gap.last.version, gap.releases) == ("1.1", "1.2", 2)


def test_the_day_is_of_the_file_that_brought_it() -> None:
    found = made(
        ("1.0", "cp312-cp312-win_amd64", "2024-01-01"),
        ("1.0", "cp313-cp313-win_amd64", "2024-10-10"),
        ("1.0", "cp313-cp313-macosx_11_0_arm64", "2024-10-09"),
    )["cp313"]
    assert found.first is not None
    assert found.first.uploaded[:10] == "2024-10-09"


def test_platforms_of_one_tag() -> None:
    found = made(
        ("1.0", "cp312-cp312-macosx_10_9_universal2", "2024-01-01"),
        ("1.0", "cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64", "2024-01-01"),
        ("1.0", "cp312-cp312-linux_x86_64", "2024-01-01"),
        ("1.0", "cp312-cp312-ios_13_0_arm64_iphoneos", "2024-01-01"),
        ("1.0", "cp312-cp312-android_21_arm64_v8a", "2024-01-01"),
        ("1.0", "cp312-cp312-win32", "2024-01-01"),
    )
    there = {key for key, each in found.items() if each.kind == "platform" and each.first}
    assert there == {
        "macosx_arm64", "macosx_x86_64", "manylinux_aarch64", "linux_x86_64",
        "ios_arm64_iphoneos", "android_arm64_v8a", "win_x86",
    }  # fmt: skip
    assert found["manylinux_aarch64"].title == "glibc aarch64"
    assert found["ios_arm64_iphoneos"].title == "iOS arm64_iphoneos"


def test_what_wheels_need_at_least() -> None:
    needs = [(f.since.version, f.needs) for f in real("torch")["manylinux_x86_64"].floors]
    assert needs == [("1.0.0", "glibc 2.5"), ("2.7.0", "glibc 2.28")]
    assert real("torch")["macosx_arm64"].floors[-1].needs == "macOS 14.0"
    found = made(
        ("1.0", "cp39-abi3-manylinux_2_31_x86_64", "2024-01-01"),
        ("1.0", "cp314-cp314t-manylinux_2_17_x86_64", "2024-01-01"),
    )["manylinux_x86_64"]
    assert [floor.needs for floor in found.floors] == ["glibc 2.31"]


def test_requires_python_counts_for_pythons() -> None:
    found = made(("1.0", "py3-none-any", "2024-01-01"), requires_python=">=3.10,<3.13")
    there = [key for key, each in found.items() if each.kind == "python" and each.first]
    assert there == ["cp310", "cp311", "cp312"]


def test_neither_yanked_files_nor_variants_nor_pre_releases_nor_python_2_count() -> None:
    assert made(("1.0", "py3-none-any", "2024-01-01"), yanked="bad") == {}
    files = [
        ("1.0", "py2-none-any", "2024-01-01"),
        ("1.0", "cp312-cp312-win_amd64-cu128", "2024-01-01"),
        ("1.1rc1", "py3-none-any", "2024-02-01"),
    ]
    assert {key for key, each in made(*files).items() if each.first} == set()
    names = [f"one-{version}-{tag}.whl" for version, tag, _ in files]
    known = Project("one", [File(filename=name, url=name) for name in names], found=True)
    assert story(features(known, pre=True)["generic"]) == ("newest", "1.1rc1", "1.1rc1")


def test_pythons_that_are_newer_than_those_asked_for() -> None:
    found = made(("1.0", "cp316-cp316-win_amd64", "2026-01-01"))
    assert story(found["cp316"]) == ("newest", "1.0", "1.0")
    assert found["cp316t"].now == "never"
    assert "cp317" not in found
