"""How exactly the disk of closures is predicted: real installs, measured as a run measures them.

    python -m benchmarks.prediction_disk --interpreters DIRECTORY [--wheels DIRECTORY] [--only ID]

Each case is installed into a fresh environment, from wheels alone, and measured as it is and with
all of it compiled. The wheels that were installed are then looked at on the index by ranges, as a
prediction does, and the estimates are held against what was measured. With ``--download`` they are
downloaded, too, and their sizes compared. ``DIRECTORY`` has a folder of each interpreter's
version (``3.11.7/bin/python``); ``--wheels``: what an index does not have.

Writes ``prediction-disk.json`` and ``prediction-disk.md`` into ``--out``. What was measured for an
earlier one is taken from there with ``--measured FILE``: only the predictions are made again.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.tables import table
from envcheck.index import pages
from envcheck.index.client import Client
from envcheck.index.remote_wheel import inspect
from envcheck.index.sources import Network, default_index
from envcheck.knowledge import table as knowledge
from envcheck.model.target import Target
from envcheck.predict import disk
from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from envcheck.model.artifact import WheelFacts
    from envcheck.model.cell import Usage

CELL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "envcheck", "cell")
GOALS = {"logical": 0.2, "allocated": 0.2, "compiled": 1.0, "compiled allocated": 1.0}


class Case(NamedTuple):
    """What is installed with which Python, and by what."""

    requirements: tuple[str, ...]
    python: str
    installer: str = "uv"
    local: bool = False  # with the wheels that the index does not have

    @property
    def id(self) -> str:
        """For a person."""
        return f"{' '.join(self.requirements)}, {self.python}, {self.installer}"


CASES = [
    Case(("numpy",), "3.9"),
    Case(("numpy",), "3.13", "pip"),
    Case(("cryptography",), "3.12"),
    Case(("cryptography",), "3.10", "pip"),
    Case(("duckdb",), "3.11"),
    Case(("soundfile",), "3.10"),
    Case(("transformers",), "3.12"),
    Case(("transformers",), "3.11", "pip"),
    Case(("pandas", "pyarrow"), "3.10"),
    Case(("jupyterlab",), "3.12"),
    Case(("jupyterlab",), "3.9"),
    Case(("scikit-learn",), "3.9"),
    Case(("fastapi[standard]",), "3.13"),
    Case(("playwright",), "3.11"),
    Case(("django",), "3.12"),
    Case(("django",), "3.10", "pip"),
    Case(("polars",), "3.13"),
    Case(("opencv-python-headless",), "3.9"),
    Case(("accelerate", "torch==2.13.0+cpu"), "3.11", local=True),
    # of which nothing was used to make the table of bytecode
    Case(("boto3",), "3.13"),
    Case(("mlflow",), "3.11"),
    Case(("celery[redis]",), "3.12"),
    Case(("sphinx",), "3.11"),
    Case(("pytest", "hypothesis"), "3.10"),
    Case(("spacy",), "3.12"),
    Case(("statsmodels",), "3.11"),
    Case(("xarray", "dask[dataframe]"), "3.13"),
    Case(("ansible-core",), "3.12"),
    Case(("flask", "flask-sqlalchemy"), "3.9"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--interpreters", required=True)
    parser.add_argument("--wheels", default="")
    parser.add_argument("--only", action="append", default=[], help="part of a case's name")
    parser.add_argument("--download", action="store_true")
    parser.add_argument("--runs", nargs="*", default=[], help="reports of runs, to compare with")
    parser.add_argument("--measured", default="", help="prediction-disk.json of an earlier run")
    parser.add_argument("--out", default=".")
    options = parser.parse_args()
    world = _World(default_index(), options.wheels)
    known = {}
    if options.measured:
        with open(options.measured, encoding="utf-8") as file:
            known = {row["case"]: row["real"] for row in json.load(file)["rows"] if "real" in row}
    rows = []
    for case in CASES:
        if options.only and not any(part in case.id for part in options.only):
            continue
        python = glob.glob(os.path.join(options.interpreters, f"{case.python}.*", "bin/python"))
        if not python:
            print(f"{case.id}: there is no such Python", file=sys.stderr)
            continue
        real = known.get(case.id)
        if real is None:
            with tempfile.TemporaryDirectory(prefix="envcheck-disk-") as folder:
                real = _real(case, python[0], folder, options.wheels, options.download)
        row = _row(case, python[0], real, world)
        print(json.dumps({name: row[name] for name in row if name != "real"}), flush=True)
        rows.append(row)
        _write(options.out, rows)
    for path in options.runs:
        rows += _of_run(path, world)
    _write(options.out, rows)
    return 0


def _of_run(path: str, world: _World) -> list[dict[str, Any]]:
    """Rows for the cells of a run that had been measured."""
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    rows = []
    for result in run["results"]:
        cell, ones = result["cell"], result["distributions"]
        if not result["disk"] or any(one["artifact"] != "wheel" for one in ones):
            continue
        target = Target(id="", python=result["python"], libc=result["libc"])
        closure = [world.named(pages.normalized(one["name"]), one["file"]) for one in ones]
        named = [one["name"] for one in ones if one["requested"]]
        installer = cell["axes"]["installer"]
        found = disk.estimate(closure, target, installer=installer, requested=named)
        measured, full = result["disk"], cell["steps"]["bytecode"] == "compiled"
        site = [measured[name] for name in ("logical", "allocated")]
        kinds = ("compiled", "compiled allocated") if full else ("logical", "allocated")
        usage = found.usage(bytecode=full)
        row = {"case": f"{run['header']['id']}, {cell['id']}", "distributions": len(closure)}
        row |= {"download": found.download, "downloaded": sum(o["download-size"] for o in ones)}
        for at, kind in enumerate(kinds):
            row |= _compared(kind, usage, site, at)
        row |= {"bytecode": [found.bytecode if full else 0, measured["bytecode"]]}
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


class _World:
    """The index, and a directory of wheels."""

    def __init__(self, index: str, wheels: str) -> None:
        self.index, self.wheels = index.rstrip("/"), wheels
        self.client = Client(Network())
        self.moved = 0
        self._pages: dict[str, list[pages.File]] = {}

    def files(self, project: str) -> list[pages.File]:
        if project not in self._pages:
            url = f"{self.index}/{project}/"
            answer, body = self.client.page(url, {"Accept": pages.ACCEPT})
            kind = answer.headers.get("Content-Type", "")
            self._pages[project] = pages.parse(body, kind, answer.url)
        local = [
            pages.File(filename=os.path.basename(path), url=f"file://{os.path.abspath(path)}")
            for path in glob.glob(os.path.join(self.wheels, "*.whl"))
        ]
        mine = [file for file in local if file.project == project] if self.wheels else []
        return mine + self._pages[project]

    def wheel(self, project: str, version: str, target: Target) -> tuple[pages.File, WheelFacts]:
        """The one that an installer takes, and its facts."""
        order = ranks(target)
        fit = []
        for file in self.files(project):
            rank = order.rank(file.filename) if file.is_wheel else None
            if rank is not None and file.version == version:
                fit.append((rank, file))
        file = min(fit, key=lambda pair: pair[0])[1]
        return file, inspect(file, self.client, self._count)

    def named(self, project: str, filename: str) -> tuple[pages.File, WheelFacts]:
        """A wheel by its file's name."""
        file = next(file for file in self.files(project) if file.filename == filename)
        return file, inspect(file, self.client, self._count)

    def _count(self, count: int) -> None:
        self.moved += count


