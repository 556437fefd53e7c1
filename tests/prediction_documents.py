"""Literal answers of `envcheck why`, predictions beside runs, and what moved between days."""

from __future__ import annotations

from envcheck.model.agreement import Agreement, Compared
from envcheck.model.dated import CellsMoved, Dated, Moved
from envcheck.model.prediction import Blocker, Build, Older, Parts, Prediction
from envcheck.model.why import Answer, FileAnswer, WayOut, Why

NASTY = "\x1b[31m‮|`<b>](x)\x07\r\n::error::\ud800 @team #1"


def _why(*answers: Answer, notes: tuple[str, ...] = ()) -> Why:
    return Why(
        envcheck="1.2.3", asked="2026-11-20T10:00:00Z", answers=list(answers), notes=list(notes)
    )


def installs() -> Why:
    """All of it from wheels."""
    return _why(
        Answer(
            prediction=Prediction(
                target="3.12-slim", platform="CPython 3.12.13 on Linux x86_64 with glibc 2.41",
                class_="wheel", requirement="accelerate==1.13.0", release="1.13.0",
                uploaded="2026-04-02T10:00:00Z", status="pass",
                lines=["accelerate 1.13.0 on 3.12-slim: installs from wheels, 24 distributions",
                       "taken    accelerate-1.13.0-py3-none-any.whl"],
                pins=["accelerate==1.13.0", "torch==2.13.0"],
                parts=Parts(download=3_000_000, files=900, logical=9_000_000),
            )
        )
    )  # fmt: skip


def blocked() -> Why:
    """By three, with files and ways out."""
    torch = Blocker(
        name="torch", requirement="torch>=2.0.0", kind="no-file",
        sentence="no musllinux wheel of torch 2.15.0 for CPython 3.12 (it has manylinux_2_28 "
        "x86_64/aarch64, macOS, Windows) and there is no sdist",
        path=["accelerate 1.15.0"], remedy="use a glibc image such as python:3.12-slim",
    )  # fmt: skip
    deep = Blocker(
        name="triton", requirement="triton==3.5.1", kind="no-file", path=["a 1.0", "torch 2.15.0"],
        sentence="no musllinux wheel of triton 3.5.1 for CPython 3.12",
    )  # fmt: skip
    files = [
        FileAnswer(file="torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl", taken=False,
                   reason="it is for glibc"),
        FileAnswer(file="torch-2.15.0-cp312-none-macosx_11_0_arm64.whl", taken=False,
                   reason="it is for macOS"),
    ]  # fmt: skip
    ways = [
        WayOut(kind="image", what="python:3.12-slim", text="accelerate 1.15.0 installs there: "
               "29 distributions", targets=["3.12-slim"]),
        WayOut(kind="older", what="accelerate==0.1", text="the release of 2021-03-05 installs"),
        WayOut(kind="package", what="apk add libstdc++", text="brings libstdc++.so.6"),
    ]  # fmt: skip
    prediction = Prediction(
        target="3.12-alpine", platform="CPython 3.12.13 on Linux x86_64 with musl 1.2",
        class_="blocked", requirement="accelerate", release="1.15.0",
        lines=["accelerate 1.15.0 on 3.12-alpine: blocked by torch 2.15.0 (no musllinux wheel), "
               "and by triton",
               "wanted   cp312-cp312-musllinux_1_2_x86_64",
               "offered  manylinux_2_28 x86_64/aarch64, macOS, Windows for CPython 3.10 to 3.14"],
        blockers=[torch, deep], older=Older(version="0.1", behind=99, kind="generic"),
        remedy=torch.remedy, status="fail", cause="no-wheel",
    )  # fmt: skip
    return _why(
        Answer(prediction=prediction, files=files, ways=ways),
        notes=("the file pip.conf could not be read",),
    )


def not_known() -> Why:
    """A page that cannot be read."""
    lines = ["one on 3.12-slim: an.index: it answers 500, again and again"]
    prediction = Prediction(
        target="3.12-slim", class_="unknown", requirement="one", lines=lines,
        unread=["what two 1.0 requires is not known: its METADATA cannot be read"],
    )  # fmt: skip
    return _why(Answer(prediction=prediction))


