"""What really installs and imports, recorded for predictions to be held against.

    python -m benchmarks.prediction_observed --uv PROGRAM [--only TARGET]

Installs, wheels only, and imports the newest releases that ``tests/data/predictions/observed.toml``
names, in containers (see ``prediction_truth``), builds some sdists and writes ``observed.json``
beside it. ``PROGRAM``: a uv that is linked statically. A volume keeps the downloads until the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.prediction_truth import DATA, asked, container, now, redacted, toml

if TYPE_CHECKING:
    from benchmarks.prediction_truth import Document

INSTALLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "prediction_installs.py")
VOLUME = "envcheck-benchmark-observed"
WORKERS = 2
LONGEST = 600  # characters kept of an error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uv", required=True)
    parser.add_argument("--only", action="append", help="a target")
    options = parser.parse_args()
    questions = toml("observed.toml")
    targets = options.only or questions["targets"]
    began = now()
    cells: list[Document] = []
    questions["cells"] += [
        {"requirement": one, "on": [questions["built_on"]]} for one in questions["builds"]
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        for run in pool.map(lambda one: _observe(one, questions["cells"], options.uv), targets):
            cells += run
            _write(cells, began)  # what comes later may fail
    subprocess.run(["docker", "volume", "rm", "--force", VOLUME], capture_output=True)
    return 0


def _write(cells: list[Document], began: str) -> None:
    head = json.dumps({"began": began, "ended": now()})[1:-1]
    lines = ",\n".join(json.dumps(cell, sort_keys=True) for cell in cells)
    with open(os.path.join(DATA, "observed.json"), "w") as file:
        file.write(f'{{{head}, "cells": [\n{lines}\n]}}\n')


def _observe(target: str, questions: list[Document], uv: str) -> list[Document]:
    cells = [
        {key: one[key] for key in ("requirement", "modules") if key in one}
        for one in questions
        if target in one.get("on", [target])
    ]
    python = next(one for one in asked()["targets"] if one["id"] == target)
    words = ["--volume", f"{VOLUME}:/kept", "--env", "UV_CACHE_DIR=/kept/uv"]
    words += ["--env", "PYTHONDONTWRITEBYTECODE=1", "--volume", f"{uv}:/usr/local/bin/uv:ro"]
    words += ["--volume", f"{INSTALLS}:/script.py:ro"]
    command = container(
        python["container"], python["python"], words, ["python3", "/script.py", f"/kept/{target}"]
    )
    done = subprocess.run(command, input=json.dumps(cells).encode(), capture_output=True)
    if done.returncode:
        raise SystemExit(f"{target}: {redacted(done.stderr.decode())[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for cell in found:
        cell["target"] = target
        if "error" in cell:
            cell["error"] = _short(cell["error"])
    print(f"{target}: {len(found)} cells", flush=True)
    return found


def _short(error: str) -> str:
    """Its end, which says most, or its beginning if uv says it."""
    text = redacted(error).strip()
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST] if "solution" in text[:200] else text[-LONGEST:]


if __name__ == "__main__":
    sys.exit(main())
