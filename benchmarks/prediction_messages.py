"""What pip and uv say where something cannot be installed, verbatim, for people to compare.

    python -m benchmarks.prediction_messages --uv PROGRAM --pip-python PYTHON

pip is asked inside a container where there is one for the target, else its ``download`` with
``--platform``, as its manual tells; uv by ``pip compile``, which takes any target. Writes
``tests/data/predictions/messages.json``: addresses and paths redacted, long ones cut.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.prediction_truth import DATA, container, now, read, redacted, uv_words

if TYPE_CHECKING:
    from benchmarks.prediction_truth import Document

SECONDS = 180
LONGEST, END = 2500, 1000  # characters kept of a message: of its beginning, and of its end
PLATFORMS = {"musl 1.2": "musllinux_1_2_x86_64", "glibc 2.36": "manylinux_2_36_x86_64"}


class Case(NamedTuple):
    """``wheels``: asked with ``--only-binary :all:``, where a build would fetch gigabytes."""

    requirement: str
    target: str
    wheels: bool = False


CASES = (
    Case("torch==2.15.0", "3.13-alpine"),
    Case("accelerate", "3.13-alpine"),
    Case("transformers[torch]", "3.13-alpine", wheels=True),
    Case("transformers[torch]==5.23.0", "3.13-alpine", wheels=True),
    Case("tensorflow", "3.14-slim-bookworm", wheels=True),
    Case("tensorflow==2.21.0", "3.14-slim-bookworm"),
    Case("open3d", "3.13-alpine"),
    Case("bitsandbytes==0.50.2", "3.13-alpine"),
    Case("duckdb", "3.14-alpine"),
    Case("pyobjc-core", "3.12-slim-bookworm"),
    Case("psycopg2", "3.12-slim-bookworm"),
    Case("mysqlclient", "3.12-slim-bookworm"),
    Case("triton", "3.9-slim-bookworm"),
    Case("cryptography==50.0.2", "3.9-slim-bookworm"),
    Case("vllm==0.33.0", "3.13-alpine", wheels=True),
    Case("vllm==0.33.0", "3.12-slim-bookworm", wheels=True),
    Case("numpy==1.26.4", "3.13-slim-bookworm"),
    Case("numppy", "3.12-slim-bookworm"),
    Case("torch==99.0", "3.12-slim-bookworm"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--pip-python", default=sys.executable)
    parser.add_argument("--only", default="", metavar="REQUIREMENT", help="ask these cases anew")
    options = parser.parse_args()
    targets = read("truth.json.gz")["targets"]
    found: list[Document] = kept(options.only) if options.only else []
    with tempfile.TemporaryDirectory() as cache:
        for case in CASES:
            if options.only not in ("", case.requirement):
                continue
            target = targets[case.target]
            only = ["--only-binary", ":all:"] if case.wheels else []
            commands = {
                "pip": _pip(case, target, only, options.pip_python),
                "uv": [*uv_words(options.uv, options.pip_python, cache, target), *only],
            }
            for tool, command in commands.items():
                found.append({**case._asdict(), "tool": tool, **_said(command, case.requirement)})
    order = [(case.requirement, case.target) for case in CASES]
    found.sort(key=lambda one: order.index((one["requirement"], one["target"])))
    with open(os.path.join(DATA, "messages.json"), "w") as file:
        json.dump({"date": now(), "messages": found}, file, indent=1, ensure_ascii=False)
        file.write("\n")
    return 0


def kept(requirement: str) -> list[Document]:
    """What was said before in the other cases."""
    with open(os.path.join(DATA, "messages.json")) as file:
        found: list[Document] = json.load(file)["messages"]
    return [one for one in found if one["requirement"] != requirement]


def _pip(case: Case, target: Document, only: list[str], python: str) -> list[str]:
    quiet = ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off"]
    if kind := target.get("container"):
        install = ["timeout", str(SECONDS), "python3", "-m", "pip", "install"]
        install += [*quiet, *only, case.requirement]
        return container(kind, target["python"], ["--env", "PIP_ROOT_USER_ACTION=ignore"], install)
    words = [python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", *quiet]
    words += ["--python-version", target["python"], "--platform", PLATFORMS[target["libc"]]]
    return [*words, "--dest", os.devnull, case.requirement]


def _said(command: list[str], requirement: str) -> Document:
    began = time.monotonic()
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    try:
        done = subprocess.run(
            command,
            input=requirement,
            capture_output=True,
            text=True,
            timeout=SECONDS + 30,  # a container has to start and to end
            env=environment,
        )
        text, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        text, status = f"no answer within {SECONDS} s", None
    clean = redacted(text).strip()
    return {
        "status": status,
        "seconds": round(time.monotonic() - began, 1),
        "lines": clean.count("\n") + 1,
        "characters": len(clean),
        "text": clean if len(clean) <= LONGEST else f"{clean[:LONGEST]}\n[cut]\n{clean[-END:]}",
    }


if __name__ == "__main__":
    sys.exit(main())
