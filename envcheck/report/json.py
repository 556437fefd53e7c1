"""The report as one JSON object, ``envcheck.report/1`` (``schemas/report.schema.json``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envcheck.model.finding import SCHEMA

if TYPE_CHECKING:
    from envcheck.model.finding import Finding, Report
    from envcheck.report.base import Options

DEPTH = 40  # of nested values in a fact; what is deeper is cut


def render(report: Report, options: Options) -> str:
    """ASCII only, so that no terminal or decoder can be misled; facts with ``verbose`` of 2."""
    return (
        json.dumps(document(report, facts=options.verbose >= 2), indent=2, allow_nan=False) + "\n"
    )


def document(report: Report, *, facts: bool = False) -> dict[str, Any]:
    """The report as plain values. Every key is always there, except ``facts``."""
    sheet = report.sheet
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "envcheck", "version": report.version},
        "created": report.created,
        "seconds": report.seconds,
        "target": dict(sheet.target),
        "agent": dict(sheet.agent),
        "profiles": list(report.profiles),
        "verdict": report.verdict,
        "counts": report.counts._asdict(),
        "findings": [_finding(finding) for finding in report.findings],
        "notes": list(report.notes),
    }
    if facts:
        result["facts"] = {key: _fact(report, key) for key in sheet}
    plain: dict[str, Any] = finite(result)
    return plain


def _fact(report: Report, key: str) -> dict[str, Any]:
    fact = report.sheet.fact(key)
    entry: dict[str, Any] = {"status": fact.status}
    if fact.known:
        entry["value"] = fact.value
    return entry | {name: v for name in ("reason", "source") if (v := getattr(fact, name))}


def _finding(finding: Finding) -> dict[str, Any]:
    remedy, anchor, waiver = finding.remedy, finding.anchor, finding.waiver
    return {
        "code": finding.code,
        "status": finding.status,
        "severity": finding.severity,
        "title": str(finding.title),
        "detail": str(finding.detail),
        "subject": str(finding.subject),
        "cause": finding.cause,
        "required": bool(finding.required),
        "evidence": [
            {"fact": fact, "value": str(value), "source": source}
            for fact, value, source in finding.evidence
        ],
        "remedy": remedy and {"text": remedy.text, "commands": list(remedy.commands)},
        "anchor": anchor and {"path": anchor.path, "line": max(anchor.line, 1)},
        "waiver": waiver and {"reason": waiver.reason, "expires": waiver.expires},
        "source": finding.source,
    }


def finite(value: Any, depth: int = DEPTH) -> Any:
    """``value`` as every reader of JSON takes it.

    No NaN or infinity, no lone surrogates, keys that are text, nothing deeper than ``depth``.
    """
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    if isinstance(value, (list, tuple)):
        return [finite(item, depth - 1) for item in value] if depth else "…"
    if isinstance(value, dict):
        return {_text(k): finite(item, depth - 1) for k, item in value.items()} if depth else "…"
    return value if value is None or isinstance(value, (int, bool)) else _text(value)


def _text(value: object) -> str:
    text = str(value)
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
