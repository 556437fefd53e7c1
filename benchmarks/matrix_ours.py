"""Envcheck's own runs, cold and warm, and what can be read from the run's document."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import environment, launcher
from benchmarks.matrix_competitors import Failed, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.matrix_competitors import Where

Document = dict[str, Any]

CELL_IMAGES = "envcheck-cell"  # the repository of images that envcheck builds
STORE_LABEL = "envcheck.store"


class Outcome(NamedTuple):
    """One run: seconds from start to end of the command, and its document."""

    wall: float
    document: Document


class Ours:
    """Runs of one matrix file on one backend, with a cache of their own.

    ``name``: of the scratch folder. ``text``: of the matrix file. ``bare``: of another one, which
    does in these cells what the others do, and no more.
    """

    def __init__(self, name: str, text: str, backend: str, where: Where, bare: str = "") -> None:
        self.backend = backend
        self.where = where
        self.folder = os.path.join(where.folder, name)
        self.text, self.bare = text, bare
        self._volumes = _volumes()

    def cold(self) -> Outcome:
        """With nothing that an earlier run has left: no store, no cache, no image built."""
        self.forget()
        return self.run()

    def run(self, *options: str, bare: bool = False) -> Outcome:
        """Once, with what earlier runs have left. Raises Failed if a cell does not import."""
        os.makedirs(self.folder, exist_ok=True)
        file, report = (os.path.join(self.folder, name) for name in ("bench.toml", "run.json"))
        with open(file, "w") as stream:
            stream.write(self.bare if bare else self.text)
        words = [sys.executable, "-m", "envcheck", "matrix", "run", file, *options]
        words += ["--backend", self.backend, "--store", os.path.join(self.folder, "store")]
        words += ["--report", f"json:{report}"]
        began = time.monotonic()
        said = run(words, self._variables(), environment.ROOT, lambda status: status in (0, 1, 3))
        wall = time.monotonic() - began
        with open(report) as stream:
            document: Document = json.load(stream)
        if problems := complaints(document):
            raise Failed("; ".join(problems) + "\n" + said[-2000:])
        return Outcome(wall, document)

    def forget(self) -> None:
        """Remove what its runs have left, and the images that envcheck has built."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.backend != "docker":
            return
        images = _lines("docker", "image", "ls", "--quiet", CELL_IMAGES)
        volumes = sorted(_volumes() - self._volumes)
        for words, names in ((["image", "rm", "--force"], images), (["volume", "rm"], volumes)):
            if names:
                subprocess.run(["docker", *words, *names], capture_output=True, timeout=600)

    def _variables(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("ENVCHECK_IMAGES", "ENVCHECK_CA_BUNDLE")
            if name in os.environ
        }
        places = [os.path.dirname(path) for path in self.where.interpreters.values()]
        path = os.pathsep.join([*places, os.environ.get("PATH", "")])
        return self.where.variables(
            **kept, PATH=path, ENVCHECK_CACHE_DIR=os.path.join(self.folder, "cache")
        )


def complaints(document: Mapping[str, Any]) -> list[str]:
    """Why the run is no fair entry: a cell that is not done or has not imported all."""
    found = [f"{name} is missing" for name in document.get("missing", ())]
    for result in document["results"]:
        imports = result.get("imports", [])
        if result["status"] not in ("pass", "warn") or not imports:
            found.append(
                f"{result['cell']['id']}: {result['status']}: {result.get('sentence', '')}"
            )
        elif any(one.get("error") or one.get("first") is None for one in imports):
            found.append(f"{result['cell']['id']}: an import failed")
    return found


def overhead(outcome: Outcome) -> float:
    """Seconds per cell that no step's command took, of a run with one cell at a time."""
    results = outcome.document["results"]
    return (outcome.wall - sum(steps(outcome.document).values())) / len(results)


