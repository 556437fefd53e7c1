"""`envcheck matrix predict`, `matrix compare PREDICTION RUN` and `--as-of`, as commands."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from index_faults import drop, status
from index_server import IndexServer
from jsonschema import Draft202012Validator
from rich.cells import cell_len
from wheels import File, c_extension, sdist, wheel

from envcheck import schemas
from envcheck.cli import emit
from envcheck.cli.main import main
from envcheck.model.cell import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
OLD, NEW = "2025-01-10T00:00:00Z", "2026-02-01T00:00:00Z"
SETUPTOOLS = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'
    'build-backend = "setuptools.build_meta"\n'
}
EXTENSION = (
    "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('_x', ['_x.c'])])"
)


def binary(version: str, *tags: str, **said: Any) -> list[File]:
    return [wheel("binary", version, tag=tag, **said) for tag in tags]


FILES = (
    wheel("good", "2.0", requires=["dep>=1"], files={"good.py": "x = 1\n" * 999}),
    wheel("good", "1.0", requires=["dep>=1"], uploaded=OLD),
    wheel("dep", "1.5", uploaded=OLD),
    *binary("1.0", LINUX, MUSL, uploaded=OLD), *binary("2.0", LINUX),
    *binary("3.0rc1", LINUX, MUSL),
    wheel("blocked", "1.0", requires=["binary==2.0"]),
    wheel("upper", "2.0", requires_python="<3.12"), wheel("upper", "1.0", uploaded=OLD),
    wheel("never", "1.0", requires_python=">=3.14"),
    wheel("withdrawn", "1.0", yanked="it was wrong"),
    sdist("compiled", extension=c_extension("compiled"), setup=EXTENSION, standard="2.2",
          beside=SETUPTOOLS),
    sdist("pure", standard="2.2", setup="from setuptools import setup\nsetup()\n",
          beside=SETUPTOOLS),
    wheel("one", requires=["dep<1"]), wheel("circle", requires=["dep", "circle"]),
)  # fmt: skip


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer(*FILES) as server:
        yield server


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_to(columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(emit, "_width", lambda stream: columns)

    return set_to


@pytest.fixture
def matrix(capsys, monkeypatch, tmp_path, index, width) -> Command:
    """Runs ``envcheck matrix WORDS…`` with this index as if nothing were configured here."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ENVCHECK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    width(100)

    def run(*words: str) -> tuple[int, str, str]:
        done = main(["matrix", *words])
        said = capsys.readouterr()
        return done, said.out, said.err

    return run


WHERE = ("--target", "3.12-slim,3.12-alpine")


def document(matrix: Command, tmp_path: Path, *words: str) -> dict[str, Any]:
    file = tmp_path / "run.json"
    _, _, err = matrix("predict", *words, "--report", f"json:{file}")
    assert not err.startswith("error"), err
    found: dict[str, Any] = json.loads(file.read_text())
    validator = Draft202012Validator(json.loads(schemas.text("run")))
    assert [error.message for error in validator.iter_errors(found)] == []
    msgspec.convert(found, Run)
    return found


