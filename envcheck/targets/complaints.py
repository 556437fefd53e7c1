"""What an interpreter says on standard error while it starts, and goes on.

The agent itself writes nothing there. Only what is recognised is kept: a banner of ssh or whatever
else a start-up file prints is nobody's business.
"""

from __future__ import annotations

_LINE = "Error processing line "
_END = "Remainder of file ignored"
_CUSTOMIZE = "Error in "
_PRELOAD = "from LD_PRELOAD cannot be preloaded"
_LIBRARIES = "Could not find platform "
_LIMIT = 20


def complaints(text: str) -> list[str]:
    """One sentence for each, without repetitions, at most twenty."""
    found: list[str] = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        line = line.strip()
        if line.startswith(_LINE) and " of " in line:
            number, _, file = line[len(_LINE) :].rstrip(":").partition(" of ")
            found.append(f"{file}, line {number}: {_exception(lines[index + 1 :])}")
        elif line.startswith(_CUSTOMIZE) and "customize" in line:
            module = line[len(_CUSTOMIZE) :].split(";")[0].strip()
            after = lines[index + 1].strip() if index + 1 < len(lines) else ""
            found.append(f"{module}: {after}")
        elif _PRELOAD in line or line.startswith(_LIBRARIES):
            found.append(line)
    return list(dict.fromkeys(found))[:_LIMIT]


def _exception(lines: list[str]) -> str:
    """The last line of the traceback that ``site`` prints."""
    last = "no reason given"
    for line in lines[:200]:
        if line.strip() == _END:
            break
        last = line.strip() or last
    return last
