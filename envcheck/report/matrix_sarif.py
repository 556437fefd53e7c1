"""SARIF 2.1.0: a rule for each cause, a result for each cell that fails or warns.

Every result has a physical location, or GitHub refuses the file: the matrix file's first line.
Fingerprints are made of matrix, cell and cause, so that a new version is the same alert.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from envcheck.model.cell import CAUSES
from envcheck.report.matrix_rows import table
from envcheck.report.matrix_words import name
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from envcheck.model.cell import Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Note, Row, Table

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"fail": "error", "warn": "warning", "inconclusive": "note"}
RESULTS = 5000  # GitHub shows no more of one run
MESSAGE = 4000  # characters


def render(run: Run, view: View) -> str:
    """One run; ASCII only. Cells that were not run are notifications: no fault of the package."""
    shown = table(run, view.freshness)
    notes = {note.number: note for note in shown.notes}
    told = [
        (row, next((notes[n] for n in row.marks.get("status", ())), None)) for row in shown.rows
    ]
    failing = [(row, note) for row, note in told if row.status in LEVELS and note is not None]
    failing = failing[:RESULTS]
    causes = sorted({_rule_id(note, shown) for _, note in failing})
    version = line(run.header.envcheck)
    document = {
        "tool": {
            "driver": {
                "name": "envcheck",
                "semanticVersion": version or "0.0.0",
                "rules": [_rule(cause) for cause in causes],
            }
        },
        "automationDetails": {"id": f"envcheck/{_kind(shown)}/{quote(name(run), safe='')}/"},
        "invocations": [_invocation(run, told)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(run, row, note, causes, shown, view) for row, note in failing],
        "properties": {"matrix": name(run), "run": line(run.header.id)},
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [document]}
    return json.dumps(whole, indent=2) + "\n"


def _kind(shown: Table) -> str:
    """What was observed and what was predicted are alerts of their own."""
    return "predicted" if shown.predicted else "matrix"


def _rule_id(note: Note, shown: Table) -> str:
    return f"{_kind(shown)}/{note.cause or 'unclassified'}"


def _rule(rule: str) -> dict[str, Any]:
    kind, _, cause = rule.partition("/")
    text = f"{'predicted: ' if kind == 'predicted' else ''}{CAUSES.get(cause, cause)}"
    return {
        "id": rule,
        "name": cause,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["compatibility", kind]},
    }


def _result(
    run: Run, row: Row, note: Note, causes: list[str], shown: Table, view: View
) -> dict[str, Any]:
    rule = _rule_id(note, shown)
    parts = [f"{row.id}, predicted: {note.text}" if shown.predicted else f"{row.id}: {note.text}"]
    parts += [f"{shown.evidence.capitalize()}: {text}" for text in note.evidence]
    parts += [f"Fix: {note.remedy}"] if note.remedy else []
    # Brackets make links in SARIF's plain text; a backslash escapes them.
    text = "\n".join(parts).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    mark = "\0".join((run.header.matrix, row.id, note.cause, *["predicted"] * shown.predicted))
    return {
        "ruleId": rule,
        "ruleIndex": causes.index(rule),
        "level": LEVELS[row.status],
        "message": {"text": shorten(text, MESSAGE)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(run, view), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 1},
                }
            }
        ],
        "partialFingerprints": {
            "envcheck/v1": sha256(mark.encode("utf-8", "backslashreplace")).hexdigest()
        },
        "properties": {"cell": row.id, "status": row.status},
    }


def _uri(run: Run, view: View) -> str:
    """The matrix file, as far as it lies in the repository; where there is none, the manifest."""
    matrix = name(run)
    plain = matrix.replace("-", "").replace("_", "").replace(".", "").isalnum()
    path = view.manifest or (f"matrices/{matrix}.toml" if plain else "pyproject.toml")
    return quote(path.replace("\\", "/"), safe="/!$&'()*+,;=@~-._", errors="backslashreplace")


def _invocation(run: Run, told: list[tuple[Row, Note | None]]) -> dict[str, Any]:
    lost = [(row, note) for row, note in told if row.status in ("error", "missing")]
    result: dict[str, Any] = {"executionSuccessful": not lost}
    times = {"startTimeUtc": run.header.started, "endTimeUtc": run.ended}
    result |= {key: text for key, text in times.items() if _is_time(text)}
    if lost:
        result["toolExecutionNotifications"] = [
            {
                "level": "error",
                "message": {"text": f"{row.id}: {note.text if note else row.status}"},
            }
            for row, note in lost[:20]
        ]
    return result


def _is_time(text: str) -> bool:
    return len(text) == 20 and text.isascii() and text[10] == "T" and text.endswith("Z")
