"""How the outcome of a tool under a fault is judged: the same rules for every tool.

In this order:

1. it did not end in the allowed time: ``hang``;
2. it was killed by a signal, or it ended with a Python traceback: ``crash``;
3. it said something the fault makes untrue (the fault's ``wrong`` patterns): ``wrong: …``;
4. for a fault: it said what is the matter (one of the fault's ``right`` patterns): ``right``;
   nothing of the kind: ``silent``;
5. for a negative control: no alarm: ``right``; an alarm that the undamaged environment does not
   raise either: ``wrong: false alarm``.

An *alarm* is a non-zero exit status of a tool that reports findings by it, or one of the words
below in a line. A tool that judges nothing (``judges`` false) cannot raise a false alarm; on a
fault its bare facts count as ``right`` only if a reader finds the cause named in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.launcher import Usage

TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\)|^.{0,12}Traceback \(most recent", re.M
)
ALARM = re.compile(
    r"\b(CRITICAL|ERROR|FAIL(?:ED|URE)?|CONFLICT|MISMATCH|WARNING)\b|[✗❌🚨]|^\s*(?:error|warning)\b",
    re.M,
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")


class Expectation(NamedTuple):
    """``right``: any of these names the cause. ``wrong``: (pattern, why it is untrue) pairs.
    Patterns are searched in the whole output, ignoring case, ``.`` not crossing lines."""

    right: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    healthy: bool = False


def text_of(usage: Usage) -> str:
    """What the tool wrote, readable: no escape sequences, one space where there were several."""
    text = ESCAPES.sub("", usage.output.decode("utf-8", "replace")).replace("\r", "")
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def verdict(
    usage: Usage, expected: Expectation, *, judges: bool, exits: bool, baseline: str
) -> str:
    """``right``, ``silent``, ``wrong: …``, ``crash: …`` or ``hang``.

    ``judges``: the tool claims to find problems. ``exits``: its status says that it found some.
    ``baseline``: what it wrote in the undamaged environment.
    """
    text = text_of(usage)
    if usage.timed_out:
        return "hang"
    if usage.code < 0 or usage.code >= 128:
        return f"crash: signal {-usage.code if usage.code < 0 else usage.code - 128}"
    untrue = next((why for pattern, why in expected.wrong if _found(pattern, text)), "")
    traceback = bool(TRACEBACK.search(text)) and usage.code != 0
    if traceback:
        return "crash: " + _last_line(text)
    if untrue:
        return "wrong: " + untrue
    if not expected.healthy:
        named = any(_found(pattern, text) for pattern in expected.right)
        return "right" if named else "silent"
    return _control(usage, text, judges, exits, baseline)


def _control(usage: Usage, text: str, judges: bool, exits: bool, baseline: str) -> str:
    if judges and exits and usage.code != 0:
        return f"wrong: false alarm (exit {usage.code})"
    if judges:
        known = set(baseline.splitlines())
        for line in text.splitlines():
            if ALARM.search(line) and line not in known:
                return "wrong: false alarm: " + line[:80]
    return "right"


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.I | re.M) is not None


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return (raised or lines or ["no output"])[-1][:80]
