"""Installs one requirement after the other, wheels only, and imports what it brings.

Runs inside a container with ``uv`` on PATH; the first argument is a folder on the disk of uv's
cache. Standard input: ``[{"requirement", "modules"}, ...]``, without modules it is built from its
sdist instead; standard output: one JSON line each. Python 3.9.
"""

import json
import os
import shutil
import subprocess
import sys

SECONDS = 300


def run(*words, cwd=None):
    """(whether it succeeded, its standard output, its standard error)."""
    try:
        done = subprocess.run(words, capture_output=True, timeout=SECONDS, cwd=cwd)
    except subprocess.TimeoutExpired:
        return False, "", f"no end within {SECONDS} s"
    return done.returncode == 0, done.stdout.decode(), done.stderr.decode(errors="replace")


def observe(folder, cell):
    room = os.path.join(folder, "room")
    shutil.rmtree(room, ignore_errors=True)
    python = os.path.join(room, "bin", "python")
    run("uv", "venv", "--quiet", "--no-project", "--python", sys.executable, room)
    into = ["uv", "pip", "install", "--quiet", "--no-config", "--python", python]
    if "modules" not in cell:
        name = cell["requirement"].partition("==")[0]
        good, _, error = run(*into, "--no-deps", "--no-binary", name, cell["requirement"])
        found = {"requirement": cell["requirement"], "built": good}
        return found if good else {**found, "error": error}
    good, _, error = run(*into, "--only-binary", ":all:", cell["requirement"])
    found = {"requirement": cell["requirement"], "installed": good}
    if not good:
        return {**found, "error": error}
    _, frozen, _ = run("uv", "pip", "freeze", "--quiet", "--python", python)
    found["pins"] = frozen.split()
    good, _, error = run(python, "-c", "import " + ", ".join(cell["modules"]), cwd=folder)
    found["imported"] = good
    return found if good else {**found, "error": error}


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for cell in json.load(sys.stdin):
        print(json.dumps(observe(folder, cell)), flush=True)
    shutil.rmtree(folder, ignore_errors=True)


main()
