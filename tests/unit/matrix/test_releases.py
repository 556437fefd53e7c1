"""How far from the newest release, why, and what of that is a finding: see the module's text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from index_releases import recorded

from envcheck.matrix.observed import target_of
from envcheck.matrix.releases import assess
from envcheck.model.cell import Installed
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.model.target import Target
from envcheck.predict.offered import pythons, systems
from envcheck.predict.projects import admits, numbers, of_releases

if TYPE_CHECKING:
    from envcheck.index.pages import File
    from envcheck.index.releases import Release
    from envcheck.matrix.causes import Verdict

INDEX = json.loads((Path(__file__).parents[2] / "data" / "logs" / "index.json").read_text("utf-8"))
GLIBC, MUSL = "glibc 2.36", "musl 1.2.5"


def release(
    name: str, version: str, *tags: str, sdist: bool = False, requires: str = "",
    uploaded: str = "2026-01-01", yanked: str | None = None,
) -> Release:  # fmt: skip
    files = [f"{name}-{version}-{tag}.whl" for tag in tags or ("py3-none-any",)]
    files = [f"{name}-{version}.tar.gz"] if sdist else files
    return recorded([(version, uploaded, yanked, requires, files)])[0]


def real(name: str) -> list[Release]:
    return recorded(INDEX[name])


class Told(NamedTuple):
    done: dict[str, Installed]
    verdict: Verdict | None


def told(
    installed: dict[str, str],
    index: dict[str, list[Release]],
    *,
    asked: list[str] | None = None,
    python: str = "3.12.1",
    libc: str = GLIBC,
    needs: dict[str, list[str]] | None = None,
    constraints: list[str] | None = None,
    **fields: Any,
) -> Told:
    """What ``assess`` says; the first of ``installed`` is what the matrix asks for."""
    first = next(iter(installed))
    axes = {"python": ".".join(python.split(".")[:2]), "os": "slim", "installer": "uv"}
    test = Subject(
        requirements=asked if asked is not None else [first], constraints=constraints or []
    )
    cell = Cell(id="x", axes=axes, test=test, index=Index(**fields), steps=Steps(), limits=Limits())

    def metadata(file: File) -> bytes:
        name, version = file.filename.split("-")[:2]
        lines = (needs or {}).get(f"{name}-{version}", [])
        return "".join(f"Requires-Dist: {line}\n" for line in ["", *lines] if line).encode()

    distributions = [
        Installed(name=name, version=version, requested=name == first)
        for name, version in installed.items()
    ]
    done, verdict = assess(
        cell, distributions, index.get, target_of(cell, python=python, libc=libc),
        metadata=metadata if needs is not None else None,
    )  # fmt: skip
    return Told({one.name: one for one in done}, verdict)


class TestNoFinding:
    """Cells that others call behind and that are well."""

    def test_newest(self) -> None:
        found = told({"a": "2.0"}, {"a": [release("a", "1.0"), release("a", "2.0")]})
        assert found.verdict is None
        assert (found.done["a"].newest, found.done["a"].releases_behind) == ("2.0", 0)

    def test_what_the_user_asks_for(self) -> None:
        index = {"a": [release("a", "1.0", uploaded="2019-01-01"), release("a", "2.0")]}
        for asked, constraints in ((["a==1.0"], []), (["a<2"], []), (["a"], ["a<1.5"])):
            found = told({"a": "1.0"}, index, asked=asked, constraints=constraints)
            assert found.verdict is None
            assert found.done["a"].reason.startswith("the matrix asks for a")
            assert found.done["a"].releases_behind == 1

    def test_what_another_distribution_needs(self) -> None:
        index = {"a": [release("a", "1.0")], "b": [release("b", "1.0"), release("b", "2.0")]}
        found = told({"a": "1.0", "b": "1.0"}, index, needs={"a-1.0": ["b<2"]})
        assert found.verdict is None
        assert found.done["b"].reason == "a 1.0 needs b<2"

    def test_dependency_that_ended_for_this_python(self) -> None:
        index = {"a": [release("a", "1.0")],
                 "b": [release("b", "1.0"), release("b", "2.0", requires=">=3.13")]}  # fmt: skip
        found = told({"a": "1.0", "b": "1.0"}, index)
        assert found.verdict is None
        assert found.done["b"].reason == "2.0 needs Python >=3.13"

    def test_newer_release_is_a_pre_release_or_withdrawn(self) -> None:
        index = {
            "a": [release("a", "1.0"), release("a", "2.0", yanked="broken"), release("a", "3.0rc1")]
        }
        found = told({"a": "1.0"}, index)
        assert (found.verdict, found.done["a"].newest, found.done["a"].releases_behind) == (
            None,
            "1.0",
            0,
        )

    def test_unknown_to_the_index(self) -> None:
        found = told({"a": "1.0.dev3", "b": "1.0"}, {"a": [release("a", "1.0")]})
        assert found.verdict is None
        assert found.done["b"].releases_behind is None

    def test_index_that_does_not_answer(self) -> None:
        def broken(name: str) -> list[Release]:
            raise OSError(name)

        axes = {"python": "3.12", "os": "slim", "installer": "uv"}
        test = Subject(requirements=["a"])
        cell = Cell(id="x", axes=axes, test=test, index=Index(), steps=Steps(), limits=Limits())
        installed = [Installed(name="a", version="1.0", requested=True)]
        done, verdict = assess(cell, installed, broken, target_of(cell))
        assert (verdict, done[0].newest, done[0].releases_behind) == (None, "", None)

    def test_page_that_cannot_be_read_blocks_nothing(self) -> None:
        listed = {"a": [release("a", "0.1"), release("a", "9.0")]}

        def releases(name: str) -> list[Release]:
            if name == "c":
                raise OSError(name)
            return listed.get(name, [])

        axes = {"python": "3.12", "os": "slim", "installer": "uv"}
        test = Subject(requirements=["a"])
        cell = Cell(id="x", axes=axes, test=test, index=Index(), steps=Steps(), limits=Limits())
        installed = [Installed(name="a", version="0.1", requested=True)]
        target = target_of(cell, python="3.12.1", libc=GLIBC)

        def metadata(_: File) -> bytes:
            return b"Requires-Dist: c"

        done, verdict = assess(cell, installed, releases, target, metadata=metadata)
        assert (verdict, done[0].reason, done[0].releases_behind) == (None, "", 1)

    def test_what_is_held_where_the_platform_is_not_known(self) -> None:
        wheel = "cp312-cp312-manylinux_2_28_x86_64"
        index = {"a": [release("a", "1.0", wheel)], "b": [release("b", "1.0"), release("b", "2.0")]}
        found = told({"a": "1.0", "b": "1.0"}, index, libc="", needs={"a-1.0": ["b<2"]})
        assert found.done["b"].reason == "a 1.0 needs b<2"

    def test_a_year_of_a_local_build(self) -> None:
        found = told(
            {"a": "1.0+cpu"}, {"a": [release("a", "1.0"), release("a", "1.1")]}, asked=["a==1.0"]
        )
        assert found.verdict is None
        assert found.done["a"].releases_behind == 1


class TestWarning:
    def test_requires_python(self) -> None:
        found = told({"numpy": "2.0.2"}, {"numpy": real("numpy")}, python="3.9.18")
        assert found.verdict is not None
        assert (found.verdict.status, found.verdict.cause) == ("warn", "older-release")
        assert found.verdict.sentence.startswith(
            "numpy 2.0.2 of 2024-08-26 is the newest for Python 3.9; the newest is 2.5.5"
        )
        assert found.done["numpy"].reason == "2.5.5 needs Python >=3.12"

    def test_wheels_ended_for_this_python(self) -> None:
        found = told({"torchaudio": "2.8.0"}, {"torchaudio": real("torchaudio")}, python="3.9.18")
        assert found.verdict is not None
        assert found.verdict.status == "warn"
        assert "is the newest with a wheel for this cell" in found.verdict.sentence

    def test_pre_release_that_nobody_asked_for(self) -> None:
        index = {"tensorflow": real("tensorflow")}
        found = told({"tensorflow": "2.22.0rc0"}, index, python="3.14.0")
        assert found.verdict is not None
        assert found.verdict.status == "warn"
        assert "is a pre-release: no wheel of tensorflow 2.21.0" in found.verdict.sentence
        asked = told(
            {"tensorflow": "2.22.0rc0"}, index, python="3.14.0", asked=["tensorflow>=2.22.0rc0"]
        )
        assert asked.verdict is None

    def test_withdrawn_release_that_is_asked_for(self) -> None:
        found = told({"numpy": "2.4.0"}, {"numpy": real("numpy")}, asked=["numpy==2.4.0"])
        assert found.verdict is not None
        assert found.verdict.status == "warn"
        assert (
            "was withdrawn by its publisher (Backward compatibility bug)" in found.verdict.sentence
        )

    def test_a_year_back_for_reasons_that_are_not_known(self) -> None:
        index = {"a": [release("a", "1.0", uploaded="2024-01-01"), release("a", "2.0")]}
        found = told({"a": "1.0"}, index)
        assert found.verdict is not None
        assert (found.verdict.status, "why is not known" in found.verdict.sentence) == (
            "warn",
            True,
        )
        index = {"a": [release("a", "1.0", uploaded="2025-12-01"), release("a", "2.0")]}
        assert told({"a": "1.0"}, index).verdict is None


class TestFailure:
    def test_accelerate_without_torch(self) -> None:
        index = {"accelerate": real("accelerate"), "torch": real("torch")}
        newest = index["accelerate"][-1].version
        found = told(
            {"accelerate": "0.0.1"}, index, libc=MUSL,
            needs={f"accelerate-{newest}": ["torch>=2.0.0", "numpy; extra == 'x'"]},
        )  # fmt: skip
        assert found.verdict is not None
        assert (found.verdict.status, found.verdict.cause) == ("fail", "older-release")
        assert found.verdict.sentence == (
            f"accelerate 0.0.1 of 2020-10-30 was installed instead of {newest} of 2026-09-09:"
            f" accelerate {newest} needs torch; no musllinux wheel of torch 2.15.0 for CPython 3.12"
            " (it has manylinux_2_28 x86_64/aarch64, macOS, Windows) and there is no sdist"
        )
        assert found.verdict.remedy == "use a glibc image such as python:3.12-slim"

    def test_dependency_that_went_back_fails_the_cell_too(self) -> None:
        index = {
            "a": [release("a", "1.0")],
            "b": [release("b", "0.1"), release("b", "9.0")],
            "c": [release("c", "1.0", "cp312-cp312-win_amd64")],
        }
        found = told({"a": "1.0", "b": "0.1"}, index, needs={"b-9.0": ["c"], "a-1.0": ["b"]})
        assert found.verdict is not None
        assert (found.verdict.status, "b 0.1" in found.verdict.sentence) == ("fail", True)

    def test_old_wheel_for_any_platform(self) -> None:
        found = told({"bitsandbytes": "0.42.0"}, {"bitsandbytes": real("bitsandbytes")}, libc=MUSL)
        assert found.verdict is not None
        assert found.verdict.status == "fail"
        assert "was installed instead of" in found.verdict.sentence

    def test_failure_goes_before_warning(self) -> None:
        index = {
            "a": [release("a", "1.0"), release("a", "2.0", requires=">=3.13")],
            "b": [release("b", "0.1"), release("b", "9.0", "cp312-cp312-win_amd64")],
        }
        found = told({"a": "1.0", "b": "0.1"}, index)
        assert found.verdict is not None
        assert found.verdict.sentence.startswith("b 0.1")


@pytest.mark.parametrize(
    ("tag", "python", "libc", "expected"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", "3.12.1", GLIBC, "wheel"),
        ("cp312-cp312-manylinux_2_39_x86_64", "3.12.1", GLIBC, "nothing"),
        ("cp312-cp312-manylinux2014_x86_64", "3.12.1", GLIBC, "wheel"),
        ("cp312-cp312-manylinux_2_17_aarch64", "3.12.1", GLIBC, "nothing"),
        ("cp312-cp312-musllinux_1_1_x86_64", "3.12.1", MUSL, "wheel"),
        ("cp312-cp312-musllinux_1_3_x86_64", "3.12.1", MUSL, "nothing"),
        ("cp312-cp312-musllinux_1_1_x86_64", "3.12.1", GLIBC, "nothing"),
        ("cp39-abi3-manylinux_2_17_x86_64", "3.12.1", GLIBC, "wheel"),
        ("cp313-abi3-manylinux_2_17_x86_64", "3.12.1", GLIBC, "nothing"),
        ("py3-none-manylinux_2_17_x86_64", "3.12.1", GLIBC, "wheel"),
        ("py2.py3-none-any", "3.12.1", MUSL, "generic"),
        ("py2-none-any", "3.12.1", MUSL, "nothing"),
        ("cp311-cp311-win_amd64", "3.12.1", GLIBC, "nothing"),
        ("cp312-cp312-manylinux_2_28_x86_64", "3.12.1", "", "unknown"),
        ("py3-none-any", "3.12.1", "", "generic"),
        ("cp312-cp312-no.platform", "3.12.1", GLIBC, "nothing"),
    ],
)
def test_kind(tag: str, python: str, libc: str, expected: str) -> None:
    project = of_releases("a", [release("a", "1.0", tag)])
    assert project.choice(0, Target("x", python, libc)).kind == expected


def test_free_threaded() -> None:
    project = of_releases("a", [release("a", "1.0", "cp313-cp313t-manylinux_2_28_x86_64")])
    target = Target("x", "3.13.0", GLIBC)
    assert project.choice(0, target._replace(free_threaded=True)).kind == "wheel"
    assert project.choice(0, target).kind == "nothing"


def test_requires_python_is_of_the_full_version() -> None:
    assert admits(">=3.9,!=3.9.0,!=3.9.1", "3.9.18")
    assert not admits(">=3.9,!=3.9.18", "3.9.18")
    assert not admits("<3.12", "3.12.1")
    assert admits("", "3.12.1")
    assert admits("nonsense", "3.12.1")


def test_wanted() -> None:
    days = (("1.0", None), ("2.0", "bad"), ("3.0rc1", None))
    project = of_releases("a", [release("a", v, yanked=y) for v, y in days])

    def wanted(specifier: str, *, pre: bool = False) -> list[str]:
        mask = project.wanted(specifier, pre=pre)
        return [str(project.versions[number]) for number in numbers(mask)]

    assert wanted(">=1") == ["1.0"]
    assert wanted("==2.0") == ["2.0"]
    assert wanted(">=3.0rc1") == ["3.0rc1"]
    assert wanted("", pre=True) == ["1.0", "3.0rc1"]
    assert wanted("nonsense!") == []


def test_words_for_wheels() -> None:
    wheels = [
        "a-1-cp312-cp312-manylinux_2_28_x86_64.whl", "a-1-cp312-cp312-manylinux2014_aarch64.whl",
        "a-1-cp312-cp312-win_amd64.whl", "a-1-cp312-cp312-macosx_14_0_arm64.whl",
        "a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "a-1-cp310-abi3-manylinux_2_5_i686.whl",
    ]  # fmt: skip
    assert systems(wheels, interpreter=Target("x", "3.12.1", MUSL)).startswith(
        "manylinux_2_5 i686, many"
    )
    assert "musllinux" not in systems(wheels, interpreter=Target("x", "3.12.1", MUSL))
    assert pythons(wheels) == ["3.10+"]
    assert pythons(wheels[:5]) == ["3.11", "3.12"]
