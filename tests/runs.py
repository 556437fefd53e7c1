"""Matrix runs with everything in them that a table must cope with. Literal: nothing is observed."""

from __future__ import annotations

from typing import Any

from envcheck.model.cell import (
    CAUSES,
    CellResult,
    Download,
    Imported,
    Installed,
    Run,
    RunHeader,
    SlowModule,
    StepResult,
    Usage,
)
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject

MIB = 1 << 20
SENTENCES = {
    "no-wheel": "torch 2.11.0 has wheels for manylinux_2_28_x86_64 and others, none for musllinux.",
    "requires-python": "accelerate 1.13.0 wants Python >=3.10.0; this is 3.9.25.",
}
REMEDIES = {
    "no-wheel": "Use an image with glibc, such as slim.",
    "requires-python": "Use Python 3.10 or newer, or accelerate<1.13.",
}
#: Escape sequences, bidirectional overrides, markup and formulas, as a package may print them.
HOSTILE = "\x1b[31m\u202e<script>alert(1)</script>]]>|`::error::x\r\n=cmd()\udc80 @me \u4e2d\u6587"


def cell(name: str, **fields: Any) -> Cell:
    python, _, os = name.partition("-")
    axes = {"python": python, "os": os, "architecture": "x86_64", "installer": "uv"}
    axes |= fields.pop("axes", {})
    made = {
        "test": Subject(requirements=["accelerate==1.13.0"], imports=["accelerate"]),
        "index": Index(),
        "steps": Steps(),
        "limits": Limits(),
    }
    return Cell(id=name, axes=axes, **(made | fields))


def steps(*ended: tuple[str, float], failed: str = "", **fields: Any) -> list[StepResult]:
    done = [StepResult(name=name, status="ok", seconds=took) for name, took in ended]
    if failed:
        done.append(StepResult(name=failed, status="failed", seconds=0.4, exit=1, **fields))
    return done


ALL_STEPS = (
    ("create", 0.31),
    ("resolve", 1.02),
    ("install", 0.84),
    ("import", 9.1),
    ("smoke", 3.2),
    ("measure", 0.2),
)


def passed(name: str = "3.12-slim", **fields: Any) -> CellResult:
    """A cell as they should be."""
    made = {
        "cell": cell(name),
        "backend": "docker",
        "status": "pass",
        "wheel": "wheel",
        "version": "1.13.0",
        "python": "3.12.1",
        "libc": "glibc 2.36",
        "image": "python:3.12-slim",
        "image_id": "sha256:0123456789abcdef",
        "installer": "uv 0.11.3",
        "cold": False,
        "started": "2026-11-20T21:00:00Z",
        "seconds": 14.2,
        "steps": [
            StepResult(
                name=step,
                status="ok",
                seconds=took,
                exit=0,
                peak_memory=612 * MIB if step == "import" else 40 * MIB,
            )
            for step, took in ALL_STEPS
        ],
        "distributions": [
            installed("accelerate", "1.13.0", requested=True, newest="1.15.0", behind=3),
            installed("torch", "2.11.0", size=4600),
        ],
        "imports": [imported()],
        "download": Download(upstream=0, served=2743 * MIB, files=52, seconds=0.0),
        "disk": usage(4650),
        "smoke": "pass",
        "verdict": "pass",
    }
    return CellResult(**(made | fields))


def installed(
    name: str, version: str, *, size: int = 1, newest: str = "", behind: int | None = 0, **more: Any
) -> Installed:
    return Installed(
        name=name,
        version=version,
        artifact=more.pop("artifact", "wheel"),
        file=f"{name}-{version}-py3-none-any.whl",
        sha256="ab" * 32,
        download_size=size * MIB // 2,
        newest=newest or version,
        newest_uploaded="2026-10-02T10:00:00Z",
        releases_behind=behind,
        disk=usage(size),
        **more,
    )


def usage(mebibytes: float, *, bytecode: float = 0.02) -> Usage:
    size = int(mebibytes * MIB)
    return Usage(
        logical=size - size // 100,
        allocated=size,
        exclusive=size // 50,
        bytecode=int(size * bytecode),
        files=17_600,
    )


def imported(module: str = "accelerate", first: float = 4.12, *settled: float) -> Imported:
    return Imported(
        module=module,
        first=first,
        settled=list(settled or (1.93, 1.97, 1.95)),
        bytecode="compiled",
        threads=2,
        slowest=[SlowModule(name="torch._C", seconds=0.41, cumulative=1.2)],
    )


def failed(name: str, cause: str, step: str = "resolve", **fields: Any) -> CellResult:
    """A cell that the package does not work in."""
    made = {
        "cell": cell(name),
        "backend": "docker",
        "status": "fail",
        "cause": cause,
        "sentence": SENTENCES.get(cause, f"{CAUSES[cause].capitalize()}."),
        "remedy": REMEDIES.get(cause, ""),
        "evidence": [f"error: {cause}"],
        "wheel": "none" if step == "resolve" else "wheel",
        "python": "3.12.1",
        "libc": "musl 1.2" if "alpine" in name else "glibc 2.36",
        "image": f"python:{name}",
        "image_id": "sha256:fedcba9876543210",
        "installer": "uv 0.11.3",
        "started": "2026-11-20T21:00:30Z",
        "seconds": 2.1,
        "steps": steps(("create", 0.31), failed=step),
    }
    return CellResult(**(made | fields))


