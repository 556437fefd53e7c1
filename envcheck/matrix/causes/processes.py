"""How a step's process ended, and what the gateway says: evidence that no package can forge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.wording import PLACES

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure

#: Steps in which the index is asked.
ONLINE = frozenset({"create", "resolve", "download", "build", "install"})
_SIGNALS = {
    "SIGSEGV": "it used memory that is not its own (SIGSEGV)",
    "SIGBUS": "it used memory that is not there (SIGBUS)",
    "SIGILL": "it used an instruction that this processor does not have (SIGILL)",
    "SIGABRT": "it aborted itself (SIGABRT)",
    "SIGFPE": "it divided by zero or the like (SIGFPE)",
    "SIGKILL": "it was killed (SIGKILL)",
    "SIGSYS": "it made a system call that is not allowed here (SIGSYS)",
    "SIGTRAP": "it stopped at a trap of its own (SIGTRAP)",
}
_REMEDIES = {
    "SIGILL": "use a build for older processors, or a newer machine",
    "SIGKILL": "give the cell more memory (limits.memory), if that is what it was",
}
#: kind of a fault of the gateway -> cause, remedy; in the order in which they explain a failure
_FAULTS = {
    "hash": ("hash", "the index, a proxy or a mirror gives out a file that was altered or damaged"),
    "unfit": ("install-failed", "tell its publisher"),
    "budget": ("disk", "this cell asks for more than may be downloaded"),
    "disk": ("infrastructure", "free space on this machine, and run with --retry-failed"),
    "denied": (
        "download",
        "give the index's credentials to this machine's pip or uv configuration",
    ),
    "trouble": ("download", "run with --retry-failed when the index answers again"),
}


def by_gateway(failure: Failure) -> Verdict | None:
    """What the gateway could not give, if the step asked it for something."""
    if failure.step.name not in ONLINE:
        return None
    for kind, (cause, remedy) in _FAULTS.items():
        found = [fault.sentence for fault in failure.faults if fault.kind == kind]
        if found:
            return Verdict(cause, found[0], remedy, evidence(found))
    return None


def by_ending(failure: Failure) -> Verdict | None:
    """Out of memory, out of time, or ended by a signal; None if it came to an end by itself."""
    step, limits = failure.step, failure.cell.limits
    place = PLACES.get(step.name, step.name)
    lines = [text for text in failure.log.splitlines() if text.strip()]
    if step.oom:
        return Verdict(
            "memory",
            f"{place} needed more memory than the limit of {limits.memory}",
            "give the cell more memory (limits.memory)",
            evidence(["the memory limit has ended a process", *lines[-2:]]),
        )
    if step.status == "timeout":
        last = f"; the last it said was `{evidence(lines[-1:])[0]}`" if evidence(lines[-1:]) else ""
        return Verdict(
            "timeout",
            f"{place} did not end in {step.seconds:.0f} s{last}",
            f"give it more time (limits.seconds.{_limit(step.name)})",
            evidence(lines[-3:]),
        )
    if step.signal:
        how = _SIGNALS.get(step.signal, f"it was ended by {step.signal}")
        return Verdict(
            "crash",
            f"{place} crashed: {how}",
            _REMEDIES.get(step.signal, ""),
            evidence([*lines[-3:], f"ended by {step.signal}"]),
        )
    return None


def _limit(step: str) -> str:
    return {"download": "resolve", "build": "resolve", "compile": "install"}.get(step, step)