def _real(case: Case, python: str, folder: str, wheels: str, download: bool) -> dict[str, Any]:
    """What is there: distributions, their site directories plain and compiled, downloads."""
    plain, full = _installed(case, python, folder, wheels)
    names = [f"{one['name']}=={one['version']}" for one in plain["distributions"]]
    real = {"distributions": names, "plain": plain["site"], "compiled": full["site"]}
    if download:
        real["wheels"] = _downloaded(python, names, os.path.join(folder, "wheels"), wheels)
    return real


def _row(case: Case, python: str, real: dict[str, Any], world: _World) -> dict[str, Any]:
    version = _output([python, "-c", "import platform; print(platform.python_version())"])
    libc = " ".join(platform.libc_ver())
    target = Target(id=case.python, python=version, libc=libc, architecture=platform.machine())
    before = world.moved
    pairs = [name.split("==") for name in real["distributions"]]
    closure = [world.wheel(pages.normalized(name), version, target) for name, version in pairs]
    named = {part.partition("[")[0].partition("==")[0] for part in case.requirements}
    found = disk.estimate(closure, target, installer=case.installer, requested=named)
    plain, full = found.usage(bytecode=False), found.usage(bytecode=True)
    row: dict[str, Any] = {
        "case": case.id,
        "distributions": len(closure),
        "moved": world.moved - before,
        "download": found.download,
        **_compared("logical", plain, real["plain"], 0),
        **_compared("allocated", plain, real["plain"], 1),
        **_compared("compiled", full, real["compiled"], 0),
        **_compared("compiled allocated", full, real["compiled"], 1),
        "files": [found.files, real["plain"][4]],
        "files compiled": [found.files + found.bytecode_files, real["compiled"][4]],
        "bytecode": [found.bytecode, real["compiled"][3]],
        "unlisted": _unlisted(closure),
        "real": real,
    }
    if "wheels" in real:
        row["downloaded"] = sum(real["wheels"].values())
        row["other wheels"] = sorted(set(real["wheels"]) ^ {file.filename for file, _ in closure})
    return row


def _unlisted(closure: list[tuple[pages.File, WheelFacts]]) -> float:
    """Which share of the Python source is of projects that the table of bytecode does not have."""
    known = {row["project"] for row in knowledge("bytecode")["rows"]}
    source = [(file.project, held.python_bytes) for file, f in closure if (held := f.contents)]
    total = sum(count for _, count in source)
    return round(sum(count for project, count in source if project not in known) / total, 3)