def run(*results: CellResult, missing: tuple[str, ...] = (), **fields: Any) -> Run:
    header = {
        "id": "accelerate-7",
        "matrix": "accelerate",
        "summary": "accelerate as on the page",
        "backend": "docker",
        "envcheck": "0.4.0",
        "started": "2026-11-20T21:00:00Z",
        "cells": len(results) + len(missing),
        "machine": "Linux, 2 processors, 24 GiB",
    }
    ended = fields.pop("ended", "2026-11-20T21:02:00Z")
    return Run(
        header=RunHeader(**(header | fields)),
        results=list(results),
        missing=list(missing),
        ended=ended,
    )


def as_the_seed() -> Run:
    """Five Pythons, two systems: what the page shows, and why."""
    results = []
    for python in ("3.9", "3.10", "3.11", "3.12", "3.13"):
        cause = "requires-python" if python == "3.9" else "no-wheel"
        results.append(failed(f"{python}-alpine", cause))
        slim = f"{python}-slim"
        results.append(passed(slim) if python != "3.9" else failed(slim, cause))
    return run(*results)


def every_cause() -> Run:
    """One cell for each cause, and each status."""
    results = [
        failed(
            f"3.{10 + number % 5}-os{number:02}", cause, _step_of(cause), status=_status_of(cause)
        )
        for number, cause in enumerate(CAUSES)
        if cause != "older-release"
    ]
    old = installed("accelerate", "0.0.1", requested=True, newest="1.15.0", behind=97)
    went_back = passed(
        "3.11-alpine",
        status="warn",
        cause="older-release",
        sentence="accelerate 0.0.1 was taken, 97 releases behind 1.15.0.",
        remedy="Ask for `accelerate>=1.15`, and read why that fails.",
        version="0.0.1",
        libc="musl 1.2",
        distributions=[old],
    )
    return run(
        *results, went_back, passed("3.14-slim"), missing=("3.9-slim", "3.9-alpine"), ended=""
    )


def _step_of(cause: str) -> str:
    if cause in ("missing-library", "missing-module", "import-failed", "crash"):
        return "import"
    return "smoke" if cause == "smoke-failed" else "resolve"


def _status_of(cause: str) -> str:
    known = {"infrastructure": "error", "unavailable": "skipped", "interrupted": "skipped"}
    known |= {"unclassified": "inconclusive"}
    return known.get(cause, "fail")


def blanks() -> Run:
    """Cells that work, of which not everything was observed."""
    left_out = cell("3.11-slim", steps=Steps(skip=["smoke", "measure"]))
    return run(
        passed("3.10-slim", smoke="skipped: torch is not there", cold=True),
        passed("3.11-slim", cell=left_out, smoke="", disk=None),
        passed(
            "3.12-slim",
            imports=[Imported(module="accelerate", first=3.0)],
            distributions=[installed("accelerate", "1.13.0", requested=True, behind=None)],
            download=None,
        ),
        passed("3.13-slim", isolated=False, notes=["the CPU build of torch"], libc=""),
        backend="interpreters",
        notes=["no Docker engine answers: local interpreters instead"],
    )


def variants() -> Run:
    """Further axes, an sdist that was built."""
    results = []
    for build in ("cpu", "cu130"):
        for installer in ("uv", "pip"):
            axes = {"installer": installer, "torch": build, "os": "slim"}
            name = f"3.12-slim-{build}-{installer}"
            results.append(passed(name, cell=cell(name, axes=axes)))
    built = installed("psycopg2", "2.9.11", requested=True, artifact="sdist", compiled=True)
    axes = {"torch": "cpu", "os": "alpine-cc"}
    results.append(
        passed(
            "3.12-alpine-cc-cpu-uv",
            cell=cell("3.12-alpine-cc-cpu-uv", axes=axes),
            status="warn",
            cause="older-release",
            sentence="psycopg2 2.9.11 was taken, 4 releases behind 2.9.15.",
            wheel="sdist",
            built=["psycopg2"],
            distributions=[built],
            libc="musl 1.2",
        )
    )
    return run(*results)


def hostile() -> Run:
    """A package that controls every text it can."""
    name = f"3.12-{HOSTILE}"
    return run(
        failed(
            name,
            "import-failed",
            "import",
            sentence=HOSTILE,
            remedy=HOSTILE,
            evidence=[HOSTILE, "</pre></details><img src=x onerror=alert(1)>"],
            version=HOSTILE,
            image=HOSTILE,
            notes=[HOSTILE],
        ),
        passed(
            "3.12-slim",
            version="=1+1",
            distributions=[installed("evil\x1b]0;x\x07", "1", requested=True)],
            smoke=f"skipped: {HOSTILE}",
            imports=[imported("x\u202ey")],
            installer="<b>uv</b>",
            python="3.12.1\x07",
        ),
        missing=(f"3.13-{HOSTILE}",),
        summary=HOSTILE,
        matrix="mat<rix>",
        machine=HOSTILE,
        notes=[HOSTILE],
    )


def cases() -> dict[str, Run]:
    """Name -> run."""
    return {
        "seed": as_the_seed(),
        "causes": every_cause(),
        "blanks": blanks(),
        "variants": variants(),
        "hostile": hostile(),
        "empty": run(ended=""),
    }
