"""``envcheck matrix show``, ``compare`` and ``history`` as commands, on files and on a store."""

from __future__ import annotations

import csv
import json
from io import StringIO

import msgspec
import pytest
import runs

from envcheck import store
from envcheck.cli.main import main
from envcheck.model.cell import Run
from envcheck.model.matrix import Plan
from envcheck.report.matrix import REPORTERS, View, load


@pytest.fixture
def file(tmp_path):
    """A run's document."""

    def write(run: Run, name: str = "run.json") -> str:
        path = tmp_path / name
        path.write_text(load("json").render(run, View()), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def envcheck(capsys, monkeypatch, tmp_path):
    """Runs ``envcheck matrix WORDS…``: exit status, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("ENVCHECK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["matrix", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def stored(tmp_path):
    """A store in which these runs are; its directory."""
    root = str(tmp_path / "store")

    def keep(*kept: Run) -> str:
        for run in kept:
            cells = [result.cell for result in run.results]
            cells += [runs.cell(name) for name in run.missing]
            plan = Plan(name=run.header.matrix, summary="", folder="", cells=cells)
            writer = store.create(root, run.header, plan)
            try:
                for result in run.results:
                    writer.append(result)
                if run.ended:
                    writer.end()
            finally:
                writer.close()
        return root

    return keep


def test_a_document_is_shown(envcheck, file):
    status, out, err = envcheck("show", file(runs.as_the_seed()))
    assert (status, err) == (0, "")
    assert out.startswith("accelerate: 4 pass, 6 fail")
    assert "requires-python" in out
    assert "\x1b" not in out


def test_colour_is_asked_for(envcheck, file):
    assert "\x1b[32mpass" in envcheck("show", file(runs.as_the_seed()), "--color", "always")[1]


@pytest.mark.parametrize("name", REPORTERS)
def test_each_format_to_standard_output(envcheck, file, name):
    status, out, _ = envcheck("show", file(runs.as_the_seed()), "--report", name)
    assert status == 0
    assert "3.12" in out


def test_a_directory_gets_a_file_of_each_format(envcheck, file, tmp_path):
    words = [word for name in REPORTERS for word in ("--report", f"{name}:{tmp_path}/reports/")]
    status, out, _ = envcheck("show", file(runs.as_the_seed()), *words)
    assert (status, out) == (0, "")
    names = {path.name for path in (tmp_path / "reports").iterdir()}
    assert names == {f"accelerate{suffix}" for _, _, suffix in REPORTERS.values()}
    text = (tmp_path / "reports" / "accelerate.json").read_text(encoding="utf-8")
    assert msgspec.json.decode(text, type=Run) == runs.as_the_seed()
    rows = (tmp_path / "reports" / "accelerate.csv").read_text(encoding="utf-8")
    assert len(list(csv.DictReader(StringIO(rows)))) == 10


def test_a_hostile_name_of_a_matrix_stays_in_the_directory(envcheck, file, tmp_path):
    run = runs.run(runs.passed(), matrix="../../etc/pass\x1bwd")
    envcheck("show", file(run), "--report", f"json:{tmp_path}/out/")
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "etc-pass-wd.json"


def test_the_published_table_beside_it(envcheck, file):
    _, out, _ = envcheck("show", file(runs.as_the_seed()), "--against", "accelerate-page")
    assert "Compared with accelerate-page" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--report", "pdf"], "no table format `pdf`"),
        (["--report", "json", "--report", "csv"], "two reports for standard output"),
        (["--report", "json:a", "--report", "csv:./a"], "two reports for one file"),
        (["--against", "nothing"], "no published table `nothing`"),
    ],
)
def test_wrong_usage(envcheck, file, words, says):
    status, out, err = envcheck("show", file(runs.as_the_seed()), *words)
    assert (status, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"header": {"schema": "envcheck.run/2"}}', "\udcff", "[" * 100_000]
)
def test_what_is_no_run_is_said_to_be_none(envcheck, tmp_path, text):
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    status, out, err = envcheck("show", str(path))
    assert (status, out) == (2, "")
    assert "is no run of a matrix (envcheck.run/1)" in err
    assert envcheck("show", str(tmp_path / "gone.json"))[0] == 2
    assert envcheck("show", str(tmp_path) + "/")[0] == 2


def test_a_run_of_the_store_and_what_a_later_one_knows(envcheck, stored):
    def seen(newest: str) -> Run:
        cell = runs.cell("3.12-slim", test=runs.Subject(requirements=["accelerate"]))
        found = runs.installed("accelerate", "1.13.0", requested=True, newest=newest)
        return runs.run(runs.passed(cell=cell, distributions=[found]), id="", started="2026-11-20")

    root = stored(seen("1.15.0"), seen("1.16.0"))
    first = envcheck("show", "accelerate-1", "--store", root)[1]
    assert "STALE" in first
    assert "accelerate 1.16.0 was released since; 1.15.0 was the newest" in first
    last = envcheck("show", "--store", root)[1]
    assert "accelerate 1.16.0 was released since" not in last


def test_compare_and_its_exit_status(envcheck, file, stored):
    good, bad = runs.run(runs.passed()), runs.run(runs.failed("3.12-slim", "crash", "import"))
    root = stored(good, bad, runs.run(missing=("3.12-slim",)))
    status, out, _ = envcheck("compare", "accelerate-1", "accelerate-2", "--store", root)
    assert status == 1
    assert "worse  3.12-slim  status  pass → fail" in out
    assert envcheck("compare", "accelerate-2", file(good), "--store", root)[0] == 0
    assert envcheck("compare", "accelerate-1", "accelerate", "--store", root)[0] == 3
    assert envcheck("compare", "accelerate-1", "nothing", "--store", root)[0] == 2


def test_compare_as_a_document(envcheck, file, tmp_path):
    old = file(runs.as_the_seed())
    new = file(runs.run(runs.failed("3.12-slim", "crash", "import")), "new.json")
    status, out, _ = envcheck("compare", old, new, "--format", "json")
    document = json.loads(out)
    assert document["schema"] == "envcheck.comparison/1"
    assert document["counts"]["worse"] == status == 1
    path = tmp_path / "c.md"
    assert envcheck("compare", old, new, "--format", "markdown", "-o", str(path))[:2] == (1, "")
    assert "**worse**" in path.read_text(encoding="utf-8")


def test_history(envcheck, stored):
    root = stored(
        runs.run(runs.passed()),
        runs.run(runs.passed(), matrix="numpy"),
        runs.run(runs.failed("3.12-slim", "crash"), ended=""),
    )
    status, out, _ = envcheck("history", "--store", root)
    assert status == 0
    assert out.count("docker") == 3
    assert "accelerate-2, since accelerate-1: 1 worse" in out
    _, out, _ = envcheck("history", "accelerate", "--store", root, "--format", "json")
    document = json.loads(out)
    assert [run["counts"] for run in document["runs"]] == [{"pass": 1}, {"fail": 1}]
    assert document["runs"][1]["since"]["changes"][0]["what"] == "status"
    _, out, _ = envcheck("history", "--last", "1", "--store", root, "--format", "markdown")
    assert out.count("docker") == 1


def test_a_store_with_nothing_in_it(envcheck, tmp_path):
    status, out, _ = envcheck("history", "--store", str(tmp_path / "none"))
    assert (status, out) == (0, "There are no runs in the store.\n")
    assert envcheck("history", "torch", "--store", str(tmp_path / "none"))[0] == 2
    assert envcheck("show", "--store", str(tmp_path / "none"))[0] == 2
