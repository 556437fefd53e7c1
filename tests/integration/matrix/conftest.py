"""Running ``envcheck matrix`` as a program, with an index and a cache of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from index_server import IndexServer

    from envcheck.model.cell import CellResult, Run

ROOT = Path(__file__).parents[3]
IMAGES = "slim=envcheck-base:{python}-slim,alpine=envcheck-base:{python}-musl"
LIMIT = 300.0  # seconds of a run; far more than any takes


class Ran(NamedTuple):
    """How it ended. ``run``: the stored run, None if there is none. ``folder``: of the run."""

    code: int
    out: str
    err: str
    run: Run | None
    folder: Path

    def cell(self, name: str) -> CellResult:
        """The result of the cell ``name``."""
        assert self.run is not None, self.err
        found = {result.cell.id: result for result in self.run.results}
        assert name in found, (sorted(found), self.err)
        return found[name]

    def log(self, cell: str) -> str:
        """All logs of a cell."""
        logs = sorted((self.folder / "logs" / cell).glob("*.log"))
        return "\n".join(path.read_text("utf-8", "replace") for path in logs)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static uv, from the index that is configured here, once for all tests."""
    from envcheck.index.gateway import Gateway
    from envcheck.index.uv_program import uv_program

    cache = str(tmp_path_factory.mktemp("programs"))
    gateway = Gateway(cache)
    try:
        path = uv_program("", "", cache=cache, gateway=gateway)
    finally:
        gateway.close()
    return Path(path).parents[1]


class Workplace:
    """A cache, a store and an environment in which ``envcheck matrix run`` is started."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.store = folder / "store"
        shutil.copytree(programs, self.cache / "programs", copy_function=os.link)

    def variables(self, index: IndexServer | None = None, **more: str) -> dict[str, str]:
        """Nothing of this machine's configuration of pip and uv; the test's own index."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "ENVCHECK_"))
        }
        kept |= {
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "ENVCHECK_IMAGES": IMAGES,
            "ENVCHECK_CACHE_DIR": str(self.cache),
            "PYTHONPATH": str(ROOT),
        }
        if index is not None:
            url = index.url
            if index.credentials:
                url = url.replace("://", f"://{':'.join(index.credentials)}@")
            kept["ENVCHECK_MATRIX_INDEX_URL"] = url
        return {**kept, **more}

    def argv(self, *words: str) -> list[str]:
        """The command line of ``envcheck matrix WORDS``."""
        return [sys.executable, "-m", "envcheck", "matrix", *words, "--store", str(self.store)]

    def run(
        self,
        what: str | Sequence[str],
        *words: str,
        index: IndexServer | None = None,
        backend: str = "docker",
        timeout: float = LIMIT,
        **more: str,
    ) -> Ran:
        """``envcheck matrix run WHAT WORDS``; ``what``: the text of a matrix file, or words."""
        if isinstance(what, str):
            file = self.folder / "tried.toml"
            file.write_text(what)
            what = [str(file)]
        done = subprocess.run(
            self.argv("run", *what, "--backend", backend, *words),
            env=self.variables(index, **more),
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout,
        )
        return self.read(done.returncode, done.stdout, done.stderr)

    def read(self, code: int, out: str, err: str) -> Ran:
        """The last run of the store, beside how a process ended."""
        from envcheck import store

        names = store.runs(str(self.store)) if self.store.exists() else []
        if not names:
            return Ran(code, out, err, None, self.store)
        last = store.find(str(self.store))
        return Ran(code, out, err, store.read(str(self.store), last), self.store / last)

    @property
    def volume(self) -> str:
        """The name of the docker backend's volume for this cache."""
        return f"envcheck-store-{(self.cache / 'docker' / 'owner').read_text()}"

    def remove(self) -> None:
        """What the docker backend keeps between runs."""
        owner = self.cache / "docker" / "owner"
        if not owner.exists():
            return
        filters = ["--all", "--quiet", "--filter", f"label=envcheck.owner={owner.read_text()}"]
        left = subprocess.run(["docker", "ps", *filters], capture_output=True, text=True)
        if ids := left.stdout.split():
            subprocess.run(["docker", "rm", "--force", *ids], capture_output=True, timeout=60)
        subprocess.run(["docker", "volume", "rm", self.volume], capture_output=True, timeout=60)


@pytest.fixture
def workplace(tmp_path: Path, programs: Path) -> Iterator[Workplace]:
    """One of the test's own."""
    made = Workplace(tmp_path / "workplace", programs)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def shared_workplace(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Iterator[Workplace]:
    """One for all tests of a module."""
    made = Workplace(tmp_path_factory.mktemp("workplace"), programs)
    yield made
    made.remove()
