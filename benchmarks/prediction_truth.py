"""What pip and uv themselves say, recorded for predictions to be held against.

    python -m benchmarks.prediction_truth choices --pip-python PYTHON   # what pip would take
    python -m benchmarks.prediction_truth closures --pip-python PYTHON  # then, what uv resolves

Asks what ``tests/data/predictions/asked.toml`` lists and writes ``truth.json.gz`` and
``closures.json.gz`` beside it. Containers are asked for their own tags; other targets are put to
the pip of ``PYTHON`` (26 or newer) with a list of platforms that packaging itself has expanded.
Nothing is downloaded but pages and metadata. ``ENVCHECK_IMAGES`` names images of the containers
(``slim=repo:{python}-slim,alpine=…``).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import matrix_cells, matrix_competitors
from envcheck import tomlfile

_HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(_HERE), "tests", "data", "predictions")
FINDER = os.path.join(_HERE, "prediction_finder.py")
WORKERS = 3
UV_SECONDS = 120
DEFAULTS = {"architecture": "x86_64", "system": "linux"}
UV_PLATFORMS = {
    "glibc 2.36": "x86_64-manylinux_2_36",
    "glibc 2.17": "x86_64-manylinux_2_17",
    "musl 1.2": "x86_64-unknown-linux-musl",
    "aarch64 glibc 2.36": "aarch64-manylinux_2_36",
    "macos": "aarch64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
}
Document = dict[str, Any]


def toml(name: str) -> Document:
    """A table of `DATA`."""
    with open(os.path.join(DATA, name), "rb") as file:
        return tomlfile.parse(file.read(), name).data


def asked() -> Document:
    """Requirements and targets."""
    found = toml("asked.toml")
    found["targets"] = [{**DEFAULTS, **target} for target in found["targets"]]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("choices", "closures"))
    parser.add_argument("--pip-python", default=sys.executable, help="its pip is asked")
    parser.add_argument("--uv", default="uv")
    options = parser.parse_args()
    if options.what == "choices":
        write("truth.json.gz", choices(asked(), options.pip_python))
    else:
        write("closures.json.gz", closures(asked(), options.uv, options.pip_python))
    return 0


def write(name: str, document: Document) -> None:
    """One line a value at the top, the same bytes for the same answers."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    with open(os.path.join(DATA, name), "wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))
    print(f"{name}: {len(text)} characters")


def read(name: str) -> Document:
    with gzip.open(os.path.join(DATA, name)) as file:
        found: Document = json.load(file)
    return found


def now() -> str:
    return dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")


# What pip takes


def choices(questions: Document, python: str) -> Document:
    """`{requirement: {target: answer}}`: containers are asked `core` alone, other targets all."""
    requirements = [*questions["core"], *questions["wide"]]
    targets = questions["targets"]
    inside = [target for target in targets if "container" in target]
    outside = [target for target in targets if "container" not in target]
    began = now()
    with ThreadPoolExecutor(WORKERS) as pool:
        elsewhere = pool.submit(_ask, [python, FINDER], requirements, outside)
        own = questions["core"]  # old pips are slow
        answers = list(pool.map(lambda one: _ask(_inside(one), own, None), inside))
        answers.append(elsewhere.result())
    described = {target["id"]: target for target in targets}
    found: Document = {text: {} for text in requirements}
    for n, answer in enumerate(answers):
        for id, said in answer["targets"].items():
            name = id or inside[n]["id"]
            described[name] |= {"python": said["python"], "pip": answer["pip"]}
            described[name]["tags"] = said["tags"]
            for text, choice in said["choices"].items():
                found[text][name] = choice
    return {"began": began, "ended": now(), "targets": described, "choices": found}


def _ask(command: list[str], requirements: list[str], targets: list[Document] | None) -> Document:
    question = json.dumps({"requirements": requirements, "targets": targets})
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        command, input=question.encode(), capture_output=True, timeout=3600, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.decode()[-2000:]}")
    answer: Document = json.loads(done.stdout)
    print(f"{len(requirements)} requirements, {len(targets or [0])} targets, pip {answer['pip']}")
    return answer


