"""The side-by-side table of ``benchmarks/faults.py``."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.fault import Fault, nothing
from benchmarks.tables import table
from benchmarks.verdicts import ALARM, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.launcher import Usage
    from benchmarks.tools import Tool

RULES = """\
How an answer is judged (`benchmarks/verdicts.py`; the same rules and patterns for every tool, in this order):

1. **hang**: it had not ended after {cap:g} s and was killed.
2. **crash**: a signal ended it, or a Python traceback did.
3. **wrong**: it said something that the fault makes untrue (patterns beside each fault).
4. For a fault: **right** if it names the cause (patterns beside each fault), else **silent**.
5. For a negative control (marked ○): **right** without an alarm, **wrong** with one that the same tool does
   not raise in the undamaged environment. An alarm is a non-zero exit status of a tool that reports
   findings by it, or a line with CRITICAL, ERROR, FAIL, CONFLICT, MISMATCH, WARNING, ✗ or ❌.
   In the undamaged environment itself every alarm counts.

The default doctor neither imports torch nor reads every RECORD: what only that shows is `--deep`'s.
envcheck is told of the time it has (`--timeout`); its peers cannot be told.
**–**: not run: `--deep` computes on the devices it finds, and stand-ins cannot.
**cannot start**: the tool lives in the environment, whose interpreter is gone. `collect_env`, `accelerate env`
and `transformers env` list facts and judge nothing; `pip check` and `uv pip check` look at distributions only:
*silent* is what they are meant to be about drivers."""


def is_plain(fault: Fault) -> bool:
    """The undamaged environment: there is nothing to compare its alarms with."""
    return fault.make is nothing


def telling_line(usage: Usage, fault: Fault) -> str:
    """The line that decided, else the first alarm, else empty; at most 160 characters."""
    expected = fault.expected
    patterns = [pattern for pattern, _ in expected.wrong] + list(expected.right) + [ALARM.pattern]
    lines = text_of(usage).splitlines()
    for pattern in patterns:
        for line in lines:
            if re.search(pattern, line, 0 if pattern == ALARM.pattern else re.I):
                return line[:160]
    return ""


def markdown(
    document: dict[str, Any], faults: Sequence[Fault], tools: Sequence[Tool], cap: float
) -> str:
    """The whole report."""
    versions = ", ".join(
        f"{name} {number}" for name, number in document["versions"].items() if number
    )
    done = [fault for fault in faults if fault.name in document["faults"]]
    names = [tool.name for tool in tools]
    rows = []
    for fault in done:
        outcomes = document["faults"][fault.name]
        label = f"{'○ ' if fault.expected.healthy else ''}**{fault.name}**: {fault.summary}"
        rows.append([label, *(_cell(outcomes.get(name)) for name in names)])
    return "\n".join(
        [
            "# The same faults, envcheck and its peers\n",
            f"Run on {document['date']} with `benchmarks/faults.py`. Machine: {machine.describe()}, without "
            f"a GPU: drivers and devices are stand-ins at the lowest seam (libcuda, NVML, nvidia-smi, /dev, "
            f"/proc). Versions: {versions}.\n",
            RULES.format(cap=cap),
            "\n## Totals\n",
            _totals(document, done, tools),
            "\n## Fault by fault\n",
            "Verdict, exit status, seconds.\n",
            table(rows, ["fault", *names]),
            "\n## The line that decided\n",
            *[_details(fault, document["faults"][fault.name], names) for fault in done],
        ]
    )


def _cell(outcome: dict[str, Any] | None) -> str:
    if outcome is None:
        return "–"
    text: str = outcome["verdict"]
    text = f"**{text}**" if text != "right" and text != "silent" else text
    if "exit" not in outcome:
        return text
    status = "killed" if outcome["exit"] is None else f"exit {outcome['exit']}"
    return f"{text} · {status} · {outcome['seconds']:.2g} s"


def _totals(document: dict[str, Any], faults: Sequence[Fault], tools: Sequence[Tool]) -> str:
    rows = []
    for tool in tools:
        counts = {True: Counter[str](), False: Counter[str]()}
        seconds = []
        for fault in faults:
            outcome = document["faults"][fault.name].get(tool.name)
            if outcome:
                kind = outcome["verdict"].partition(":")[0]
                counts[fault.expected.healthy][kind] += 1
                seconds.append(outcome.get("seconds", 0.0))
        bad, good = counts[False], counts[True]
        kinds = ("right", "silent", "wrong", "crash", "hang", "cannot start")
        rows.append(
            [
                tool.name,
                *(str(bad[kind]) for kind in kinds),
                f"{good['right']} of {sum(good.values())}",
                f"{max(seconds, default=0):.2g}",
            ]
        )
    headers = [
        "tool",
        "right",
        "silent",
        "wrong",
        "crash",
        "hang",
        "cannot start",
        "controls passed",
        "slowest, s",
    ]
    return table(rows, headers)


def _details(fault: Fault, outcomes: dict[str, Any], names: Sequence[str]) -> str:
    lines = [f"<details><summary>{fault.name}</summary>\n"]
    for name in names:
        said = outcomes.get(name, {}).get("said")
        if said:
            lines.append(f"- {name}: `{said.replace('`', chr(39))}`")
    return "\n".join([*lines, "\n</details>\n"])
