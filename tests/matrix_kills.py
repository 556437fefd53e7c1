"""A matrix run that is killed again and again, and resumed; and what must then be true."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wheels import sdist, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index_server import IndexServer

#: Cells that pass, and one Python for which there is no wheel: failing cells are not run twice.
FILES = [
    wheel("top", requires=["below", "built"]),
    wheel("below", requires_python=">=3.10"),
    sdist("built"),
]
MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["top"]
smoke = "none"
[axes]
python = {pythons}
os = {systems}
[steps]
imports = 1
[limits]
memory = "512M"
disk = "100M"
"""
LIMIT = 300.0  # seconds of a run; far more than any takes
ENDED = (0, 1, 3)  # exit statuses of a run that came to its end


class Killed(NamedTuple):
    """``at``: seconds after each start at which envcheck was killed; ``reached``: how many cells
    were done by then; ``problems``: what should not be, nothing if all is well.
    """

    at: list[float]
    reached: list[int]
    problems: list[str]
    seconds: float


def kill_and_resume(
    workplace: Any, index: IndexServer, text: str, backend: str, moments: Sequence[float]
) -> Killed:
    """Start, kill at ``moments[0]``, resume, kill …, and resume to the end. A moment is seconds
    after the start, or, as an integer, the number of cells that are done.
    """
    file = workplace.folder / "kills.toml"
    file.write_text(text)
    at, reached, problems = [], [], []
    before: dict[str, str] = {}
    began = time.monotonic()
    for moment in [*moments, None]:
        again = _runs(workplace.store)
        words = ["--resume"] if again else [str(file), "--backend", backend]
        process = start(workplace, index, *words)
        began_this = time.monotonic()
        if _wait(process, workplace.store, moment):
            _, err = process.communicate()
            if process.returncode not in ENDED:
                problems.append(f"it ended with {process.returncode}: {err.decode()[-2000:]}")
        else:
            process.kill()  # envcheck alone: whatever it has started lives on
            process.communicate()
            at.append(time.monotonic() - began_this)
            if moment is None:
                problems.append(f"it did not end within {LIMIT:.0f} s")
        now = results(workplace.store)
        reached.append(len(now))
        problems += [
            f"{cell} was lost or changed" for cell in before if before[cell] != now.get(cell)
        ]
        before = now
        if moment is not None and _is_done(workplace.store):
            break
    problems += wrong_in_journal(workplace.store) + left_behind(workplace, backend)
    return Killed(at, reached, problems, time.monotonic() - began)


def _wait(process: subprocess.Popen[bytes], store: Path, moment: float | None) -> bool:
    """Whether it ends by itself before ``moment``."""
    end = time.monotonic() + (moment if isinstance(moment, float) else LIMIT)
    while time.monotonic() < end:
        if process.poll() is not None:
            return True
        if isinstance(moment, int) and len(results(store)) >= moment:
            return False
        time.sleep(0.005)
    return False


def start(workplace: Any, index: IndexServer, *words: str) -> subprocess.Popen[bytes]:
    """``envcheck matrix run WORDS``."""
    return subprocess.Popen(
        workplace.argv("run", *words),
        env=workplace.variables(index),
        cwd=workplace.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _runs(store: Path) -> list[Path]:
    return sorted(store.glob("*/run.json"))


def entries(store: Path) -> list[dict[str, Any]]:
    """The journal of the only run, lines that were cut off left out."""
    found = []
    for journal in store.glob("*/journal.jsonl"):
        for line in journal.read_bytes().split(b"\n")[:-1]:
            if line:
                try:
                    found.append(json.loads(line))
                except ValueError:
                    found.append({"broken": line.decode("utf-8", "replace")})
    return found


def results(store: Path) -> dict[str, str]:
    """Cell id -> its result as it was stored."""
    done = [entry["done"] for entry in entries(store) if entry.get("done")]
    return {result["cell"]["id"]: json.dumps(result, sort_keys=True) for result in done}


def _is_done(store: Path) -> bool:
    return any(entry.get("ended") for entry in entries(store)[-1:])


def wrong_in_journal(store: Path) -> list[str]:
    """Cells that were done twice, or never; more runs than one; a run without an end."""
    runs = _runs(store)
    if len(runs) != 1:
        return [f"{len(runs)} runs in the store"]
    planned = [cell["id"] for cell in json.loads(runs[0].read_bytes())["plan"]["cells"]]
    done = Counter(entry["done"]["cell"]["id"] for entry in entries(store) if entry.get("done"))
    wrong = [
        f"{cell} was run {count} times to its end" for cell, count in done.items() if count > 1
    ]
    wrong += [f"{cell} is missing" for cell in planned if not done[cell]]
    wrong += [f"{cell} was not planned" for cell in done if cell not in planned]
    wrong += [] if _is_done(store) else ["the run has no end"]
    return wrong


def left_behind(workplace: Any, backend: str) -> list[str]:
    """Containers, environments, directories, processes and claims that should be gone."""
    wrong = []
    cache = Path(workplace.cache)
    if backend == "docker":
        wrong += containers(workplace)
        volumes = _docker("volume", "ls", "-q", "--filter", f"name={workplace.volume}").split()
        wrong += [f"the volume {name} is left" for name in volumes if name != workplace.volume]
        mount = _docker("volume", "inspect", "-f", "{{.Mountpoint}}", workplace.volume).strip()
        if os.access(mount, os.R_OK):
            cells = Path(mount, "cells")
            wrong += [f"{path} is left" for path in (cells.iterdir() if cells.is_dir() else ())]
        rooms = cache / "docker" / "rooms"
    else:
        from envcheck.matrix.backends import leftovers

        wrong += [f"process {pid} is left" for pid in leftovers._in_room(f"{cache}/")]
        rooms = cache / "rooms"
    for folder in (rooms, cache / "docker" / "claims", cache / "interpreters" / "claims"):
        wrong += [f"{path} is left" for path in (folder.iterdir() if folder.is_dir() else ())]
    return wrong


def containers(workplace: Any) -> list[str]:
    """Containers of this workplace, dead or alive."""
    owner = (Path(workplace.cache) / "docker" / "owner").read_text()
    found = _docker("ps", "-aq", "--filter", f"label=envcheck.owner={owner}").split()
    return [f"the container {name} is left" for name in found]


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60)
    return done.stdout
