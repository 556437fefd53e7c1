"""pip's, uv's and envcheck's answers to the same questions, side by side; writes
``reports/why.md``.

    python -m benchmarks.why [--replay RECORDING]

What pip and uv said is in ``tests/data/predictions/messages.json``, verbatim
(``benchmarks/prediction_messages.py`` asks them). envcheck is asked now: the index that is public
by default, without any configuration of pip and uv, or a recording of it. What is said of the
answers is in ``REMARKS``, by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks.prediction_truth import DATA, redacted
from benchmarks.tables import write_report
from benchmarks.why_remarks import REMARKS
from envcheck import process

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "reports/why.md"
HEAD, TELLING, TAIL = 3, 4, 4  # lines of a message that are shown
_TELLS = re.compile(r"error: (?!subprocess)|ERROR|not found", re.IGNORECASE)
CUT = "[cut]"  # a line where something was left out of a message already
WIDEST = 180  # characters of a line
SECONDS = 300
WIDTH = 100  # columns of envcheck's answers

Document = dict[str, Any]


def main() -> int:
    """Ask envcheck, write the report. Returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replay", default="", metavar="RECORDING")
    options = parser.parse_args()
    with open(os.path.join(DATA, "messages.json"), encoding="utf-8") as file:
        found: Document = json.load(file)
    cases: dict[tuple[str, str], dict[str, Document]] = {}
    for message in found["messages"]:
        key = (message["requirement"], message["target"])
        cases.setdefault(key, {})[message["tool"]] = message
    with tempfile.TemporaryDirectory() as cache:
        ours = {key: ask(*key, said, cache, options.replay) for key, said in cases.items()}
    hard = {key: said for key, said in cases.items() if not _fine(said, ours[key])}
    lines = _introduction(found, hard)
    for number, (key, said) in enumerate(hard.items(), 1):
        lines += _case(number, key, said, ours[key])
    write_report(REPORT, "\n".join(lines).rstrip() + "\n")
    print(REPORT)
    return 0


def ask(
    requirement: str, target: str, said: dict[str, Document], cache: str, replay: str
) -> Document:
    """What envcheck says: ``text``, ``lines``, and its exit ``status``."""
    words = [sys.executable, "-m", "envcheck", "why", requirement, "--target", target]
    words += ["--only-binary", ":all:"] if next(iter(said.values()))["wheels"] else []
    words += ["--replay", replay] if replay else []
    environment = {
        key: value
        for key, value in os.environ.items()
        if key == "PIP_CERT" or not key.startswith(("PIP_", "UV_", "ENVCHECK_"))
    }
    environment |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "COLUMNS": str(WIDTH)}
    environment |= {"ENVCHECK_CACHE_DIR": cache, "NO_COLOR": "1"}
    outcome = process.run(words, timeout=SECONDS, env=environment)
    text = redacted((outcome.stdout + outcome.stderr).decode()).strip()
    return {"text": text, "status": outcome.code, "lines": text.count("\n") + 1}


def _fine(said: dict[str, Document], ours: Document) -> bool:
    """Whether all three say that it installs."""
    return not ours["status"] and not any(one["status"] for one in said.values())


def _introduction(found: Document, cases: dict[tuple[str, str], dict[str, Document]]) -> list[str]:
    counts = {
        tool: _middle([said[tool]["lines"] for said in cases.values() if tool in said])
        for tool in ("pip", "uv")
    }
    tools = " and ".join(f"{count} lines ({tool})" for tool, count in counts.items())
    return [
        "# The same questions to pip, uv and envcheck",
        "",
        f"{len(cases)} requirements that cannot be had on a target, or not as asked for. What pip "
        f"and uv say is verbatim, of {found['date'][:10]}, without addresses and paths; of long "
        "messages the beginning, what tells of an error, and the end. Half of the messages have "
        f"more than {tools}; envcheck's verdict has three lines at most, and what helps below "
        "them. Where *wheels only* stands, all were asked with `--only-binary :all:`; no target "
        "has a compiler. `python -m benchmarks.why` writes this page.",
        "",
    ]


def _middle(counts: list[int]) -> int:
    return sorted(counts)[len(counts) // 2]


def _case(
    number: int, key: tuple[str, str], said: dict[str, Document], ours: Document
) -> list[str]:
    requirement, target = key
    only = ", wheels only" if next(iter(said.values()))["wheels"] else ""
    lines = [f"## {number}. `{requirement}` on {target}{only}", ""]
    for tool in ("pip", "uv"):
        if tool in said:
            lines += _message(tool, said[tool])
    lines += [f"**envcheck**, exit status {ours['status']}, {_count(ours['lines'])}:", ""]
    lines += ["```text", *ours["text"].splitlines(), "```", ""]
    if remark := REMARKS.get(key):
        lines += [f"*{remark}*", ""]
    return lines


def _message(tool: str, message: Document) -> list[str]:
    if message["status"] is None:
        return [f"**{tool}**: {message['text']}.", ""]
    size = f"{_count(message['lines'])}, {message['characters']:,} characters"
    seconds = f"{message['seconds']:.{0 if message['seconds'] >= 10 else 1}f} s"
    head = f"**{tool}**, exit status {message['status']} after {seconds}, {size}:"
    return [head, "", "```text", *_trimmed(message), "```", ""]


def _trimmed(message: Document) -> Iterator[str]:
    """Of a long one its beginning, its end and, in between, the lines that tell of an error."""
    lines = [_short(line) for line in message["text"].splitlines()]
    if len(lines) <= HEAD + TELLING + TAIL:
        yield from lines
        return
    inner = range(HEAD, len(lines) - TAIL)
    telling = [number for number in inner if _TELLS.search(lines[number])][:TELLING]
    shown = [*range(HEAD), *telling, *range(len(lines) - TAIL, len(lines))]
    before, cut = -1, message["lines"] - len(lines) + 1 if CUT in lines else 0
    for number in shown:
        if gap := number - before - 1:
            if CUT in lines[before + 1 : number]:
                gap += cut - 1
            yield f"[… {_count(gap)}]"
        yield f"[… {_count(cut)}]" if lines[number] == CUT else lines[number]
        before = number


def _short(line: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in line).rstrip().replace("```", "'''")
    return f"{line[:WIDEST]} [… {len(line) - WIDEST:,} characters]" if len(line) > WIDEST else line


def _count(lines: int) -> str:
    return f"{lines:,} line{'s' * (lines != 1)}"


if __name__ == "__main__":
    sys.exit(main())
