"""IMP10x: what an import really takes, and what start-up runs."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.installed import Distribution, few, in_use, installed, listed
from envcheck.checks.specifiers import canonical, satisfies
from envcheck.model.finding import SEVERITIES, Evidence, Finding, Remedy, fail
from envcheck.model.reading import number, records, strings, text
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_MANY = 5  # import names hidden by one directory that are shown one by one
_COSTLY = 0.010  # seconds of CPU at every start; bare Python needs about as much


def from_path(context: Context) -> Iterator[Finding]:
    """PYTHONPATH takes an import away from the distribution that is installed.

    ## Why it matters
    What is imported is not what pip shows: another version, another build, or half a copy. No
    distribution owns it, so no tool upgrades it.

    ## Causes
    PYTHONPATH into another environment, a `pip install --target` directory or a source tree; often
    set by a module system or a login script.

    ## Remedy
    Take the entry off PYTHONPATH.

    ## Sources
    Python's documentation, "The initialization of the sys.path module search path".
    """
    yield from _hidden(context, "PYTHONPATH")


def from_directory(context: Context) -> Iterator[Finding]:
    """A file in the working directory takes an import away from an installed distribution.

    ## Why it matters
    A script or `python -m` that is started here imports it instead of the distribution: "module
    'torch' has no attribute …", or a partially initialised module that imports itself.

    ## Causes
    A script named like the library that it tries out (`torch.py`); a source tree in which Python is
    started while another version is installed.

    ## Remedy
    Rename the file; or start Python with `-P` (3.11 and newer), which leaves the directory out.

    ## Sources
    Python's documentation, "The initialization of the sys.path module search path" and `-P`.
    """
    yield from _hidden(context, "cwd")


def _hidden(context: Context, origin: str) -> Iterator[Finding]:
    there = installed(context)
    folders: dict[str, list[tuple[dict[str, Any], Distribution | None]]] = {}
    for item in records(context["distributions.hidden"]):
        if item.get("origin") == origin:
            folder = _folder(text(item.get("hides")))
            name = text(item.get("distribution"))
            owner = next((d for d in there if d.name == name and d.location == folder), None)
            folders.setdefault(_folder(text(item.get("file"))), []).append((item, owner))
    for folder, items in folders.items():
        if len(items) > _MANY:
            yield _whole_folder(context, folder, items)
        else:
            yield from (_hiding(context, item, owner) for item, owner in items)


def _whole_folder(
    context: Context, folder: str, items: list[tuple[dict[str, Any], Distribution | None]]
) -> Finding:
    """One finding for a directory that hides a whole environment."""
    names = sorted({str(owner) for _, owner in items if owner}) or sorted(
        text(item.get("module")) for item, _ in items
    )
    place = _place(items[0][0])
    severities = [_severity(item, _differs(item, owner)) for item, owner in items]
    return fail(
        f"{folder} hides {len(names)} installed distributions",
        subject=folder,
        severity=max(severities, key=SEVERITIES.index),
        detail=f"Before site-packages comes {place}: it hides {listed(names, limit=8)}.",
        evidence=(Evidence("distributions.hidden", listed(names), place),),
        remedy=_off_the_path(context, items[0][0]),
    )


def _hiding(context: Context, item: dict[str, Any], owner: Distribution | None) -> Finding:
    module, file = text(item.get("module")), text(item.get("file"))
    place = _place(item)
    evidence = (Evidence("distributions.hidden", file, place),)
    if not item.get("hides"):
        return _unowned(context, item, evidence)
    version = text(item.get("version"))
    known = str(owner) if owner else text(item.get("hides"))
    says = f" Its sources say {version}." if version else ""
    return fail(
        f"`import {module}` takes {file}, not what is installed",
        subject=module,
        severity=_severity(item, _differs(item, owner)),
        detail=f"Installed is {known}, but {place} comes before it.{says}",
        evidence=(*evidence, *((owner.evidence(),) if owner else ())),
        remedy=_off_the_path(context, item),
    )


def _unowned(context: Context, item: dict[str, Any], evidence: tuple[Evidence, ...]) -> Finding:
    """Something needs a distribution that is not installed, and a directory has its import name."""
    module, file, place = text(item.get("module")), text(item.get("file")), _place(item)
    if item.get("kind") == "namespace":
        title = f"`import {module}` finds a directory without code in {place}"
        detail = f"Nothing of that name is installed; {file} is imported as a namespace."
    else:
        title = f"`import {module}` takes {file}, which belongs to no distribution"
        detail = f"Nothing of that name is installed; {place} has it."
    return fail(
        title,
        subject=module,
        severity="note",
        detail=detail,
        evidence=evidence,
        remedy=remedies.install(context, [module.replace("_", "-")]),
    )


def _place(item: dict[str, Any]) -> str:
    return "PYTHONPATH" if item.get("origin") == "PYTHONPATH" else "the working directory"


def _folder(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[0]


def _differs(item: dict[str, Any], owner: Distribution | None) -> bool:
    version = text(item.get("version"))
    return bool(version and owner and not _same_version(version, owner.version))


def _severity(item: dict[str, Any], other_version: bool) -> str:
    if item.get("checkout") is True:
        return "note"  # a project's own source tree is usually meant
    return "error" if other_version or item.get("kind") == "module" else "warning"


def _same_version(one: str, other: str) -> bool:
    public = one.partition("+")[0]
    same = satisfies(other, f"=={public}")
    labelled = "+" in one and "+" in other and one.partition("+")[2] != other.partition("+")[2]
    return same is not False and not labelled


def _off_the_path(context: Context, item: dict[str, Any]) -> Remedy:
    file = text(item.get("file"))
    folder = _folder(file)
    if item.get("origin") == "PYTHONPATH":
        return remedies.unset(context, "PYTHONPATH", f"Take {folder} off PYTHONPATH")
    return Remedy(f"Rename {file}, or start Python elsewhere (or with -P, from 3.11 on)")


def from_user_site(context: Context) -> Iterator[Finding]:
    """A distribution in the user's site directory hides the one of this environment.

    ## Why it matters
    The user's directory comes first: every Python of this version uses it, conda environments too.
    What was installed into the environment is not what is imported.

    ## Causes
    `pip install --user`, or pip falling back to it where site-packages was not writable. Virtual
    environments are immune.

    ## Remedy
    Set PYTHONNOUSERSITE=1 for this environment, or uninstall the user's copy.

    ## Sources
    Python's documentation of `site`, ENABLE_USER_SITE; PEP 370.
    """
    distributions = installed(context)
    winners = in_use(distributions)
    environment = in_use(one for one in distributions if one.origin not in ("user-site", "cwd"))
    for one in environment.values():
        winner = winners[one.key]
        if winner.origin != "user-site":
            continue
        same = winner.version == one.version
        yield fail(
            f"{winner} in the user's site directory hides {one} of this environment",
            subject=one.name,
            severity="note" if same else "",
            evidence=(
                winner.evidence(),
                one.evidence(),
                *context.evidence("interpreter.user_site.path"),
            ),
            remedy=remedies.export(
                context, "PYTHONNOUSERSITE", "1", "Leave the user's site directory out"
            ),
        )


def startup(context: Context) -> Iterator[Finding]:
    """A `.pth` file slows every start of Python down, or does not work.

    ## Why it matters
    Its `import` lines run whenever this Python starts: every worker, every subprocess, `pip` too.

    ## Causes
    Coverage and tracing tools, import hooks of editable installations, agents of platforms.

    ## Remedy
    Uninstall what brought it, if it is not needed.

    ## Sources
    Python's documentation of `site`. CPU time is measured with `--deep` or `--versions` only.
    """
    items = records(context["distributions.pth"])
    if any(item.get("lines") for item in items) and all(
        item.get("seconds") is None and not item.get("problem") for item in items
    ):
        raise NotApplicable("their cost is measured with --deep or --versions")
    for item in items:
        file, seconds = text(item.get("file")), number(item.get("seconds"))
        evidence = (Evidence("distributions.pth", text(item.get("code")), file),)
        if problem := text(item.get("problem")):
            yield fail(f"{file} {problem}", severity="warning", subject=file, evidence=evidence)
        elif seconds is not None and seconds > _COSTLY:
            yield fail(
                f"{file} costs {seconds * 1000:.0f} ms of CPU at every start of Python",
                subject=file,
                detail=f"It runs `{text(item.get('code'))}`.",
                evidence=evidence,
                remedy=Remedy("Uninstall what brought it, if it is not needed"),
            )


def orphans(context: Context) -> Iterator[Finding]:
    """Something importable in site-packages belongs to no distribution.

    ## Why it matters
    It can be imported, but nothing shows its version, and no tool upgrades or removes it.

    ## Causes
    Files copied by hand, an uninstallation that left files behind, a lost dist-info.

    ## Remedy
    Remove it, or install its distribution.

    ## Sources
    RECORD of every distribution; only with `--deep`.
    """
    if context["distributions.orphans"] is None:
        raise NotApplicable("looked for with --deep")
    leftovers = {text(item.get("path")) for item in records(context.get("distributions.leftovers"))}
    distributions = installed(context)
    found = [path for path in strings(context["distributions.orphans"]) if path not in leftovers]
    for path in found:
        name = canonical(path.replace("\\", "/").rpartition("/")[2].partition(".")[0])
        broken = next((one for one in distributions if one.key == name and one.problems), None)
        yield fail(
            f"{path} belongs to no distribution",
            subject=path,
            cause="PKG101" if broken else "",
            detail=f"The metadata of {broken} is damaged." if broken else "",
            evidence=(Evidence("distributions.orphans", listed(found), "RECORD"),),
            remedy=Remedy("Remove it, or install the distribution that it belongs to"),
        )


CHECKS = (
    Check("IMP101", "PYTHONPATH hides no distribution", "warning", from_path, ("PY001",)),
    Check(
        "IMP102",
        "the working directory hides no distribution",
        "warning",
        from_directory,
        ("PY001",),
    ),
    Check(
        "IMP103",
        "the user's site directory hides no distribution",
        "warning",
        few(from_user_site),
        ("PY001",),
    ),
    Check("IMP104", "start-up files are cheap", "note", startup, ("PY001",)),
    Check("IMP105", "what can be imported has an owner", "note", few(orphans), ("PY001",)),
)
