"""PRO: the profile itself. Runs last: it looks at what the other checks found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.finding import Finding, Remedy, fail, passed

if TYPE_CHECKING:
    from collections.abc import Iterator


def requirements_judged(context: Context) -> Iterator[Finding]:
    """How many of the profile's requirements hold. It never fails: each of them does that itself.

    ## Why it matters
    A summary: which requirements apply to this target at all, and which of them are met.

    ## Causes
    A requirement does not apply if one of the conditions in its `when` does not hold here, for
    example `cuda` on a machine without an NVIDIA device.

    ## Remedy
    Nothing. `--want` decides a condition that the target cannot show: `--want cuda`, `--want cpu`,
    `--want extensions`.

    ## Sources
    The profile; `envcheck profile show NAME` prints it with what it extends.
    """
    if context.profile is None:
        raise NotApplicable("no profile was named")
    statuses = {finding.anchor: finding.status for finding in context.findings if finding.anchor}
    applying = [placed for placed in context.profile.requirements if context.applies(placed)]
    counted = dict.fromkeys(("pass", "fail", "unknown", "skip", "not judged"), 0)
    for placed in applying:
        counted[statuses.get(placed.anchor, "not judged")] += 1
    counts = ", ".join(f"{number} {status}" for status, number in counted.items() if number)
    others = len(context.profile.requirements) - len(applying)
    detail = f"{counts or 'none'}; {others} of its requirements do not apply here"
    yield passed(f"{len(applying)} requirements of {context.profile.name} apply", detail=detail)


def waivers_current(context: Context) -> Iterator[Finding]:
    """A waiver of the profile has expired and no longer applies.

    ## Why it matters
    What it tolerated counts again. A waiver with a date is a promise to look at the finding again.

    ## Causes
    The day in `expires` has passed.

    ## Remedy
    Mend what the waiver was about and delete it, or decide anew and give it a later day.

    ## Sources
    The profile's own line, shown with the finding.
    """
    if context.profile is None or not context.profile.waivers:
        raise NotApplicable("no profile with waivers was named")
    for rule in context.profile.waivers:
        if rule.expired(context.today):
            yield fail(
                f"the waiver of {rule.code} expired on {rule.expires}",
                subject=rule.subject,
                detail=f"It was given because: {rule.reason}",
                remedy=Remedy("Delete the waiver, or decide anew and give it a later day"),
                anchor=rule.anchor,
            )


def waivers_used(context: Context) -> Iterator[Finding]:
    """A waiver of the profile tolerates nothing here.

    ## Why it matters
    It may hide a finding that comes back later for another reason.

    ## Causes
    What it was about was mended, or its code or subject is misspelled, or it is about another
    machine that is judged with the same profile.

    ## Remedy
    Delete it if no machine needs it any more.

    ## Sources
    The profile's own line, shown with the finding.
    """
    if context.profile is None or not context.profile.waivers:
        raise NotApplicable("no profile with waivers was named")
    for rule in context.profile.waivers:
        covered = [finding for finding in context.findings if rule.covers(finding)]
        judged = any(finding.code.startswith(rule.code) for finding in context.findings)
        if any(f.status == "fail" for f in covered) or rule.expired(context.today) or not judged:
            continue
        about = f" about {rule.subject}" if rule.subject else ""
        yield fail(
            f"the waiver of {rule.code}{about} tolerates nothing here",
            subject=rule.subject,
            detail=f"It was given because: {rule.reason}",
            remedy=Remedy("Delete the waiver if no machine needs it any more"),
            anchor=rule.anchor,
        )


CHECKS = (
    Check("PRO001", "the profile was judged", "note", requirements_judged),
    Check("PRO101", "no waiver has expired", "warning", waivers_current),
    Check("PRO102", "every waiver is used", "note", waivers_used),
)
