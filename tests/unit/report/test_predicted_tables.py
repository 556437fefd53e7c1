"""A predicted matrix in every format: nothing in it may be taken for an observation."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from io import StringIO

import pytest
from msgspec.structs import replace

from envcheck.model.cell import PREDICTED, CellResult, Installed, Run, RunHeader, Usage
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.model.prediction import Parts, Prediction
from envcheck.report.matrix import REPORTERS, View, load

MIB = 1 << 20
OBSERVED = re.compile(
    r"(?i)\btested\b|\btook\b|waiting|(?<!nothing )was installed|given to the cell|\blog:"
)


def cell(id_: str) -> Cell:
    python, _, os = id_.partition("-")
    axes = {"python": python, "os": os, "installer": "uv", "architecture": "x86_64"}
    return Cell(
        id=id_, axes=axes, test=Subject(requirements=["torch"]), index=Index(), steps=Steps(),
        limits=Limits(),
    )  # fmt: skip


def result(id_: str, **more: object) -> CellResult:
    fields = {"cell": cell(id_), "backend": PREDICTED, "started": "2026-11-20T10:00:00Z"}
    return CellResult(**fields, **more)


def predicted() -> Run:
    """One cell that would install, one that would not, one that could not be judged."""
    sources = ["size: Content-Range", "contents: its list of members"]
    parts = Parts(
        download=3 * MIB, files=9, logical=7 * MIB, allocated=8 * MIB,
        logical_with_bytecode=8 * MIB, allocated_with_bytecode=9 * MIB, sources=sources,
    )  # fmt: skip
    usage = Usage(logical=7 * MIB, allocated=8 * MIB, exclusive=None, bytecode=0, files=9)
    torch = Installed(
        name="torch", version="2.15.0", file="torch.whl", download_size=3 * MIB, requested=True,
        newest="2.15.0", releases_behind=0, disk=usage,
    )  # fmt: skip
    results = [
        result(
            "3.12-slim", status="pass", libc="glibc 2.41", wheel="wheel", version="2.15.0",
            disk=usage, distributions=[torch],
            prediction=Prediction(
                target="3.12-slim", platform="CPython 3.12.16, glibc 2.41", class_="wheel",
                status="pass", parts=parts,
            ),
        ),
        result(
            "3.12-alpine", status="fail", libc="musl 1.2.6", cause="no-wheel", wheel="none",
            sentence="no musllinux wheel of torch 2.15.0", remedy="use a glibc image",
            evidence=["triton: no musllinux wheel of triton 3.9.0"],
            prediction=Prediction(target="3.12-alpine", class_="no-file", status="fail"),
        ),
        result(
            "3.12-other", status="inconclusive", sentence="the C library is not known",
            prediction=Prediction(target="3.12-other", class_="unknown", unread=["its image"]),
        ),
    ]  # fmt: skip
    header = RunHeader(
        id="", matrix="torch", backend=PREDICTED, envcheck="1.2.3",
        started="2026-11-20T10:00:00Z", cells=3,
    )  # fmt: skip
    return Run(header=header, results=results, ended="2026-11-20T10:00:01Z")


@pytest.mark.parametrize("name", REPORTERS)
@pytest.mark.parametrize("verbose", [0, 2])
def test_nothing_looks_like_an_observation(name: str, verbose: int) -> None:
    text = load(name).render(predicted(), View(verbose=verbose, brief=not verbose))
    assert not OBSERVED.search(re.sub(r'<script.*?</script>|"steps".*', "", text, flags=re.S))
    assert "predict" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_part_of_a_table_says_that_it_is_predicted(width: int) -> None:
    text = load("text").render(predicted(), View(width=width, brief=True))
    head, *parts = re.split(r"\n\n(?=(?:predicted\n)?python )", text)
    assert head.endswith("torch, predicted: 1 pass, 1 fail, 1 inconclusive")
    for part in parts:
        rows = part.partition("\n\n")[0].splitlines()
        assert rows[0] == "predicted" or all("predicted" in row for row in rows[1:])
    assert "also: triton: no musllinux" in text
    assert "nothing was installed or run" in " ".join(text.split())


def test_what_columns_mean_is_about_predictions() -> None:
    text = " ".join(load("text").render(predicted(), View(width=200, verbose=1)).split())
    assert "install not predicted" in text
    assert "import not predicted" in text
    assert "sizes disk from its list of members; downloads from Content-Range" in text
    assert "8.0M allocated, 7.0M logical, 9 files; 9.0M allocated with bytecode" in text


def test_junit() -> None:
    suite = ET.fromstring(load("junit").render(predicted(), View()))[0]
    assert suite.get("name") == "envcheck.predicted.torch"
    cases = suite.findall("testcase")
    assert {case.get("classname") for case in cases} == {"envcheck.predicted.torch"}
    [failure] = suite.iter("failure")
    assert failure.get("message") == "predicted: no musllinux wheel of torch 2.15.0"
    assert len(list(suite.iter("error"))) == 1


def test_sarif_has_rules_of_its_own_and_the_file_that_was_named() -> None:
    run = predicted()
    [shown] = json.loads(load("sarif").render(run, View(manifest="docker/Dockerfile")))["runs"]
    first = next(one for one in shown["results"] if one["level"] == "error")
    assert first["ruleId"] == "predicted/no-wheel"
    assert first["message"]["text"].startswith("3.12-alpine, predicted: no musllinux wheel")
    place = first["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "docker/Dockerfile"
    assert shown["automationDetails"]["id"] == "envcheck/predicted/torch/"
    assert all(rule["id"].startswith("predicted/") for rule in shown["tool"]["driver"]["rules"])
    observed = Run(
        header=run.header,
        results=[
            CellResult(
                cell=one.cell,
                backend="docker",
                status=one.status,
                cause=one.cause,
                sentence=one.sentence,
            )
            for one in run.results
        ],
    )
    [other] = json.loads(load("sarif").render(observed, View()))["runs"]
    marks = [
        {one["partialFingerprints"]["envcheck/v1"] for one in each["results"]}
        for each in (shown, other)
    ]
    assert marks[0].isdisjoint(marks[1])


def test_csv() -> None:
    rows = list(csv.DictReader(StringIO(load("csv").render(predicted(), View()))))
    assert {row["predicted"] for row in rows} == {"yes"}
    assert {row["cell"]: row["class"] for row in rows} == {
        "3.12-slim": "wheel", "3.12-alpine": "no-file", "3.12-other": "unknown",
    }  # fmt: skip
    assert [row["disk_compiled_bytes"] for row in rows if row["class"] == "wheel"] == [str(9 * MIB)]


def test_all_that_is_taken_is_the_sum_of_the_cells() -> None:
    run = predicted()
    first = run.results[0]
    assert first.disk is not None
    more = replace(first.disk, allocated=10 * MIB)  # 2 MiB of it are the installer's
    cells = [replace(first, disk=more, cell=cell(name)) for name in ("3.12-slim", "3.13-slim")]
    text = load("text").render(replace(run, results=cells), View(width=200, brief=True))
    assert "20.0M in all, 12.0M if what 2 cells share is counted once" in text
    assert "6.0M in all, 3.0M if what 2 cells share is counted once" in text
