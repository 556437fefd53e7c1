"""JUnit XML: a suite for each family, a case for each finding.

``failure`` is a finding at or above the threshold that decides the exit status; what is below it
passes and is written to ``system-out``. ``error`` is a crashed check or a required answer that is
open. What was skipped, waived or not required and unknown is ``skipped`` with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from envcheck.model.finding import SEVERITIES
from envcheck.report.headline import label, subject
from envcheck.report.outline import family
from envcheck.report.printable import block, line, shorten

if TYPE_CHECKING:
    from envcheck.model.finding import Finding, Report
    from envcheck.report.base import Options

MESSAGE = 500  # characters in an attribute


def render(report: Report, options: Options) -> str:
    """The document; valid against Jenkins' ``junit-10.xsd``."""
    groups: dict[str, list[Finding]] = {}
    for finding in report.findings:
        groups.setdefault(family(finding.code), []).append(finding)
    suites, totals = [], [0, 0, 0]
    for prefix, findings in groups.items():
        lines, counts = _suite(prefix, findings, report, options)
        suites += lines
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    seconds = f"{report.seconds:.3f}"
    head = (
        f'<testsuites name="envcheck" tests="{totals[0]}" failures="{totals[1]}" '
        f'errors="{totals[2]}" time="{seconds}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, *suites, "</testsuites>", ""])


def _suite(
    prefix: str, findings: list[Finding], report: Report, options: Options
) -> tuple[list[str], tuple[int, int, int]]:
    cases, kinds, names = [], [], set()
    for finding in findings:
        about = line(finding.subject or finding.title)
        name = f"{line(finding.code)} {about}"
        number = 2
        while name in names:
            name = f"{line(finding.code)} {about} ({number})"
            number += 1
        names.add(name)
        kind, text = _outcome(finding, options.fail_on)
        kinds.append(kind)
        cases += _case(finding, name, prefix, kind, text)
    attributes = {
        "name": f"envcheck.{line(prefix)}",
        "tests": str(len(findings)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "package": label(line(prefix)),
    }
    if report.created:
        attributes["timestamp"] = line(report.created).rstrip("Z")
    written = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items())
    target = quoteattr(line(subject(report.sheet)))
    properties = f'<properties><property name="target" value={target}/></properties>'
    lines = [f"  <testsuite {written}>", f"    {properties}", *cases, "  </testsuite>"]
    return lines, (len(findings), kinds.count("failure"), kinds.count("error"))


def _outcome(finding: Finding, fail_on: str) -> tuple[str, str]:
    """The element (empty: passed) and its message."""
    if finding.status == "pass":
        return "", ""
    if finding.waiver and finding.status == "fail":
        return "skipped", f"waived: {line(finding.waiver.reason)}"
    if finding.status == "fail":
        severity = finding.severity if finding.severity in SEVERITIES else "error"
        fails = fail_on in SEVERITIES and SEVERITIES.index(severity) >= SEVERITIES.index(fail_on)
        return ("failure" if fails else ""), f"{severity}: {line(finding.title)}"
    detail = f": {line(finding.detail)}" if finding.detail else ""
    if finding.status == "crash" or (finding.status == "unknown" and finding.required):
        return "error", f"{finding.status}{detail}"
    return "skipped", f"{finding.status}{detail}"


def _case(finding: Finding, name: str, prefix: str, kind: str, text: str) -> list[str]:
    classname = quoteattr(f"envcheck.{label(line(prefix))}")
    head = f"    <testcase classname={classname} name={quoteattr(name)}"
    if not text:
        return [head + "/>"]
    body = escape("\n".join(_body(finding)))
    if not kind:
        return [
            head + ">",
            f"      <system-out>{escape(text)}\n{body}</system-out>",
            "    </testcase>",
        ]
    message = quoteattr(shorten(text, MESSAGE))
    kept = line(finding.severity if kind == "failure" else finding.status)
    element = f"      <{kind} type={quoteattr(kept)} message={message}>{body}</{kind}>"
    return [head + ">", element, "    </testcase>"]


def _body(finding: Finding) -> list[str]:
    lines = [line(finding.title), *block(finding.detail)]
    lines += [f"seen: {line(fact)} = {line(value)}" for fact, value, _ in finding.evidence]
    if finding.cause:
        lines.append(f"explained by: {line(finding.cause)}")
    if finding.anchor:
        lines.append(f"required in: {line(finding.anchor.path)}:{finding.anchor.line}")
    if finding.remedy:
        lines.append(f"fix: {line(finding.remedy.text)}")
        lines += [f"    {line(command)}" for command in finding.remedy.commands]
    return lines
