"""Smoke training for people, as lines, and as one JSON object, ``envcheck.smoke/1``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envcheck.model.smoke import SCHEMA, SCRIPT
from envcheck.report.headline import subject
from envcheck.report.json import finite
from envcheck.report.outline import BLANK, Line
from envcheck.report.printable import block, line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.facts import FactSheet
    from envcheck.model.smoke import Smoke, Trial

_MARKS = {"fail": "error"}
_OUTPUT = 6  # lines of a script's output that are shown where it failed


def lines(sheet: FactSheet, smoke: Smoke, verbose: int = 0) -> Iterator[Line]:
    """What was examined, one line for each trial, the verdict last."""
    yield Line("target", line(subject(sheet)), head="Examined ")
    if smoke.torch:
        took = "" if smoke.import_seconds is None else f", imported in {smoke.import_seconds:.2f} s"
        yield Line("target", f"{line(smoke.torch)}{took}", head="torch    ")
    yield BLANK
    for trial in smoke.trials:
        yield Line(
            "group", line(trial.reason or _note(trial)), _columns(trial), status=_mark(trial)
        )
        shown = block(trial.output) if trial.status != "pass" or verbose > 0 else []
        for text in shown if verbose > 0 else shown[-_OUTPUT:]:
            yield Line("said", text, "| ", 4)
    if smoke.trials:
        yield BLANK
    yield Line("summary", summary(smoke), status=smoke.verdict)


def _mark(trial: Trial) -> str:
    return _MARKS.get(trial.status, trial.status)


def _columns(trial: Trial) -> str:
    """Part, device, dtype, loss before and after, wall time: aligned, whatever is missing."""
    loss = ""
    if trial.first_loss is not None and trial.last_loss is not None:
        loss = f"{trial.first_loss:.3g} → {trial.last_loss:.3g}"
    seconds = "" if trial.seconds is None else f"{trial.seconds:.2f} s"
    cells = [(trial.part, 12), (trial.device, 7), (trial.dtype, 5), (loss, 16)]
    text = " ".join(shorten(line(cell), width).ljust(width) for cell, width in cells)
    return f"{text} {seconds:>8}  "


def _note(trial: Trial) -> str:
    notes = [f"{trial.steps} steps" if trial.steps else ""]
    notes += [f"{trial.processes} processes" if trial.processes else ""]
    notes += ["emulated" if trial.emulated else ""]
    return ", ".join(note for note in notes if note)


def summary(smoke: Smoke) -> str:
    """The verdict with its reason, or how many there are of each kind."""
    took = "" if smoke.seconds is None else f" in {smoke.seconds:.2f} s"
    used = sum(trial.cpu_seconds or 0.0 for trial in smoke.trials)
    took += f", {used:.1f} s of processor time" if took and used else ""
    script = any(trial.part == SCRIPT for trial in smoke.trials)
    if smoke.verdict == "inconclusive":
        return f"Inconclusive: {line(smoke.reason) or 'no reason given'}"
    if smoke.verdict == "fail":
        if script or not smoke.trials:
            what = "The script failed" if script else "Training fails here"
            return f"{what}: {line(smoke.reason) or 'no reason given'}"
        return f"Training fails here: {_tally(smoke)}{took}"
    return f"The script passed{took}" if script else f"Training works here: {_tally(smoke)}{took}"


def _tally(smoke: Smoke) -> str:
    words = {"pass": "passed", "fail": "failed", "skip": "skipped", "unknown": "unknown"}
    statuses = [trial.status for trial in smoke.trials]
    return ", ".join(f"{statuses.count(s)} {w}" for s, w in words.items() if s in statuses)


def document(sheet: FactSheet, smoke: Smoke, *, version: str, created: str) -> dict[str, Any]:
    """The whole as plain values; every key is always there."""
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "envcheck", "version": version},
        "created": created,
        "target": dict(sheet.target),
        "python": sheet.get("interpreter.version"),
        "torch": smoke.torch or None,
        "verdict": smoke.verdict,
        "status": smoke.status,
        "reason": smoke.reason,
        "seconds": smoke.seconds,
        "import_seconds": smoke.import_seconds,
        "parts": [trial._asdict() for trial in smoke.trials],
    }
    plain: dict[str, Any] = finite(result)
    return plain


def render_json(document: dict[str, Any]) -> str:
    """ASCII only."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