def cells(found: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Cell -> status, cause, class."""
    return {
        one["cell"]["id"]: (one["status"], one.get("cause", ""), one["prediction"]["class"])
        for one in found["results"]
    }


WHEEL, WARNED = ("pass", "", "wheel"), ("warn", "older-release")
PYTHON, MISSING = ("fail", "requires-python", "requires-python"), ("fail", "not-found")
COMPILED = ("fail", "no-compiler", "sdist-build")


@pytest.mark.parametrize(
    ("name", "slim", "alpine"),
    [
        ("good", WHEEL, WHEEL),
        ("circle", WHEEL, WHEEL),
        ("binary", WHEEL, (*WARNED, "older-release")),
        ("binary==2.0", WHEEL, ("fail", "no-wheel", "no-file")),
        ("blocked", WHEEL, ("fail", "no-wheel", "blocked")),
        ("never", PYTHON, PYTHON),
        ("upper", (*WARNED, "requires-python"), (*WARNED, "requires-python")),
        ("withdrawn==1.0", (*WARNED, "yanked"), (*WARNED, "yanked")),
        ("nowhere", (*MISSING, "not-found"), (*MISSING, "not-found")),
        ("good==9", (*MISSING, "not-found"), (*MISSING, "not-found")),
        ("one", (*MISSING, "blocked"), (*MISSING, "blocked")),
        ("pure", ("pass", "", "sdist-pure"), ("pass", "", "sdist-pure")),
        ("compiled", COMPILED, COMPILED),
    ],
)
def test_verdicts(
    matrix: Command, tmp_path: Path, name: str, slim: tuple[str, ...], alpine: tuple[str, ...]
) -> None:
    found = cells(document(matrix, tmp_path, name, *WHERE))
    assert found == {"3.12-slim": slim, "3.12-alpine": alpine}


def test_a_table(matrix: Command, index: IndexServer) -> None:
    done, out, err = matrix("predict", "binary==2.0", "--python", "3.12", "--os", "slim,alpine")
    assert done == 1
    assert not err.startswith("error")
    assert "predicted" in out
    assert "nothing was installed or run" in out
    slim = next(line for line in out.splitlines() if re.match(r"3\.12-?.*slim", line))
    assert "pass" in slim
    assert "musllinux" in out
    assert index.root not in out


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits(matrix: Command, width: Callable[[int], None], columns: int) -> None:
    width(columns)
    for name in ("good", "binary", "blocked", "nowhere", "compiled", "withdrawn==1.0"):
        for more in ((), ("-v",)):
            _, out, _ = matrix("predict", name, *WHERE, *more)
            assert max(map(cell_len, out.splitlines())) <= columns, out
            assert "\x1b" not in out


def test_exit_statuses(matrix: Command, index: IndexServer) -> None:
    assert matrix("predict", "good", *WHERE)[0] == 0
    assert matrix("predict", "blocked", *WHERE)[0] == 1
    index.add(wheel("fragile", "1.0", requires=["hidden"]))
    index.fault("/simple/hidden/", status(500))
    assert matrix("predict", "fragile", *WHERE)[0] == 3


def test_sizes(matrix: Command, tmp_path: Path, index: IndexServer) -> None:
    found = document(matrix, tmp_path, "good", *WHERE)
    sizes = {file.name: len(file.data) for file in FILES}
    expected = sizes["good-2.0-py3-none-any.whl"] + sizes["dep-1.5-py3-none-any.whl"]
    for one in found["results"]:
        parts = one["prediction"]["parts"]
        assert parts["download"] == expected == one["download"]["upstream"]
        assert parts["logical"] > 6 * 999
        assert parts["logical_with_bytecode"] > parts["logical"]
        assert parts["sources"]
        assert one["prediction"]["pins"] == ["dep==1.5", "good==2.0"]
        assert {d["name"]: d.get("releases_behind", 0) for d in one["distributions"]} == {
            "dep": 0, "good": 0,
        }  # fmt: skip


def test_no_number_where_something_is_not_known(
    matrix: Command, tmp_path: Path, index: IndexServer
) -> None:
    index.json = False  # no sizes on the page
    index.fault("/files/dep-*.whl", drop(after=10))
    found = document(matrix, tmp_path, "good", "--target", "3.12-slim")
    (one,) = found["results"]
    assert one["status"] == "inconclusive" or one["prediction"]["parts"].get("logical") is None
    assert "dep" in json.dumps(one["prediction"]["parts"]["unknown"])
    assert one.get("disk") is None


def test_the_same_again_from_a_recording(matrix: Command, tmp_path: Path, index) -> None:
    file = str(tmp_path / "seen")
    words = ("good", "binary", "compiled", *WHERE)
    first = document(matrix, tmp_path, *words, "--record", file)
    index.forget()
    again = document(matrix, tmp_path, *words, "--replay", file)
    assert index.count() == 0

    def told(found: dict[str, Any]) -> list[Any]:
        for one in found["results"]:
            one.pop("started", None)
            for distribution in one.get("distributions", ()):
                distribution.pop("sha256", None)  # a recording has none
        return found["results"]  # type: ignore[no-any-return]

    assert told(again) == told(first)


def test_a_day(matrix: Command, tmp_path: Path) -> None:
    found = document(matrix, tmp_path, "good", *WHERE, "--as-of", "2025-06-01")
    assert {one["version"] for one in found["results"]} == {"1.0"}
    done, _, err = matrix("predict", "good", *WHERE, "--as-of", "yesterday")
    assert done == 2
    assert "no day" in err


def test_two_days(matrix: Command, tmp_path: Path, index: IndexServer) -> None:
    words = ("predict", "good", "binary==2.0", *WHERE, "--as-of", "2025-06-01,2026-11-01")
    done, out, err = matrix(*words)
    assert done == 0, err
    assert "as of 2025-06-01 → as of 2026-11-01" in out
    assert "good 2.0 is new" in out  # nothing could be installed before
    file = tmp_path / "dated.json"
    assert matrix(*words, "--report", f"json:{file}")[0] == 0
    found = json.loads(file.read_text())
    validator = Draft202012Validator(json.loads(schemas.text("dated")))
    assert [error.message for error in validator.iter_errors(found)] == []
    assert (found["before"], found["after"]) == ("2025-06-01", "2026-11-01")
    done, _, err = matrix("predict", "good", *WHERE, "--as-of", "2025-01-01,2025-02-01,2025-03-01")
    assert done == 2
    assert "one day or two" in err
    done, _, err = matrix(*words, "--report", "html:x")
    assert done == 2
    assert "no format `html`" in err


def test_what_moved(matrix: Command) -> None:
    _, out, _ = matrix(
        "predict", "good", "--target", "3.12-slim", "--as-of", "2025-06-01,2026-11-01"
    )
    assert "good 1.0 → 2.0" in out
    _, out, _ = matrix(
        "predict", "dep", "--target", "3.12-slim", "--as-of", "2025-06-01,2026-11-01"
    )
    assert "nothing changed: 3.12-slim" in out


def test_compared_with_a_run(matrix: Command, tmp_path: Path) -> None:
    """The run is a prediction whose cells say that they were run."""
    predicted, observed = tmp_path / "predicted.json", tmp_path / "observed.json"
    found = document(matrix, tmp_path, "good", *WHERE)
    predicted.write_text(json.dumps(found))
    for one in found["results"]:
        one["backend"] = "docker"
        del one["prediction"]
    found["header"]["backend"] = "docker"
    observed.write_text(json.dumps(found))
    done, out, err = matrix("compare", str(predicted), str(observed))
    assert (done, err) == (0, "")
    assert "2 of 2 cells as predicted" in out
    found["results"][0].update(status="fail", cause="import-failed", sentence="it crashed")
    observed.write_text(json.dumps(found))
    done, out, _ = matrix("compare", str(predicted), str(observed))
    assert done == 1
    assert "1 of 2 cells as predicted" in out
    assert "it crashed" in out
    file = tmp_path / "agreement.json"
    assert matrix("compare", str(observed), str(predicted), "--format", "json", "-o", str(file))[0]
    told = json.loads(file.read_text())
    validator = Draft202012Validator(json.loads(schemas.text("agreement")))
    assert [error.message for error in validator.iter_errors(told)] == []
    assert [cell["agrees"] for cell in told["cells"]] == [False, True]


def test_offline(matrix: Command, index: IndexServer) -> None:
    assert matrix("predict", "good", *WHERE, "--offline")[0] == 3
    assert index.count() == 0
    assert matrix("predict", "good", *WHERE)[0] == 0
    index.forget()
    assert matrix("predict", "good", *WHERE, "--offline")[0] == 0
    assert index.count() == 0


def test_what_an_index_says_is_shown_not_obeyed(matrix: Command, index: IndexServer) -> None:
    nasty = "\x1b]0;owned\x07\u202e"
    index.add(
        wheel("hostile", "1.0", requires_python=f">=9{nasty}"),
        wheel("gone", "1.0", yanked=f"because{nasty}"),
        wheel("odd", "1.0", requires=[f"two =>{nasty}"]),
    )
    for name in ("hostile", "gone==1.0", "odd", f"no{nasty}"):
        for more in ((), ("-v",), ("--report", "markdown"), ("--report", "json")):
            _, out, err = matrix("predict", name, *WHERE, *more)
            assert not set("\x1b\x07\u202e") & set(out + err), (name, more)
            assert out + err
