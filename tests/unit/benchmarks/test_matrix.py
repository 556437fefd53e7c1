"""The benchmark of matrix runs: its cells, what it reads from documents, its report."""

import pytest
import tomllib

from benchmarks import matrix_cells, matrix_ours, matrix_report
from benchmarks.matrix_cells import Cell

TEMPLATES = {"slim": "base:{python}-slim", "alpine": "base:{python}-musl"}
THERE = {"base:3.9-slim", "base:3.9-musl", "base:3.10-slim"}


@pytest.fixture
def cells():
    return matrix_cells.cells(TEMPLATES, THERE.__contains__, ["3.9", "3.10"])


def test_images_are_those_of_the_setting_and_else_the_official_ones():
    said = matrix_cells.images("slim=base:{python}-slim")
    assert said == {"slim": "base:{python}-slim", "alpine": "python:{python}-alpine"}
    assert matrix_cells.images("") == matrix_cells.DEFAULT_IMAGES


def test_cells_without_an_image_are_named(cells):
    assert [cell.id for cell in cells.there] == ["3.9-slim", "3.9-alpine", "3.10-slim"]
    assert cells.there[1].image == "base:3.9-musl"
    assert "3 of 4 cells" in cells.sentence()
    assert "3.10-alpine" in cells.sentence()
    assert matrix_cells.Cells(cells.there, []).sentence() == "3 cells"


def test_the_matrix_file_has_the_same_cells(cells):
    from envcheck.matrix import plan, spec

    document = spec.loads(matrix_cells.matrix(cells.there))
    planned = plan.plan(document, "bench", ".")
    assert sorted(cell.id for cell in planned.cells) == sorted(cell.id for cell in cells.there)
    assert planned.cells[0].test.requirements == list(matrix_cells.PACKAGES)


def test_the_closures_file_is_a_matrix():
    from envcheck.matrix import plan, spec

    planned = plan.plan(spec.loads(matrix_cells.closure()), "closure", ".")
    assert [cell.id for cell in planned.cells] == [f"{p}-slim" for p in matrix_cells.PYTHONS]


def test_everybody_installs_and_imports_the_same():
    texts = (
        matrix_cells.dockerfile(certificates=False),
        matrix_cells.tox(["3.9"]),
        matrix_cells.nox(["3.9"]),
        matrix_cells.matrix([Cell("3.9", "slim", "")]),
    )
    for text in texts:
        for words in (*matrix_cells.PACKAGES, *matrix_cells.MODULES):
            assert words in text
    assert "PIP_CERT" in matrix_cells.dockerfile(certificates=True)
    assert "PIP_CERT" not in texts[0]
    assert "env_list = py39,py313" in matrix_cells.tox(["3.9", "3.13"])
    compile(texts[2], "noxfile.py", "exec")
    tomllib.loads(texts[3])


def result(name, upstream=0, status="pass", first=0.5, files=(), seconds=(1.0, 2.0)):
    return {
        "cell": {"id": name},
        "status": status,
        "sentence": "why",
        "steps": [
            {"name": step, "seconds": time}
            for step, time in zip(("resolve", "install"), seconds, strict=True)
        ],
        "imports": [{"module": "numpy", "first": first, "settled": [0.2, 0.1]}],
        "download": {"upstream": upstream},
        "distributions": [
            {"name": "Numpy", "version": "2", "sha256": digest, "download-size": size}
            for digest, size in files
        ],
    }


def test_bytes_are_counted_once_per_file():
    first = result("a", upstream=33, files=[("x", 10), ("y", 20)])
    document = {"results": [first, result("b", files=[("y", 20)])]}
    assert matrix_ours.traffic(document) == {
        "fetched": 33,
        "share": 1.1,
        "files": 2,
        "wheels": 30,
        "uses": 3,
        "all": 50,
    }


def test_our_own_time_is_what_no_step_took():
    outcome = matrix_ours.Outcome(7.0, {"results": [result("a"), result("b")]})
    assert matrix_ours.overhead(outcome) == pytest.approx(0.5)
    assert matrix_ours.steps(outcome.document) == {"resolve": 2.0, "install": 4.0}
    assert matrix_ours.imports(outcome.document) == 3


def test_a_run_that_does_not_import_everything_is_no_entry():
    good = {"results": [result("a"), result("b", status="warn")], "missing": []}
    assert matrix_ours.complaints(good) == []
    for bad in (result("b", status="fail"), result("b", first=None)):
        assert len(matrix_ours.complaints({"results": [result("a"), bad]})) == 1
    assert matrix_ours.complaints({"results": [], "missing": ["c"]}) == ["c is missing"]


