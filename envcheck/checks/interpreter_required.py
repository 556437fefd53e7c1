"""PY2xx: what a profile asks of the interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.checks import torch_wheels
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.specifiers import release_of, satisfies
from envcheck.model.finding import Finding, fail, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed


def required_python(context: Context) -> Iterator[Finding]:
    """The interpreter is not what the profile asks for.

    ## Why it matters
    Packages declare the Pythons they support; installers skip releases that do not fit and take an
    old one, or find none.

    ## Causes
    The environment was made with whatever `python3` was.

    ## Remedy
    Make the environment with a Python that fits.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("python"):
        wrong: list[str] = []
        open_: list[str] = []
        version = str(context["interpreter.version"])
        if requirement.requires:
            answer = satisfies(version, requirement.requires)
            if answer is None:
                open_.append(f"{version} cannot be compared with {requirement.requires}")
            elif not answer:
                wrong.append(f"Python {requirement.requires} is needed")
        if requirement.implementation:
            name = str(context["interpreter.implementation"]).lower().replace("graalvm", "graalpy")
            if name != requirement.implementation:
                wrong.append(f"{requirement.implementation} is needed, this is {name}")
        if requirement.free_threaded is not None:
            threaded = context["interpreter.free_threaded"]
            if bool(threaded) != requirement.free_threaded:
                kind = (
                    "a free-threaded build" if requirement.free_threaded else "a build with the GIL"
                )
                wrong.append(f"{kind} is needed")
        yield _python_finding(context, requirement, version, wrong, open_)


def _python_finding(
    context: Context, requirement: Placed, version: str, wrong: list[str], open_: list[str]
) -> Finding:
    fields = context.about(
        requirement, "python", "interpreter.version", "interpreter.implementation"
    )
    if wrong:
        from envcheck.checks import remedies

        fields["remedy"] = remedies.new_environment(context, _fitting(requirement.requires))
        return fail(f"Python {version} does not fit: {'; '.join(wrong)}", **fields)
    if open_:
        return unknown(open_[0], **fields)
    return passed(f"Python {version} fits {requirement.requires or 'the profile'}", **fields)


def _fitting(specifier: str) -> str:
    """The newest released Python that fits and is widely supported: 3.12 if it does."""
    from envcheck import knowledge

    releases = [row["python"] for row in knowledge.table("python_releases")["rows"]]
    for version in ["3.12", *reversed(releases)]:
        if satisfies(version + ".99", specifier):
            return str(version)
    return "3.12"


def torch_for_python(context: Context) -> Iterator[Finding]:
    """No torch that the profile accepts has a wheel for this Python.

    ## Why it matters
    Each torch release drops old Pythons and supports a new one only some time after it appears. pip
    then says "no matching distribution", or silently takes an old release.

    ## Causes
    The environment's Python is older than what current torch supports, or too new.

    ## Remedy
    Make the environment with a Python for which there are wheels.

    ## Sources
    `Requires-Python` of the torch wheels; the table's date is in the finding.
    """
    wanted = torch_wheels.wanted(context)
    if not wanted or torch_wheels.installed(context):
        raise NotApplicable("torch is not asked for, or is there already")
    python = ".".join(str(context["interpreter.version"]).split(".")[:2])
    table = torch_wheels.table()
    evidence = context.evidence("interpreter.version")
    for specifier, requirement in wanted:
        fields = {
            "subject": "torch",
            "anchor": requirement.anchor,
            "severity": requirement.severity,
            "evidence": evidence,
            "source": f"{table['source']}, {table['date']}",
        }
        if _newer(python, table["newest_python"]) or context.get("interpreter.free_threaded"):
            detail = f"The table of {table['date']} does not say."
            yield unknown(
                f"whether torch has a wheel for this Python {python}", detail=detail, **fields
            )
        elif torch_wheels.offers(python, specifier):
            yield passed(f"torch {specifier} has a wheel for Python {python}", **fields)
        else:
            from envcheck.checks import remedies

            last = torch_wheels.newest(python)
            yield fail(
                f"no torch {specifier} has a wheel for Python {python}",
                detail=f"The last one that supports it is torch {last}." if last else "",
                remedy=remedies.new_environment(context, "3.12"),
                required=requirement.severity == "error",
                **fields,
            )


def _newer(one: str, other: str) -> bool:
    return (release_of(one) or ()) > (release_of(other) or ())


CHECKS = (
    Check("PY201", "the interpreter fits the profile", "error", required_python, ("PY001",)),
    Check("PY202", "torch has a wheel for this Python", "error", torch_for_python, ("PY201",)),
)
