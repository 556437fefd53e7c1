"""What installers say about files: not there, damaged, no room. Their own lines only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.matrix.causes.base import Verdict, evidence

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure
    from envcheck.matrix.causes.reading import Reading


class Rule(NamedTuple):
    """``sentence`` is a template for the groups of ``pattern``; ``seen``: by which installer."""

    cause: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str
    seen: str


_DISK = "give the cell more disk (limits.disk, limits.scratch)"
_SOURCE = "the index, a proxy or a mirror gives out a file that was altered or damaged"
_RULES = (
    ("hash", r"Hash mismatch for `(?P<what>[^`]+)`",
     "{what} is not the file that its hash names", _SOURCE, "uv 0.13.8"),
    ("hash", r"THESE PACKAGES DO NOT MATCH THE HASHES",
     "a file is not what its hash says", _SOURCE, "pip 23.0 to 26.3"),
    ("disk", r"(?i)(?:\[Errno 28\] )?no space left on device(?: \(os error 28\))?",
     "there was no space left to install into", _DISK, "uv 0.13.8, pip 23.0 to 26.3"),
    ("disk", r"\[Errno 122\]|[Dd]isk quota exceeded",
     "a quota of the disk is exhausted", _DISK, "uv 0.13.8, pip 23.0 to 26.3"),
    ("install-failed", r"(?i)^ *(?:cause: |error: )?.*(?:invalid wheel|wheel is invalid|"
     r"bad zip file|not a zip file|failed to read metadata|could not be unpacked|"
     r"Wheel .* is invalid|unsupported wheel version|has an invalid (?:wheel|record)|"
     r"invalid `?RECORD).*",
     "a wheel is not a valid one: {line}", "tell its publisher", "uv 0.13.8, pip 23.0 to 26.3"),
    ("install-failed", r"^(?:ERROR: )?(?P<what>\S+\.whl) is not a (?:supported|valid) wheel",
     "{what} is no wheel for this interpreter", "", "pip 23.0 to 26.3"),
    ("download", r"(?:error sending request|Connection reset|Remote end closed|IncompleteRead|"
     r"ReadTimeoutError|Read timed out|error decoding response body|Connection refused|"
     r"ConnectTimeoutError|operation timed out|HTTP error \d+|status (?:client|server) error)",
     "a file could not be downloaded: {line}", "run with --retry-failed", "uv 0.13.8, pip"),
)  # fmt: skip
RULES = tuple(
    Rule(cause, re.compile(pattern), sentence, remedy, seen)
    for cause, pattern, sentence, remedy, seen in _RULES
)


def judge(failure: Failure, reading: Reading) -> Verdict | None:
    """What the installer says went wrong with files; None if it says nothing that is known."""
    del failure
    for rule in RULES:
        for text in reading.own:
            if match := rule.pattern.search(text):
                line = evidence([text])
                words = {"line": line[0][:160] if line else "", **match.groupdict()}
                shown = [text, *reading.own[-2:]]
                return Verdict(
                    rule.cause, rule.sentence.format(**words), rule.remedy, evidence(shown)
                )
    return None