def hostile() -> Why:
    """Everything that an index may have said, with what a terminal or a web page would obey."""
    blocker = Blocker(
        name=NASTY, requirement=NASTY, kind="no-file", sentence=NASTY, path=[NASTY, NASTY],
        remedy=NASTY,
    )  # fmt: skip
    build = Build(
        name=NASTY, version=NASTY, file=NASTY, languages=[NASTY], summary=NASTY, problem=NASTY
    )
    prediction = Prediction(
        target=NASTY, platform=NASTY, class_="blocked", requirement=NASTY, release=NASTY,
        uploaded=NASTY, lines=[NASTY, f"wanted   {NASTY}", NASTY], remedy=NASTY,
        blockers=[blocker, blocker], builds=[build], older=Older(version=NASTY, uploaded=NASTY),
        pins=[NASTY], unread=[NASTY],
    )  # fmt: skip
    files = [FileAnswer(file=NASTY, taken=False, reason=NASTY), FileAnswer(file=NASTY, taken=True)]
    kinds = ("image", "package", NASTY)
    ways = [WayOut(kind=kind, what=NASTY, text=NASTY, targets=[NASTY]) for kind in kinds]
    return _why(Answer(prediction=prediction, files=files, ways=ways), notes=(NASTY,))


def answers() -> dict[str, Why]:
    """All, by name."""
    return {
        "installs": installs(),
        "blocked": blocked(),
        "unknown": not_known(),
        "hostile": hostile(),
        "empty": _why(),
    }


def agreements() -> dict[str, Agreement]:
    """By name."""
    cells = (
        Compared("3.12-slim", "pass", "pass", True, 1_000_000, 1_000_100, 5000, 5000),
        Compared("3.12-alpine", "fail (no-wheel)", "fail (no-compiler)", True),
        Compared("3.13-slim", "pass", "fail (import-failed)", False, 1_000_000, 900_000, 5000,
                 5001, ("numpy 2.4.1, predicted 2.5.0",), "No module named `x`"),
        Compared("3.14-slim", "pass", "inconclusive", None, pins=tuple(
            f"p{number} 1.0, predicted 2.0" for number in range(20))),
        Compared("3.15-slim", "inconclusive", "pass", None, None, 0),
    )  # fmt: skip
    nasty = (Compared(NASTY, NASTY, NASTY, False, pins=(NASTY,), why=NASTY),)
    return {
        "some": Agreement("prediction.json", "nightly of 2026-11-20", cells, ("one cell is new",)),
        "hostile": Agreement(NASTY, NASTY, nasty, (NASTY,)),
        "empty": Agreement("a", "b", ()),
    }


def days() -> dict[str, Dated]:
    """By name."""
    moved = (
        Moved("torch", "2.10.0", "2.11.0", -1_000_000_000, -2_300_000_000),
        Moved("numpy", "2.4.0", "2.4.1", None, None),
        Moved("old", "1.0", "", -5, -4096),
        Moved("new", "", "1.0", 5, 4096),
    )
    many = tuple(Moved(f"p{number}", "1.0", "2.0", 1, 1) for number in range(30))
    groups = (
        CellsMoved(("3.12-slim", "3.13-slim"), "pass", "pass", moved, -999, -2_300_000_000),
        CellsMoved(("3.9-slim",), "pass", "fail (requires-python)", many, None, None,
                   "torch 2.11.0 needs Python >=3.10"),
    )  # fmt: skip
    nasty = CellsMoved((NASTY,), NASTY, NASTY, (Moved(NASTY, NASTY, NASTY),), 1, 1, NASTY)
    return {
        "some": Dated("accelerate", "2026-03-01", "2026-04-01", groups, ("3.12-alpine",)),
        "hostile": Dated(NASTY, "2026-03-01", "2026-04-01", (nasty,), (NASTY,)),
        "nothing": Dated("accelerate", "2026-03-01", "2026-04-01", (), ("3.12-slim",)),
    }
