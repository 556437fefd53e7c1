"""Why a cell failed: a cause, a sentence that a person understands, the remedy, the evidence.

Evidence is taken in this order: what the gateway could not give; how the process ended (memory,
time, signal); what the index offers, for what a resolver could not have; then text, by rules that
say with which tool they were seen. An installer's own lines and what a build wrote are told apart:
a package cannot make its failure look like a fault of the index or of this machine. Text that no
rule knows is ``unclassified``, with the last lines that say anything.
"""

from __future__ import annotations

from envcheck.matrix.causes import building, executing, installing, processes, resolving
from envcheck.matrix.causes.base import TRANSIENT, Failure, Verdict, evidence
from envcheck.matrix.causes.reading import read
from envcheck.matrix.causes.wording import PLACES, ended

__all__ = ["TRANSIENT", "Failure", "Verdict", "classify"]


def classify(failure: Failure) -> Verdict:
    """Why ``failure.step`` did not end well."""
    verdict = processes.by_gateway(failure) or processes.by_ending(failure)
    if verdict is not None:
        return verdict
    if failure.step.name in ("import", "smoke"):
        return executing.judge(failure)
    if failure.step.name in ("resolve", "build", "install", "download"):
        reading = read(failure.log, failure.installer or failure.cell.installer)
        if reading.build is not None:
            return building.judge(failure, reading.build)
        verdict = resolving.judge(failure, reading) or installing.judge(failure, reading)
        if verdict is not None:
            return verdict
    return _unclassified(failure)


def _unclassified(failure: Failure) -> Verdict:
    lines = [text for text in failure.log.splitlines() if text.strip()]
    place = PLACES.get(failure.step.name, failure.step.name)
    text, shown = f"{place} failed{ended(failure.step)}", evidence(lines[-4:])
    if failure.step.name in ("install", "compile"):
        errors = [text for text in lines if text.lstrip().lower().startswith(("error:", "cause:"))]
        said = evidence(errors[-1:])
        text += f": {said[0][:160]}" if said else ""
        return Verdict("install-failed", text, "read its log", shown)
    text = failure.step.detail or f"{text} for a reason that is not known here"
    return Verdict("unclassified", text, "read its log", shown)