def test_a_thousand_cells_are_planned_and_stored():
    usage = matrix_ours.thousand("together", runs=1)
    assert usage.code == 0


NUMBERS = {
    "date": "2026-01-02",
    "machine": "a machine",
    "packages": ["numpy"],
    "cells": "8 cells",
    "counts": {"images": 8, "interpreters": 5},
    "imports": 4,
    "seconds": {
        "build": [80.0, 90.0, 400.0],
        "run": [40.0],
        "docker cold": [30.0],
        "docker warm": [9.0, 9.0, 10.0],
        "tox": [50.0],
        "interpreters warm": [5.0],
    },
    "missing": {"nox": "failed"},
    "overhead": {"docker": 0.21},
    "traffic": {
        "docker": {"fetched": 110, "share": 1.1, "files": 9, "wheels": 100}
        | {"uses": 30, "all": 300}
    },
    "steps": {"install": [3.0, 1.0]},
    "thousand": {how: {"wall": 0.2, "peak": 30.0} for how in ("together", "singly")},
}


def cell(text, first):
    row = next(line for line in text.splitlines() if line.startswith(f"| {first}"))
    return [word.strip() for word in row.strip("|").split("|")]


def test_ratios_are_of_medians():
    text = matrix_report.goals_table(NUMBERS)
    assert cell(text, "docker, warm, against (a)")[2:] == ["0.1×", "reached"]
    assert cell(text, "docker, warm, against (b)")[2:] == ["0.225×", "reached"]
    assert cell(text, "docker, cold, against (a)")[2:] == ["0.333×", "reached"]
    assert cell(text, "interpreters: our own")[2:] == ["–", "not measured"]
    assert cell(text, "the same, warm")[3] == "not measured"


def test_the_table_has_every_line():
    text = matrix_report.speed_table(NUMBERS)
    assert cell(text, "(d) the same, warm")[1:] == ["9.0", "9.0 – 10.0", "1.12", "10.0", "4.4", ""]
    assert cell(text, "(e) the same, warm")[1:] == ["5.0", "5.0 – 5.0", "1.00", "", "", "10.0"]
    assert cell(text, "(c) `nox`")[1] == "failed"
    assert cell(text, "(e) `envcheck")[1] == "not measured"


def test_the_report_says_what_was_done():
    made = matrix_report.document(NUMBERS)
    assert "3 alternating rounds" in made
    assert "210 ms per cell" in made
    row = dict(matrix_ours.row(result("3.9-slim")), accelerate="1.10.1")
    closure = {"date": "2026-01-02", "cold": 45.0, "warm": 20.0, "cells": [row]}
    moved = {"fetched": 6e9, "files": 60, "wheels": 5.5e9, "uses": 240, "all": 11e9}
    made = matrix_report.document({"closure": {**closure, "traffic": moved}})
    assert "7.0 and 15.8 times" in made
    assert "315 s" in made
    assert cell(made, "accelerate with torch's CUDA wheels, five")[2:] == ["45 s", "reached"]


def test_nobody_has_a_configuration_of_pip_or_uv(monkeypatch, tmp_path):
    from benchmarks.matrix_competitors import Where, bundle

    for name in ("ENVCHECK_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    assert bundle() == ""
    certificates = tmp_path / "ca.pem"
    certificates.write_text("")
    monkeypatch.setenv("PIP_FIND_LINKS", "/somewhere")
    monkeypatch.setenv("UV_INDEX_URL", "http://somewhere")
    monkeypatch.setenv("PIP_CERT", str(certificates))
    variables = Where(str(tmp_path), bundle(), (), {}).variables(MORE="1")
    assert "PIP_FIND_LINKS" not in variables
    assert "UV_INDEX_URL" not in variables
    assert variables["SSL_CERT_FILE"] == variables["PIP_CERT"] == str(certificates)
    assert variables["MORE"] == "1"


def test_interpreters_are_those_of_pyenv_and_path(monkeypatch, tmp_path):
    from benchmarks.matrix import interpreters

    for folder, name in (("pyenv/versions/3.11.7/bin", "python3.11"), ("path", "python3.12")):
        program = tmp_path / folder / name
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert list(interpreters(["3.10", "3.11", "3.12"])) == ["3.11", "3.12"]
