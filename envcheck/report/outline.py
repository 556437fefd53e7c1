"""What a person is told, as lines with a role: the structure that text and terminal share.

The order is fixed: what was examined, one line a family (failures expanded, consequences folded
under their cause, waivers with their reason), notes, hints, and the counts as the last line.
"""

from __future__ import annotations

from envcheck.model.finding import SEVERITIES, Counts, Finding, Report
from envcheck.report.facts import fact_lines
from envcheck.report.headline import headline, label, subject
from envcheck.report.printable import block, line, shorten
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MANY = 6  # findings of one code that are expanded; the rest are counted (all with -v)
EVIDENCE = 4  # pieces of evidence shown for a finding (all with -v)


class Line(NamedTuple):
    """One line before it is wrapped. ``status`` picks the mark and the colour.

    ``role``: target, group, finding, text, command, more, fact, hint, said, summary or blank.
    ``head`` is what stands before the text and how far continuation lines hang. A command and what
    a program said are never wrapped.
    """

    role: str
    text: str = ""
    head: str = ""
    indent: int = 0
    status: str = ""


BLANK = Line("blank")


def outline(report: Report, verbose: int = 0) -> Iterator[Line]:
    """The lines of ``report``, in order. Nothing for ``verbose`` of -2 or less."""
    previous = BLANK
    for entry in _lines(report, verbose) if verbose > -2 else ():
        if entry is not BLANK or previous is not BLANK:
            yield entry
        previous = entry


def _lines(report: Report, verbose: int) -> Iterator[Line]:
    yield Line("target", line(subject(report.sheet)), head="Examined ")
    if report.profiles:
        yield Line("target", line(", ".join(report.profiles)), head="Profile  ")
    yield BLANK
    folding = _folding(report.findings)
    groups = _families(report.findings)
    for prefix, findings in groups.items():
        yield from _group(prefix, findings, folding, report, verbose)
    if not groups:
        yield Line("text", "No check applied.")
    if verbose >= 2:
        yield BLANK
        yield from (Line("fact", text, key, 2) for key, text in fact_lines(report.sheet))
    yield BLANK
    for note in report.notes:
        yield Line("hint", line(note), "note: ")
    yield from (Line("hint", text, "hint: ") for text in _hints(report, verbose))
    yield Line("summary", summary(report), status=report.verdict)


def summary(report: Report) -> str:
    """The closing line: the verdict if there is nothing to count, and always the counts."""
    text = tally(report.counts)
    explained = len(_folding(report.findings).root)
    if explained:
        text += f"; {explained} of these explained by {'another' if explained == 1 else 'others'}"
    if report.verdict == "pass" and not report.counts.note:
        found = "Ready: no problems found"
        if report.counts.unknown:
            found = "No problems found, as far as could be judged"
        text = f"{found} ({text})" if report.findings else "Nothing was checked"
    elif report.verdict == "inconclusive":
        text = f"Inconclusive: {text}"
    return f"{text} in {report.seconds:.2f} s" if report.seconds else text


def tally(counts: Counts) -> str:
    """``2 errors, 1 warning, 14 passed, 3 skipped``."""
    parts = []
    for name, count in zip(Counts._fields, counts, strict=True):
        if not count:
            continue
        if name in SEVERITIES:
            name += "" if count == 1 else "s"
        parts.append(
            f"{count} check{'' if count == 1 else 's'} crashed"
            if name == "crash"
            else f"{count} {name}"
        )
    return ", ".join(parts) or "0 checks"


def rank(finding: Finding) -> int:
    """How much it matters: failures by severity, then what is open; lower is worse."""
    if finding.status == "fail" and finding.waiver is None:
        severity = finding.severity if finding.severity in SEVERITIES else "error"
        return 2 - SEVERITIES.index(severity)
    order = {"crash": 3, "unknown": 4 if finding.required else 6, "fail": 5, "pass": 7}
    return order.get(finding.status, 8)


def family(code: str) -> str:
    """The letters a code begins with."""
    return code.rstrip("0123456789") or code


def headword(finding: Finding) -> str:
    """What stands between code and title."""
    if finding.status == "fail":
        return "waived" if finding.waiver else finding.severity
    words = {"pass": "passed", "skip": "skipped", "crash": "check crashed"}
    return words.get(finding.status, finding.status)


