"""The others: a shell loop of ``docker build``, one of ``docker run`` with pip's cache, tox, nox.

Each function does all cells once and returns the seconds that it took. What is made is removed
afterwards, outside of what is timed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import environment, matrix_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.matrix_cells import Cell

LIMIT = 3600.0  # seconds for all cells of a competitor
IMAGE = "envcheck-benchmark"
VOLUME = "envcheck-benchmark-pip"
INSIDE = "/etc/ssl/certs/ca-certificates.crt"
TOOLS = ("tox", "nox", "uv")


class Failed(Exception):  # noqa: N818 - it is the competitor's, not ours
    """A competitor could not do its cells; the message is the end of what it said."""


class Where(NamedTuple):
    """``folder``: scratch space. ``bundle``: certificates that are to be trusted, or empty.

    ``docker_args``: further words for ``docker run``. ``interpreters``: Python -> path.
    """

    folder: str
    bundle: str
    docker_args: tuple[str, ...]
    interpreters: Mapping[str, str]
    tools: str = ""  # the folder of tox, nox and uv

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of everybody: no configuration of pip and uv, but the certificates."""
        kept = environment.environ(**more)
        for name in list(kept):
            if name.startswith(("PIP_", "UV_", "NOX", "TOX")):
                del kept[name]
        kept["PIP_CONFIG_FILE"] = os.devnull
        kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        kept["UV_NO_CONFIG"] = "1"
        if self.bundle:
            names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
            kept.update(dict.fromkeys(names, self.bundle))
        return {**kept, **more}


def bundle() -> str:
    """The certificates that this machine is told to trust beyond its own, or empty."""
    names = ("ENVCHECK_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
    return next(
        (os.environ[name] for name in names if os.path.isfile(os.environ.get(name, ""))), ""
    )


def present(image: str) -> bool:
    """Whether the engine has this image."""
    done = subprocess.run(["docker", "image", "inspect", image], capture_output=True, timeout=60)
    return done.returncode == 0


def build_loop(cells: Sequence[Cell], where: Where) -> float:
    """(a) ``docker build --no-cache`` for one cell after the other, pip inside."""
    context = os.path.join(where.folder, "context")
    shutil.rmtree(context, ignore_errors=True)
    os.makedirs(context)
    with open(os.path.join(context, "Dockerfile"), "w") as file:
        file.write(matrix_cells.dockerfile(bool(where.bundle)))
    if where.bundle:
        shutil.copy(where.bundle, os.path.join(context, "ca.pem"))
    variables = where.variables(DOCKER_BUILDKIT="0")
    tags = [f"{IMAGE}:{cell.id}" for cell in cells]
    try:
        began = time.monotonic()
        for cell, tag in zip(cells, tags, strict=True):
            words = ["docker", "build", "--no-cache", "--quiet", "--force-rm", "--tag", tag]
            run([*words, "--build-arg", f"BASE={cell.image}", context], variables)
        return time.monotonic() - began
    finally:
        _quietly(["docker", "image", "rm", "--force", *tags])


def run_loop(cells: Sequence[Cell], where: Where) -> float:
    """(b) ``docker run`` for one cell after the other; pip's cache on a volume of all."""
    script = f"python3 -m pip install {' '.join(matrix_cells.PACKAGES)} && "
    script += f"python3 -c '{matrix_cells.IMPORT}'"
    words = [*_docker_run(where), "--volume", f"{VOLUME}:/root/.cache/pip"]
    began = time.monotonic()
    for cell in cells:
        run([*words, cell.image, "sh", "-c", script], where.variables())
    return time.monotonic() - began


def pip_closure(cells: Sequence[Cell], where: Where) -> float:
    """Accelerate with all it needs, by pip without a cache, one cell after the other."""
    script = "python3 -m pip install --no-cache-dir accelerate && python3 -c 'import accelerate'"
    began = time.monotonic()
    for cell in cells:
        run([*_docker_run(where), cell.image, "sh", "-c", script], where.variables())
    return time.monotonic() - began


def _docker_run(where: Where) -> list[str]:
    words = ["docker", "run", "--rm", "--env", "PIP_ROOT_USER_ACTION=ignore"]
    if where.bundle:
        words += ["--volume", f"{where.bundle}:{INSIDE}:ro"]
        for name in ("PIP_CERT", "SSL_CERT_FILE"):
            words += ["--env", f"{name}={INSIDE}"]
    return [*words, *where.docker_args]


def forget_pip_cache() -> None:
    """The next ``run_loop`` starts without."""
    _quietly(["docker", "volume", "rm", "--force", VOLUME])


def tox(where: Where) -> float:
    """(c) tox over the interpreters, its environments made anew, pip's cache kept."""
    folder = _fresh(where, "tox")
    with open(os.path.join(folder, "tox.ini"), "w") as file:
        file.write(matrix_cells.tox(list(where.interpreters)))
    words = [os.path.join(where.tools, "tox"), "run", "--recreate", "--discover"]
    return _timed([*words, *where.interpreters.values()], where, folder)


def nox(where: Where) -> float:
    """(c) nox over the interpreters with uv as its backend, uv's cache kept."""
    folder = _fresh(where, "nox")
    with open(os.path.join(folder, "noxfile.py"), "w") as file:
        file.write(matrix_cells.nox(list(where.interpreters)))
    return _timed([os.path.join(where.tools, "nox")], where, folder)


def make_tools(folder: str) -> str:
    """An environment with tox, nox and uv; returns the folder of its programs."""
    programs = os.path.join(folder, "bin")
    if not all(os.path.exists(os.path.join(programs, tool)) for tool in TOOLS):
        environment.run([sys.executable, "-m", "venv", folder])
        environment.run([os.path.join(programs, "python"), "-m", "pip", "install", "-q", *TOOLS])
    return programs


def run(
    argv: Sequence[str],
    variables: Mapping[str, str],
    cwd: str | None = None,
    accepted: Callable[[int], bool] = lambda status: status == 0,
) -> str:
    """A command's output, both streams. Raises Failed."""
    done = subprocess.run(
        list(argv),
        env=dict(variables),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=LIMIT,
    )
    if not accepted(done.returncode):
        raise Failed(f"{' '.join(argv[:3])}: exit {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def _timed(words: Sequence[str], where: Where, folder: str) -> float:
    """In ``folder``, the interpreters on PATH, caches in the scratch space."""
    places = [os.path.dirname(path) for path in where.interpreters.values()]
    path = os.pathsep.join([where.tools, *places, os.environ.get("PATH", "")])
    caches = {
        "PIP_CACHE_DIR": os.path.join(where.folder, "pip-cache"),
        "UV_CACHE_DIR": os.path.join(where.folder, "uv-cache"),
    }
    began = time.monotonic()
    run(words, where.variables(PATH=path, **caches), folder)
    return time.monotonic() - began


def _fresh(where: Where, name: str) -> str:
    folder = os.path.join(where.folder, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def _quietly(argv: Sequence[str]) -> None:
    subprocess.run(list(argv), capture_output=True, timeout=300)
