"""Judge a fact sheet: run the checks, fold consequences under their cause, reach a verdict.

Nothing here raises for anything a sheet may hold: a check that cannot cope is a ``crash`` finding.
"""

from __future__ import annotations

from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.facts import FactSheet, UnknownFact
from envcheck.model.finding import SEVERITIES, Counts, Evidence, Finding, Report, Waiver
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envcheck.model.finding import Anchor
    from envcheck.model.profile import Profile, WaiverRule

FAIL_ON = (*SEVERITIES, "never")


def evaluate(
    sheet: FactSheet,
    checks: Sequence[Check],
    *,
    profile: Profile | None = None,
    waivers: Iterable[WaiverRule] = (),
    wants: frozenset[str] = frozenset(),
    today: str = "",
    fail_on: str = "error",
) -> Report:
    """Run ``checks`` over ``sheet`` and fold their findings into a Report. Never raises.

    ``today`` (ISO) decides which waivers have expired; the caller has the clock. ``waivers`` apply
    besides the profile's own.
    """
    context = Context(sheet, profile, wants=wants, today=today)
    rules = [*waivers, *(profile.waivers if profile is not None else ())]
    for check in checks:
        for finding in judge(check, context):
            context.findings.append(_waived(finding, rules, today))
    findings = _fold(context.findings, checks)
    counts = count(findings)
    profiles = profile.names if profile is not None else ()
    return Report(sheet, tuple(findings), verdict(findings, fail_on), counts, profiles=profiles)


def judge(check: Check, context: Context) -> list[Finding]:
    """One check's findings, complete; a pass if it had nothing to say."""
    found: list[Finding] = []
    context.given = []
    try:
        for finding in check.judge(context) or ():
            found.append(_complete(finding, check, context))
    except NotApplicable as reason:
        found.append(Finding(check.code, "skip", check.severity, check.title, detail=str(reason)))
    except UnknownFact as missing:
        found += _open(check, context, missing, {finding.anchor for finding in found})
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        found.append(Finding(check.code, "crash", check.severity, check.title, detail=detail))
    return found or [_silent(check)]


def _silent(check: Check) -> Finding:
    """The finding of a check that had nothing to say: in order, unless it is about requirements
    (x2xx) and none was made.
    """
    if check.code[-3:-2] == "2":
        detail = "no profile in use asks for it here"
        return Finding(check.code, "skip", check.severity, check.title, detail=detail)
    return Finding(check.code, "pass", check.severity, check.title)


def _open(
    check: Check, context: Context, missing: UnknownFact, answered: set[Anchor | None]
) -> list[Finding]:
    """Unknown, for each requirement that the check had not come to, or else for the check."""
    question = Finding(
        check.code,
        "unknown",
        check.severity,
        check.title,
        detail=f"{missing.key} could not be observed: {missing.reason}",
        evidence=(Evidence(missing.key, f"unknown: {missing.reason}"),),
    )
    left = [placed for placed in context.given if placed.anchor not in answered]
    return [
        question._replace(
            severity=placed.severity,
            subject=placed.id or placed.kind,
            anchor=placed.anchor,
            source=placed.source,
            required=placed.severity == "error",
        )
        for placed in left
    ] or [question]


def _complete(finding: Finding, check: Check, context: Context) -> Finding:
    finding = finding._replace(
        code=finding.code or check.code, severity=finding.severity or check.severity
    )
    condition = context.undecided.get(finding.anchor) if finding.anchor else None
    if condition and finding.status == "fail":
        detail = f"Whether this applies is not known (`{condition}`). {finding.detail}".rstrip()
        finding = finding._replace(status="unknown", detail=detail)
    return finding


def _waived(finding: Finding, rules: Sequence[WaiverRule], today: str) -> Finding:
    if finding.status != "fail":
        return finding
    for rule in rules:
        if rule.covers(finding) and not rule.expired(today):
            return finding._replace(waiver=Waiver(rule.reason, rule.expires))
    return finding


def _fold(findings: list[Finding], checks: Sequence[Check]) -> list[Finding]:
    """Set ``cause`` where a check's ``requires`` names a code that failed; for what is unknown also
    a required one that could not be judged itself.
    """
    failed = {finding.code for finding in findings if finding.status == "fail"}
    unjudged = failed | {f.code for f in findings if f.status == "unknown" and f.required}
    requires = {check.code: check.requires for check in checks if check.requires}
    folded = []
    for finding in findings:
        causes = unjudged if finding.status == "unknown" else failed
        cause = next((code for code in requires.get(finding.code, ()) if code in causes), "")
        if cause and finding.status in ("fail", "unknown") and not finding.cause:
            finding = finding._replace(cause=cause)
        folded.append(finding)
    return folded


def count(findings: Iterable[Finding]) -> Counts:
    """How many of each kind."""
    totals = dict.fromkeys(Counts._fields, 0)
    names = {"pass": "passed", "skip": "skipped", "unknown": "unknown", "crash": "crash"}
    for finding in findings:
        if finding.status == "fail":
            totals["waived" if finding.waiver else finding.severity] += 1
        else:
            totals[names.get(finding.status, "crash")] += 1
    return Counts(**totals)


def verdict(findings: Iterable[Finding], fail_on: str = "error") -> str:
    """``fail`` at or above the threshold; else ``inconclusive`` if a required answer is open or a
    check crashed; else ``warn`` if anything failed; else ``pass``.
    """
    findings = list(findings)
    open_findings = [finding for finding in findings if finding.open]
    if any(_reaches(finding.severity, fail_on) for finding in open_findings):
        return "fail"
    if any(finding.status == "unknown" and finding.required for finding in findings):
        return "inconclusive"
    if any(finding.status == "crash" for finding in findings):
        return "inconclusive"
    return "warn" if any(f.severity != "note" for f in open_findings) else "pass"


def exit_code(report: Report) -> int:
    """0 pass or warn; else the first of 1 fail, 3 a required fact unknown, 4 a check crashed."""
    if report.verdict == "fail":
        return 1
    if any(finding.status == "unknown" and finding.required for finding in report.findings):
        return 3
    return 4 if report.counts.crash else 0


def _reaches(severity: str, fail_on: str) -> bool:
    if fail_on == "never":
        return False
    return SEVERITIES.index(severity) >= SEVERITIES.index(fail_on)