def _families(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(family(finding.code), []).append(finding)
    return groups


class _Folding(NamedTuple):
    """Findings by identity: the consequences of each root, and the root's code of each of those."""

    below: dict[int, list[Finding]]
    root: dict[int, str]


def _folding(findings: tuple[Finding, ...]) -> _Folding:
    """Chains of causes are followed to their root; a circle or a passed cause hides nothing."""
    failed: dict[str, Finding] = {}
    for finding in findings:
        if finding.open:
            failed.setdefault(finding.code, finding)
    for finding in findings:
        if finding.status == "unknown" and finding.required:
            failed.setdefault(finding.code, finding)
    folding = _Folding({}, {})
    for finding in findings:
        if not finding.cause or finding.status not in ("fail", "unknown") or finding.waiver:
            continue
        root, seen = finding, {finding.code}
        while root.cause in failed and root.cause not in seen:
            root = failed[root.cause]
            seen.add(root.code)
        if root is not finding and root.cause not in seen:
            folding.below.setdefault(id(root), []).append(finding)
            folding.root[id(finding)] = root.code
    return folding


def _group(
    prefix: str,
    findings: list[Finding],
    folding: _Folding,
    report: Report,
    verbose: int,
) -> Iterator[Line]:
    """One family: its line, and what is expanded below it."""
    findings = sorted(findings, key=rank)
    roots = [finding for finding in findings if id(finding) not in folding.root]
    failing = [finding for finding in roots if rank(finding) <= 4]
    waived = [finding for finding in roots if finding.waiver and finding.status == "fail"]
    hidden = [finding for finding in findings if id(finding) in folding.root]
    if verbose < 0 and not failing:
        return
    status = _mark(findings)
    facts = _facts_of(prefix, findings, failing, folding, report)
    if status == "skip" and not facts and verbose <= 0:
        return
    yield Line("group", facts, shorten(line(label(prefix)), 24), 0, status)
    expanded: dict[str, int] = {}
    for finding in failing:
        expanded[finding.code] = expanded.get(finding.code, 0) + 1
        if expanded[finding.code] <= MANY or verbose > 0:
            yield from _expanded(finding, folding.below.get(id(finding), ()), verbose)
    for code, count in expanded.items():
        if count > MANY and verbose <= 0:
            yield Line("more", f"and {count - MANY} more of {line(code)} (-v shows all)", "… ", 4)
    for finding in waived:
        if verbose >= 0:
            yield _one_line(finding)
    if verbose > 0:
        shown = {id(finding) for finding in (*failing, *waived, *hidden)}
        yield from (_one_line(finding) for finding in findings if id(finding) not in shown)


def _mark(findings: list[Finding]) -> str:
    """A family's status: that of its worst finding; all skipped is skipped."""
    names = ("error", "warning", "note", "unknown", "unknown", "pass", "unknown", "pass", "skip")
    return names[rank(findings[0])]


def _facts_of(
    prefix: str,
    findings: list[Finding],
    failing: list[Finding],
    folding: _Folding,
    report: Report,
) -> str:
    """The text of a family's line: key facts, else how its checks fared."""
    parts = [line(headline(prefix, report.sheet))]
    unknown = sum(finding.status == "unknown" and finding not in failing for finding in findings)
    causes = [line(folding.root[id(f)]) for f in findings if id(f) in folding.root]
    if causes:
        parts.append(f"{len(causes)} explained by {', '.join(dict.fromkeys(causes))}")
    if unknown and not causes:
        parts.append(f"{unknown} could not be judged")
    text = ", ".join(part for part in parts if part)
    if text or failing:
        return text
    passed = sum(finding.status == "pass" for finding in findings)
    return f"{passed} check{'' if passed == 1 else 's'} passed" if passed else ""


def _expanded(finding: Finding, consequences: Iterable[Finding], verbose: int) -> Iterator[Line]:
    """A finding that matters, with everything needed to act on it."""
    head = f"{line(finding.code)} {line(headword(finding))}: "
    status = finding.severity if finding.status == "fail" else "unknown"
    yield Line("finding", line(finding.title), head, 4, status)
    for text in block(finding.detail):
        yield Line("text", text, "", 6)
    evidence = finding.evidence if verbose > 0 else finding.evidence[:EVIDENCE]
    for fact, value, source in evidence:
        where = f" ({line(source)})" if source else ""
        text = shorten(line(value), 2000 if verbose > 0 else 160)
        yield Line("more", f"{line(fact)} = {text}{where}", "seen: ", 6)
    if finding.source and verbose > 0:
        yield Line("more", line(finding.source), "source: ", 6)
    if finding.anchor:
        yield Line("more", f"{line(finding.anchor.path)}:{finding.anchor.line}", "required in: ", 6)
    if finding.remedy:
        yield Line("hint", line(finding.remedy.text), "fix: ", 6)
        yield from (Line("command", line(text), "", 10) for text in finding.remedy.commands)
    for consequence in consequences:
        text = f"{line(consequence.code)} {line(consequence.title)}"
        yield Line("more", text, "explains: ", 6)


def _one_line(finding: Finding) -> Line:
    head = f"{line(finding.code)} {headword(finding)}: "
    text = line(finding.title)
    if finding.waiver:
        until = f", until {line(finding.waiver.expires)}" if finding.waiver.expires else ""
        text += f" (reason: {line(finding.waiver.reason)}{until})"
    elif finding.status in ("skip", "unknown") and finding.detail:
        text += f": {line(finding.detail)}"
    status = {"pass": "pass", "skip": "skip", "fail": "skip"}.get(finding.status, "unknown")
    return Line("finding", text, head, 4, status)


def _hints(report: Report, verbose: int) -> Iterator[str]:
    """What to do next; nothing when quiet."""
    if verbose < 0:
        return
    worst = min(report.findings, key=rank, default=None)
    if worst is not None and rank(worst) <= 4:
        yield f"`envcheck explain {line(worst.code)}` says what a code means and what mends it"
    sheet = report.sheet
    if sheet.get("torch.installed") is True and sheet.get("compute.asked") is not True:
        yield "torch was not imported: `--deep` does, and computes with it"
    elif report.counts.unknown and verbose == 0:
        yield "`-v` says what could not be judged, and why"
