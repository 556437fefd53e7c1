"""SARIF 2.1.0, as GitHub's code scanning accepts it.

Every result has a physical location, or GitHub refuses the file: the profile's line that states the
requirement, else line 1 of the project's manifest. Failures only; waived ones are suppressed
results. Fingerprints are made of code, path and subject, so that a new version or a moved line is
the same alert.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envcheck.report.headline import subject
from envcheck.report.outline import family, rank
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from envcheck.model.finding import Finding, Report
    from envcheck.report.base import Options, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RESULTS = 5000  # GitHub shows no more of one run
MESSAGE = 4000  # characters


def render(report: Report, options: Options) -> str:
    """One run; ASCII only."""
    failing = sorted((f for f in report.findings if f.status == "fail"), key=rank)[:RESULTS]
    codes = sorted({line(finding.code) for finding in failing})
    run = {
        "tool": {"driver": _driver(report, codes, failing, options)},
        "automationDetails": {"id": "envcheck/doctor/"},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes, options) for finding in failing],
        "properties": {"verdict": report.verdict, "target": line(subject(report.sheet))},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def location(finding: Finding, options: Options) -> tuple[str, int]:
    """Where the finding is shown: a path relative to the root, and a line from 1."""
    anchor = finding.anchor
    if anchor is not None:
        path = anchor.path.replace("\\", "/")
        root = options.root.replace("\\", "/").rstrip("/") + "/"
        if options.root and path.startswith(root):
            path = path[len(root) :]
        path = path.removeprefix("./")
        outside = path.startswith(("/", "~", "<", "../")) or "/../" in path or path[1:2] == ":"
        if path and not outside:
            return path, max(anchor.line, 1)
    return options.manifest, 1


def _driver(
    report: Report, codes: list[str], failing: list[Finding], options: Options
) -> dict[str, Any]:
    severities = {line(finding.code): finding.severity for finding in reversed(failing)}
    driver: dict[str, Any] = {
        "name": "envcheck",
        "semanticVersion": line(report.version) or "0.0.0",
        "rules": [_rule(code, options.rules.get(code), severities[code]) for code in codes],
    }
    return driver


def _rule(code: str, rule: Rule | None, severity: str) -> dict[str, Any]:
    title = line(rule.title) if rule else code
    text = rule.help if rule and rule.help else f"envcheck explain {code}"
    return {
        "id": code,
        "name": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": line(rule.summary) if rule and rule.summary else title},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": _level(rule.severity if rule else severity)},
        "properties": {"tags": ["environment", family(code)]},
    }


def _result(finding: Finding, codes: list[str], options: Options) -> dict[str, Any]:
    path, number = location(finding, options)
    code = line(finding.code)
    result: dict[str, Any] = {
        "ruleId": code,
        "ruleIndex": codes.index(code),
        "level": _level(finding.severity),
        "message": {"text": shorten(_message(finding), MESSAGE)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": number},
                }
            }
        ],
        "partialFingerprints": {"envcheck/v1": _fingerprint(code, path, finding.subject)},
    }
    if finding.waiver:
        reason = line(finding.waiver.reason)
        result["suppressions"] = [{"kind": "external", "justification": reason}]
    if finding.cause:
        result["properties"] = {"cause": line(finding.cause)}
    return result


def _message(finding: Finding) -> str:
    """Title, reason, what was seen and what mends it, as plain text."""
    parts = [line(finding.title)]
    if finding.detail:
        parts.append(line(finding.detail))
    parts += [f"Seen: {line(fact)} = {line(value)}" for fact, value, _ in finding.evidence[:6]]
    if finding.remedy:
        parts.append(f"Fix: {line(finding.remedy.text)}")
        parts += [f"    {line(command)}" for command in finding.remedy.commands]
    # Brackets make links in SARIF's plain text; a backslash escapes them.
    text = "\n".join(parts).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return text or finding.code


def _invocation(report: Report) -> dict[str, Any]:
    crashed = [finding for finding in report.findings if finding.status == "crash"]
    result: dict[str, Any] = {"executionSuccessful": not crashed}
    if _is_time(report.created):
        result["endTimeUtc"] = report.created
    if crashed:
        result["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": f"{line(f.code)}: {line(f.detail)}"}}
            for f in crashed[:20]
        ]
    return result


def _level(severity: str) -> str:
    return severity if severity in ("error", "warning", "note") else "warning"


def _fingerprint(code: str, path: str, about: str) -> str:
    from hashlib import sha256

    text = "\0".join((code, path, about))
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/!$&'()*+,;=@~-._", errors="backslashreplace")


def _is_time(text: str) -> bool:
    return len(text) == 20 and text.isascii() and text[10] == "T" and text.endswith("Z")
