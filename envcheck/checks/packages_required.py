"""PKG2xx: the distributions that a profile asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable, explained
from envcheck.checks.installed import Distribution, in_use, installed
from envcheck.checks.markers import Markers, Requirement, environment, parse
from envcheck.checks.specifiers import satisfies
from envcheck.model.finding import Evidence, Finding, fail, passed, skip, unknown
from envcheck.model.reading import records, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed


def present(context: Context) -> Iterator[Finding]:
    """A distribution that the profile requires is not installed.

    ## Why it matters
    What the profile is about cannot be used without it; its reason is shown with the finding.

    ## Causes
    It was never installed, or into another environment than the one that was examined.

    ## Remedy
    Install it. If it is installed elsewhere, examine that environment with `--python` or `--venv`.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for one, requirement, have in _requirements(context):
        if one.optional:
            continue
        if have is not None:
            if not requirement.specifier:
                fields = _about(context, one, requirement, have.evidence())
                yield passed(f"{have} is installed", **fields)
            continue
        where = text(context.get("interpreter.executable")) or str(context.facts.target.get("name"))
        absent = Evidence("distributions.installed", f"no {requirement.name}", where)
        yield fail(
            f"{one.requires} is not installed",
            **explained(_about(context, one, requirement, absent), f"{where} does not have it."),
            cause=_cause(context, requirement),
            remedy=remedies.install(context, [_installable(requirement)]),
        )


def required_version(context: Context) -> Iterator[Finding]:
    """A distribution that the profile requires is installed in a version that does not fit.

    ## Why it matters
    The profile states the versions with which its purpose works; its reason is shown.

    ## Causes
    An old environment, or another distribution that holds the version back.

    ## Remedy
    Upgrade it.

    ## Sources
    The profile's own line, shown with the finding.
    """
    yield from _versions(context, optional=False)


def optional_version(context: Context) -> Iterator[Finding]:
    """An optional distribution is installed in a version that does not fit.

    ## Why it matters
    Libraries use it because it is there, and then fail; without it they would do without.

    ## Causes
    It was installed for something else, or long ago.

    ## Remedy
    Upgrade or uninstall it.

    ## Sources
    The profile's own line, shown with the finding.
    """
    yield from _versions(context, optional=True)


def _versions(context: Context, *, optional: bool) -> Iterator[Finding]:
    for one, requirement, have in _requirements(context):
        if one.optional is not optional or not (optional or requirement.specifier):
            continue
        if have is None:
            if optional:
                fields = _about(context, one, requirement)
                yield skip(f"{requirement.name} is not installed (optional)", **fields)
            continue
        fields = _about(context, one, requirement, have.evidence())
        answer = satisfies(have.version, requirement.specifier)
        if answer is None:
            yield unknown(f"{have} cannot be compared with {requirement.specifier}", **fields)
        elif answer:
            yield passed(f"{have} fits {requirement.specifier or 'any version'}", **fields)
        else:
            yield fail(
                f"{have} does not fit: {one.requires} is needed",
                **fields,
                remedy=remedies.install(context, [_installable(requirement)]),
            )


def _requirements(context: Context) -> Iterator[tuple[Placed, Requirement, Distribution | None]]:
    """The profile's distribution requirements that apply here, and what is installed of each."""
    wanted = context.requirements("distribution")
    if not wanted:
        raise NotApplicable("no profile asks for a distribution")
    there = in_use(installed(context))
    markers = Markers(environment(context))
    for one in wanted:
        requirement = parse(one.requires)
        if requirement is not None and markers.holds(requirement.marker) is not False:
            yield one, requirement, there.get(requirement.name)


def _about(
    context: Context, one: Placed, requirement: Requirement, *evidence: Evidence
) -> dict[str, Any]:
    fields = context.about(one, requirement.name)
    required = fields["required"] and not one.optional
    return {**fields, "required": required, "evidence": evidence}


def _installable(requirement: Requirement) -> str:
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _cause(context: Context, requirement: Requirement) -> str:
    """The code of the finding that explains why it is not there; empty if there is none."""
    if requirement.name == "torch":  # no wheel for this platform, Python or C library
        grave = [f.code for f in context.findings if f.open and f.severity == "error"]
        for code in ("OS101", "PY202", "OS102"):
            if code in grave:
                return code
    leftovers = records(context.get("distributions.leftovers"))
    return "PKG103" if any(text(item.get("name")) == requirement.name for item in leftovers) else ""


CHECKS = (
    Check("PKG201", "required distributions are installed", "error", present, ("PY001",)),
    Check(
        "PKG202",
        "required distributions have a version that fits",
        "error",
        required_version,
        ("PY001",),
    ),
    Check(
        "PKG203",
        "optional distributions have a version that fits",
        "warning",
        optional_version,
        ("PY001",),
    ),
)
