"""Cells predicted: sizes, distances in the words of a run, several indexes, what is not judged."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from gateway_client import QUICK
from index_server import IndexServer
from msgspec.structs import replace
from wheels import File, sdist, wheel

from envcheck.index.releases import releases_of
from envcheck.index.session import IndexSession
from envcheck.index.sources import Configuration
from envcheck.matrix import predictions
from envcheck.matrix.agreement import agreement, attach
from envcheck.matrix.dated import dated
from envcheck.matrix.releases import assess
from envcheck.model.matrix import Cell, Index, Limits, Plan, Steps, Subject
from envcheck.predict import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from envcheck.index.releases import Release
    from envcheck.model.cell import CellResult, Run
    from envcheck.model.target import Target

    Predict = Callable[..., Run]

DAY = date(2026, 11, 20)
LINUX = "cp312-cp312-manylinux_2_28_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
OLD, NEW = "2024-01-10T00:00:00Z", "2026-02-01T00:00:00Z"


def cell(id_: str, *requires: str, index: Index | None = None, **test: Any) -> Cell:
    python, _, system = id_.partition("-")
    axes = {"python": python, "os": system, "installer": "uv", "architecture": "x86_64"}
    subject = Subject(requirements=list(requires), **test)
    return Cell(
        id=id_, axes=axes, test=subject, index=index or Index(), steps=Steps(), limits=Limits()
    )


def target(one: Cell) -> Target:
    return targets.of_cell(one, {}, today=DAY)


@pytest.fixture
def sessions() -> Iterator[list[IndexSession]]:
    """Those that were opened, the last one last."""
    opened: list[IndexSession] = []
    yield opened
    for each in opened:
        each.close()


@pytest.fixture
def predict(tmp_path: Path, sessions: list[IndexSession]) -> Predict:
    """``predict(files, *cells)``."""

    def run(files: list[File], *cells: Cell) -> Run:
        with IndexServer(*files) as server:

            def session(index: Index) -> IndexSession:
                configured = Configuration(main=server.url)
                sessions.append(
                    IndexSession(str(tmp_path), index, configured=configured, patience=QUICK)
                )
                return sessions[-1]

            plan = Plan(name="test", summary="", folder="", cells=list(cells))
            return predictions.predict(plan, predictions.Means(session, target))

    return run


LATE = [
    wheel("top", "1.0", uploaded=OLD, requires=["held<2", "python-ended", "wheel-ended", "fine"]),
    wheel("top", "2.0", uploaded=NEW, requires=["gone"]),
    wheel("held", "1.0", uploaded=OLD), wheel("held", "2.0", uploaded=NEW),
    wheel("python-ended", "1.0", uploaded=OLD),
    wheel("python-ended", "2.0", uploaded=NEW, requires_python=">=3.13"),
    wheel("wheel-ended", "1.0", tag=LINUX, uploaded=OLD),
    wheel("wheel-ended", "1.0", tag=MUSL, uploaded=OLD),
    wheel("wheel-ended", "2.0", tag=LINUX, uploaded=NEW),
    wheel("wheel-ended", "3.0rc1", uploaded=NEW),
    wheel("fine", "1.0", uploaded=OLD), wheel("gone", "1.0", tag=LINUX, uploaded=NEW),
]  # fmt: skip


@pytest.mark.parametrize("constraints", [[], ["fine<9"], ["held<2"]])
@pytest.mark.parametrize("system", ["slim", "alpine"])
def test_distances_are_a_runs(
    predict: Predict, sessions: list[IndexSession], system: str, constraints: list[str]
) -> None:
    """What is installed is judged alike, whether it was predicted or really is there."""
    one = cell(f"3.12-{system}", "top", constraints=constraints)
    (result,) = predict(LATE, one).results
    session = sessions[-1]

    def releases(name: str) -> list[Release]:
        return releases_of(session.listing(name).files)

    def metadata(file: Any) -> bytes:
        return session.wheel(file).metadata.encode()

    bare = [
        replace(each, newest="", newest_uploaded="", releases_behind=None, reason="")
        for each in result.distributions
    ]
    observed, verdict = assess(one, bare, releases, target(one), metadata=metadata)
    told = {each.name: (each.newest, each.releases_behind, each.reason) for each in observed}
    assert told == {
        each.name: (each.newest, each.releases_behind, each.reason) for each in result.distributions
    }
    if verdict is not None:
        assert (result.status, result.cause) == (verdict.status, "older-release")
        assert result.sentence == verdict.sentence
    if system == "alpine":
        reasons = {each.name: each.reason for each in result.distributions}
        assert reasons["held"] in ("top 1.0 needs held<2", "the matrix asks for held<2")
        assert "Python >=3.13" in reasons["python-ended"]
        assert "musllinux" in reasons["wheel-ended"]
        assert "gone" in reasons["top"]
        assert result.cause == "older-release"


def test_cells_that_ask_other_indexes(predict: Predict) -> None:
    with IndexServer(wheel("one", "3.0")) as other:
        more = Index(extra_urls=[other.url])
        done = predict(
            [wheel("one", "1.0", uploaded=OLD), wheel("one", "2.0", uploaded=NEW)],
            cell("3.12-slim", "one"),
            cell("3.11-slim", "one", index=more),
            cell("3.10-slim", "one", index=Index(exclude_newer="2025-01-01")),
        )
    assert [result.cell.id for result in done.results] == ["3.12-slim", "3.11-slim", "3.10-slim"]
    assert [result.version for result in done.results] == ["2.0", "3.0", "1.0"]
    assert all(result.predicted for result in done.results)


def test_the_policy_of_a_cell(predict: Predict) -> None:
    files = [sdist("one", "2.0", standard="2.2"), wheel("one", "1.0"), wheel("one", "3.0rc1")]
    done = predict(
        files,
        cell("3.12-slim", "one", index=Index(only_binary=[":all:"])),
        cell("3.11-slim", "one", index=Index(only_binary=["One"])),
        cell("3.10-slim", "one", index=Index(pre=True)),
        cell("3.9-slim", "one", index=Index(no_binary=["one"])),
    )
    assert [result.version for result in done.results] == ["1.0", "1.0", "3.0rc1", "2.0"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["one @ http://127.0.0.1:9/one-1.0-py3-none-any.whl"], "comes from an address"),
        (["one; python_version < '3'"], "no marker holds"),
        (["one["], ""),
        (["one =>1"], ""),
    ],
)
def test_what_is_not_judged(predict: Predict, asked: list[str], why: str) -> None:
    (result,) = predict([wheel("one")], cell("3.12-slim", *asked)).results
    assert result.status == "inconclusive"
    assert result.prediction
    assert result.prediction.class_ == "unknown"
    assert why in result.sentence
    assert result.distributions == []


def test_a_target_of_which_the_c_library_is_not_known(predict: Predict) -> None:
    files = [wheel("one", tag=LINUX), wheel("two")]
    (result,) = predict(files, cell("3.12-somewhere", "one")).results
    assert result.status == "inconclusive"
    (result,) = predict(files, cell("3.12-somewhere", "two")).results
    assert result.status == "pass"


def test_downloads_and_disk(predict: Predict) -> None:
    files = [wheel("one", requires=["two"]), wheel("two", files={"two.py": "x = 1\n" * 2000})]
    done = predict(files, cell("3.12-slim", "one"), cell("3.12-alpine", "one"))
    for result in done.results:
        assert result.download
        assert result.download.upstream == sum(len(file.data) for file in files)
        assert result.disk
        assert result.disk.logical > 12_000
        assert result.disk.logical == result.prediction.parts.logical
        assert [each.requested for each in result.distributions] == [True, False]


def test_beside_itself_and_beside_another_run(predict: Predict) -> None:
    done = predict(LATE, cell("3.12-slim", "top"), cell("3.12-alpine", "top"))
    observed = replace(done, results=[_observed(result) for result in done.results])
    found = agreement(attach(observed, {r.cell.id: r.prediction for r in done.results}))
    assert (found.right, found.judged) == (2, 2)
    assert all(each.pins == () for each in found.cells)
    worse = [replace(result, status="fail", cause="import-failed") for result in observed.results]
    found = agreement(replace(observed, results=worse))
    assert found.judged == 0  # nothing was predicted
    open_ = [replace(result, status="error") for result in observed.results]
    found = agreement(
        attach(replace(observed, results=open_), {r.cell.id: r.prediction for r in done.results})
    )
    assert found.judged == 0


def _observed(result: CellResult) -> CellResult:
    return replace(result, backend="docker", prediction=None)


def test_what_moved_between_two_days(predict: Predict) -> None:
    old, new = (
        predict(LATE, cell("3.12-slim", "top", index=Index(exclude_newer=day)))
        for day in ("2025-01-01", "2026-06-01")
    )
    (group,) = dated(old, new, "2025-01-01", "2026-06-01").groups
    moved = {each.name: (each.before, each.after) for each in group.moved}
    assert moved["top"] == ("1.0", "2.0")
    assert moved["gone"] == ("", "1.0")
    assert moved["held"] == ("1.0", "")
    assert group.moved[0].name == "top"  # what moved stands before what came or went
    assert dated(old, old, "a", "b").same == ("3.12-slim",)