def traffic(document: Mapping[str, Any]) -> dict[str, float]:
    """What a run fetched from the index, and what it had to.

    ``fetched``: bytes, pages and metadata included. ``wheels``: bytes of the ``files`` different
    files that were installed; ``all``: of all ``uses`` of them. ``share``: ``fetched`` over
    ``wheels``.
    """
    sizes: dict[str, int] = {}
    uses: Counter[str] = Counter()
    fetched = 0
    for result in document["results"]:
        fetched += (result.get("download") or {}).get("upstream", 0)
        for distribution in result.get("distributions", []):
            digest, size = distribution.get("sha256"), distribution.get("download-size")
            if digest and size:
                sizes[digest] = size
                uses[digest] += 1
    wheels = sum(sizes.values())
    return {
        "fetched": fetched,
        "share": fetched / max(1, wheels),
        "files": len(sizes),
        "wheels": wheels,
        "uses": uses.total(),
        "all": sum(size * uses[digest] for digest, size in sizes.items()),
    }


def steps(document: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of each step, all cells together."""
    totals: dict[str, float] = {}
    for result in document["results"]:
        for step in result["steps"]:
            totals[step["name"]] = totals.get(step["name"], 0.0) + step.get("seconds", 0.0)
    return totals


def imports(document: Mapping[str, Any]) -> int:
    """How often each module was imported in a fresh process."""
    first = document["results"][0]["imports"][0]
    return 1 + len(first.get("settled", []))


def row(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of one cell, what the table of the closure shows."""
    versions = {one["name"].lower(): one["version"] for one in result.get("distributions", [])}
    seconds = {step["name"]: step.get("seconds") for step in result["steps"]}
    timed: dict[str, Any] = next(
        (one for one in result.get("imports", []) if one["module"] == "accelerate"), {}
    )
    settled = timed.get("settled")
    return {
        "cell": result["cell"]["id"],
        "status": result["status"],
        "accelerate": versions.get("accelerate", ""),
        "torch": versions.get("torch", ""),
        "wheels": len(versions),
        "install": seconds.get("install"),
        "first": timed.get("first"),
        "settled": min(settled) if settled else None,
    }


#: Plans a matrix of a thousand cells, stores the plan and a result of each, and reads them back.
THOUSAND = """
import sys, tempfile
from envcheck import store
from envcheck.matrix import plan, spec
from envcheck.model.cell import CellResult, RunHeader, StepResult

axes = ", ".join('"3.%d"' % minor for minor in range(9, 19))
variant = '[variants.build.b%d]\\nrequirements = ["numpy==1.%d"]\\n'
text = '''schema = "envcheck.matrix/1"
[test]
requirements = ["numpy"]
[axes]
python = [%s]
os = ["slim", "alpine"]
%s''' % (axes, "".join(variant % (number, number) for number in range(50)))
planned = plan.plan(spec.loads(text), "thousand", ".")
cells = planned.cells
assert len(cells) == 1000, len(cells)
names = ("create", "resolve", "install", "import", "measure")
steps = [StepResult(name=name, status="ok", seconds=1.5) for name in names]
with tempfile.TemporaryDirectory() as folder:
    writer = store.create(folder, RunHeader(id="", matrix="thousand", cells=1000), planned)
    same = dict(backend="docker", status="pass", steps=steps)
    results = [CellResult(cell=cell, **same) for cell in cells]
    if sys.argv[1] == "singly":
        for result in results:
            writer.append(result)
    else:
        writer.append_all(results)
    writer.end()
    writer.close()
    assert len(store.read(folder).results) == 1000
"""


def thousand(how: str, runs: int = 5) -> launcher.Usage:
    """The quickest of ``runs``. ``how``: results are written ``together``, or ``singly``, each
    flushed to the disk, as a run does."""
    words = [sys.executable, "-c", THOUSAND, how]
    variables = environment.environ(PYTHONPATH=environment.ROOT)
    found = []
    for _ in range(runs):
        usage = launcher.measure(words, env=variables, cwd=environment.ROOT)
        if usage.code:
            raise Failed(usage.output.decode("utf-8", "replace")[-2000:])
        found.append(usage)
    return min(found, key=lambda usage: usage.wall)


def _volumes() -> set[str]:
    return set(_lines("docker", "volume", "ls", "--quiet", "--filter", f"label={STORE_LABEL}"))


def _lines(*words: str) -> list[str]:
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            list(words), capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        return []
    return sorted(set(done.stdout.split()))