def _compared(name: str, usage: Usage | None, site: list[int], at: int) -> dict[str, Any]:
    if usage is None:
        return {name: [None, site[at], None]}
    predicted = usage.allocated if at else usage.logical
    return {name: [predicted, site[at], round(100 * (predicted / site[at] - 1), 3)]}


def _installed(case: Case, python: str, folder: str, wheels: str) -> list[dict[str, Any]]:
    """What ``cell/measuring.py`` says of a fresh environment with the case in it: plain, compiled.

    pip compiles while it installs, and notes it down: that is another environment.
    """
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "UV_LINK_MODE": "copy"}
    environ["PIP_FIND_LINKS"] = environ["UV_FIND_LINKS"] = wheels if case.local else ""
    found: list[dict[str, Any]] = []
    empty: dict[str, Any] = {}
    for compiled in (False, True):
        one = case.installer == "uv"
        environment = os.path.join(folder, "one" if one else str(compiled))
        if not os.path.exists(environment):
            empty = _install(case, python, environment, environ, compiled)
        if compiled:
            with open(os.path.join(CELL, "compiling.py"), encoding="utf-8") as file:
                _run([python, "-I", "-S", "-c", file.read(), environment], environ)
        said = _measured(case, python, environment)
        said["site"] = [a - b for a, b in zip(said["site"], empty["site"], strict=True)]
        found.append(said)
    return found


def _install(
    case: Case, python: str, environment: str, environ: dict[str, str], compiled: bool
) -> dict[str, Any]:
    """Make the environment; what is measured before anything is installed."""
    inside = os.path.join(environment, "bin", "python")
    if case.installer == "uv":
        _run(["uv", "venv", "-q", "-p", python, environment], environ)
        words = ["uv", "pip", "install", "-q", "-p", inside, "--only-binary", ":all:"]
    else:
        _run([python, "-m", "venv", "--without-pip", environment], environ)
        words = [sys.executable, "-m", "pip", "--python", inside, "install", "-q"]
        words += ["--only-binary", ":all:", "--compile" if compiled else "--no-compile"]
    empty = _measured(case, python, environment)
    _run([*words, *case.requirements], environ)
    return empty


def _measured(case: Case, python: str, environment: str) -> dict[str, Any]:
    script = os.path.join(CELL, "measuring.py")
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as answer:
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'eval "exec 3>&$FD"; exec "$@"', "sh",
             python, "-I", "-S", "-B", script, environment, "600"],
            pass_fds=[writer], env={**os.environ, "FD": str(writer)},
        )  # fmt: skip
        os.close(writer)
        said: dict[str, Any] = json.load(answer)
        if child.wait() or not said["complete"]:
            raise SystemExit(f"{case.id}: it could not be measured")
    return said


def _downloaded(python: str, names: list[str], folder: str, wheels: str) -> dict[str, int]:
    """Bytes of the wheels that pip downloads for the closure."""
    environment = folder + "-pip"
    _run([python, "-m", "venv", "--without-pip", environment], dict(os.environ))
    inside = os.path.join(environment, "bin", "python")
    environ = {**os.environ, "PIP_FIND_LINKS": wheels}
    _run(
        [sys.executable, "-m", "pip", "--python", inside, "download", "-q", "--no-deps",
         "--only-binary", ":all:", "-d", folder, *names],
        environ,
    )  # fmt: skip
    found = {entry.name: entry.stat().st_size for entry in os.scandir(folder)}
    shutil.rmtree(folder)
    return found


def _run(words: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr[-2000:]}")


def _output(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _write(folder: str, rows: list[dict[str, Any]]) -> None:
    with open(os.path.join(folder, "prediction-disk.json"), "w", encoding="utf-8") as file:
        json.dump({"goals": GOALS, "rows": rows}, file, indent=1)
        file.write("\n")
    head = [
        "what",
        "wheels",
        "download",
        "disk",
        "off",
        "allocated",
        "compiled",
        "off",
        "allocated",
        "unlisted",
    ]
    lines = []
    for row in rows:
        same = row.get("downloaded") == row["download"]
        line = [row["case"], row["distributions"], f"{row['download']:,}" + " =" * same]
        for name, digits in (("logical", 3), ("allocated", 3), ("compiled", 2),
                             ("compiled allocated", 2)):  # fmt: skip
            _, measured, off = row.get(name, (0, 0, None))
            line += (
                [f"{measured:,}" if measured else ""]
                if " " not in name and name != "allocated"
                else []
            )
            line += ["" if off is None else f"{off:+.{digits}f} %"]
        line.append(f"{row['unlisted']:.0%}" if row.get("unlisted") else "")
        lines.append(line)
    with open(os.path.join(folder, "prediction-disk.md"), "w", encoding="utf-8") as file:
        file.write(table(lines, head) + "\n")


if __name__ == "__main__":
    sys.exit(main())
