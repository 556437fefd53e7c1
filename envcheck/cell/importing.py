"""Imports one module in this process, which must be fresh, and tells how long the statement took.

``ENV/bin/python -I importing.py MODULE CACHE`` writes one JSON object to file descriptor 3:

- ``seconds``: wall time of the import statement alone: not the start of the interpreter, nor what
  ``.pth`` files import before it, nor the end of the process.
- ``compiled``, ``source``: of the modules of the environment that were loaded from source files,
  how many had bytecode beside them and how many had none.
- ``processors``: those that this process may use, a control group's quota included.
- ``file``: where the module was found, empty if it does not say.
- ``error``, instead of ``seconds``: ``type``, ``message`` and ``module`` (the name of what was
  not found) of the exception that explains it: what others were raised *from*, or quote; ``outer``:
  the one that reached the import statement; ``traceback``: its last lines.

Bytecode is used where it lies beside its source; where there is none, it is written below CACHE
and found there by the next process, as in an environment that belongs to who uses it. Nothing is
written into the environment. With ``-X importtime`` lines on standard error say where the
statement begins and ends.

Nothing that Python has not loaded anyway is loaded before the statement, lest it be missing from
the time of what needs it too.

The module runs in this process and may write to descriptor 3 itself: all of this is its claim,
which whoever started the process compares with the time of the process.
"""

import _frozen_importlib_external as machinery
import os
import sys
from time import perf_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BEGINS, ENDS = "envcheck: the import begins\n", "envcheck: the import ends\n"
_LONGEST = 4000  # characters of a message or traceback


def main(name: str, cache: str) -> int:
    """Import ``name``; returns the exit status."""
    answer = os.dup(3)
    os.close(3)
    clock = perf_counter
    counts = keep_bytecode(cache)
    said: dict[str, Any] = {"processors": processors()}
    traced = "importtime" in sys._xoptions
    try:
        note(BEGINS * traced)
        began = clock()
        __import__(name)
        said["seconds"] = clock() - began
        note(ENDS * traced)
    except BaseException as error:
        said["error"] = told(error)
        said.pop("seconds", None)
    said.update(counts, file=file_of(name))
    os.write(answer, json_of(said).encode("ascii"))
    os.close(answer)
    if "error" in said:
        note(said["error"]["traceback"])
    return 1 if "error" in said else 0


def note(text: str) -> None:
    """Write to standard error, whatever the module has made of ``sys.stderr``."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def file_of(name: str) -> str:
    """The module's ``__file__``; modules may be any object."""
    try:
        return str(sys.modules[name].__file__ or "")[:_LONGEST]
    except BaseException:
        return ""


def keep_bytecode(cache: str) -> "dict[str, int]":
    """Make imports write bytecode below ``cache`` where there is none; returns what is counted."""
    natural = machinery.cache_from_source
    counts = {"compiled": 0, "source": 0}
    own = os.path.join(sys.prefix, "")
    exists, join = os.path.exists, os.path.join

    def cache_from_source(path: str, *arguments: "Any", **options: "Any") -> str:
        found: str = natural(path, *arguments, **options)
        there = exists(found)
        if found.startswith(own):
            counts["compiled" if there else "source"] += 1
        return found if there else join(cache, found.lstrip(os.sep))

    machinery.cache_from_source = cache_from_source  # type: ignore[assignment]
    sys.dont_write_bytecode = False
    return counts


def processors() -> int:
    """How many this process may use."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    for quota, period in (
        ("/sys/fs/cgroup/cpu.max", ""),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ):
        try:
            with open(quota) as file:
                words = file.read().split()
            if period:
                with open(period) as file:
                    words += file.read().split()
            allowed = int(words[0]) / int(words[1])
        except (OSError, ValueError, IndexError, ZeroDivisionError):
            continue
        if allowed > 0:
            count = min(count, max(1, round(allowed)))
    return count


def told(error: BaseException) -> "dict[str, str]":
    """What went wrong: the exception that explains it, the outer one, the traceback's end."""
    cause = explaining(error)
    name = getattr(cause, "name", "") if type(cause) in (ImportError, ModuleNotFoundError) else ""
    return {
        "type": type(cause).__name__,
        "message": text_of(cause),
        "module": name[:200] if isinstance(name, str) else "",
        "outer": "" if cause is error else f"{type(error).__name__}: {text_of(error)}",
        "traceback": traceback_of(error),
    }


def explaining(error: BaseException) -> BaseException:
    """The exception that ``error`` was raised from, or that it quotes; ``error`` itself if none."""
    for _ in range(50):
        cause = error.__cause__
        if cause is None and error.__context__ is not None:
            quoted = text_of(error.__context__)
            cause = error.__context__ if quoted and quoted in text_of(error) else None
        if cause is None:
            break
        error = cause
    return error


def text_of(error: BaseException) -> str:
    """The message of an exception, which may be anything."""
    try:
        return str(error)[:_LONGEST]
    except BaseException as other:
        return f"its message raised {type(other).__name__}"


def traceback_of(error: BaseException) -> str:
    """The end of the traceback."""
    try:
        import traceback

        below = error.__traceback__.tb_next if error.__traceback__ else None  # without this file
        lines = traceback.format_exception(type(error), error, below)
        return "".join(lines)[-_LONGEST:]
    except BaseException:
        return f"{type(error).__name__}: {text_of(error)}\n"


def json_of(value: object) -> str:
    """A value as JSON: ``json`` would take longer to import than many a module."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(f"{json_of(key)}: {json_of(value[key])}" for key in value)
    if isinstance(value, str):
        units = value.encode("utf-16-be", "surrogatepass")
        pairs = zip(units[::2], units[1::2])
        return '"%s"' % "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs)
    return repr(value)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