def _inside(target: Document) -> list[str]:
    script = ["--volume", f"{FINDER}:/script.py:ro"]
    return container(target["container"], target["python"], script, ["python3", "/script.py"])


def container(kind: str, python: str, options: list[str], command: list[str]) -> list[str]:
    """`docker run` of ``command`` in an image that stands for `python:3.12-slim` and the like."""
    minor = ".".join(python.split(".")[:2])
    image = matrix_cells.images(os.environ.get("ENVCHECK_IMAGES", ""))[kind].format(python=minor)
    words = ["docker", "run", "--rm", "--interactive"]
    if bundle := matrix_competitors.bundle():
        words += ["--volume", f"{bundle}:{matrix_competitors.INSIDE}:ro"]
        for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            words += ["--env", f"{name}={matrix_competitors.INSIDE}"]
    return [*words, *options, image, *command]


# What uv resolves


def closures(questions: Document, uv: str, python: str) -> Document:
    """`{requirement: {target: {mode: {"pins": {...}} or {"failure": text}}}}`.

    Modes: ``wheels`` is ``--only-binary :all:``, ``default`` allows sdists, and uv may build them.
    """
    targets = {target["id"]: target for target in questions["targets"]}
    for id, answered in read("truth.json.gz")["targets"].items():
        targets[id] |= {"python": answered["python"]}  # a container's full version
    jobs = [
        (requirement, targets[id], mode)
        for question in questions["closures"]
        for requirement in question["requirements"]
        for id in question["targets"]
        for mode in question["modes"]
    ]
    version = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=60).stdout
    began = now()
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda job: _resolve(uv, python, cache, *job), jobs))
    found: Document = {}
    for (requirement, target, mode), answer in zip(jobs, answers, strict=True):
        found.setdefault(requirement, {}).setdefault(target["id"], {})[mode] = answer
    # uv's macOS is 13.0.
    used = {one["id"]: dict(one) for _, one, _ in jobs}
    for one in used.values():
        if one["system"] == "macos":
            one["release"] = "13.0"
    return {
        "began": began,
        "ended": now(),
        "uv": " ".join(version.split()[:2]),
        "targets": used,
        "closures": found,
    }


def _resolve(
    uv: str, python: str, cache: str, requirement: str, target: Document, mode: str
) -> Document:
    words = uv_words(uv, python, cache, target)
    words += ["--only-binary", ":all:"] if mode == "wheels" else []
    try:
        done = subprocess.run(
            words, input=requirement, capture_output=True, text=True, timeout=UV_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"no answer within {UV_SECONDS} s"}
    if done.returncode:
        return {"failure": redacted(done.stderr)[:3000], "lines": done.stderr.count("\n")}
    pins = dict(line.split("==") for line in done.stdout.split() if "==" in line)
    return {"pins": pins}


def uv_words(uv: str, python: str, cache: str, target: Document) -> list[str]:
    """`uv pip compile` of standard input for a target, started by the interpreter ``python``."""
    words = [uv, "pip", "compile", "-", "--quiet", "--no-config", "--no-header", "--no-annotate"]
    words += ["--cache-dir", cache, "--python", python, "--python-version", target["python"]]
    return [*words, "--python-platform", UV_PLATFORMS[platform_word(target)]]


def platform_word(target: Document) -> str:
    """Key of `UV_PLATFORMS`."""
    if target["system"] != "linux":
        return str(target["system"])
    prefix = "" if target["architecture"] == "x86_64" else f"{target['architecture']} "
    return prefix + str(target["libc"])


def redacted(text: str) -> str:
    """Without addresses and paths of a machine."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"https?://[^\s`'\"<>)]+", "<address>", text)
    return re.sub(
        r"(?<![\w.])/(?:tmp|root|home|work|var|opt|usr|kept)/[^\s`'\":)]+", "<path>", text
    )


if __name__ == "__main__":
    sys.exit(main())
