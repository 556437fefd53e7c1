"""PY1xx: where the interpreter looks for modules, and what gets in the way there."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.installed import listed
from envcheck.checks.interpreter import running
from envcheck.checks.specifiers import canonical
from envcheck.model.finding import Evidence, Finding, Remedy, fail
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 8  # names in one sentence
_LIBRARY = 40  # names of standard modules in one folder that are no accident


def shadowed(context: Context) -> Iterator[Finding]:
    """A file hides a module of the standard library.

    ## Why it matters
    The directory of the script and the entries of PYTHONPATH are searched before the standard
    library. A `random.py` there is imported instead of Python's own by everything, torch included;
    what follows are import errors that name the wrong culprit.

    ## Causes
    A script or notebook named after a module, a checkout whose root is on PYTHONPATH.

    ## Remedy
    Rename the file. `python -P` or PYTHONSAFEPATH=1 (Python 3.11 and newer) leaves the script's
    directory out of the search.

    ## Sources
    Python documentation, `sys.path` initialisation and `-P`.
    """
    running(context)
    found = records(context["interpreter.shadows"])
    folders: dict[str, list[str]] = {}
    for record in found:
        folder = text(record.get("file")).replace("\\", "/").rpartition("/")[0]
        folders.setdefault(folder, []).append(text(record.get("module")))
    whole = {folder for folder, modules in folders.items() if len(modules) > _LIBRARY}
    for folder in whole:
        yield fail(
            f"{folder} hides {len(folders[folder])} modules of the standard library",
            severity="error",
            subject=folder,
            detail=f"{listed(folders[folder], limit=_SHOWN)}; it looks like another Python's.",
            evidence=context.evidence("interpreter.pythonpath"),
            remedy=Remedy(f"Take {folder} off PYTHONPATH, or start Python elsewhere"),
        )
    for record in found:
        if text(record.get("file")).replace("\\", "/").rpartition("/")[0] in whole:
            continue
        module, file = str(record.get("module")), str(record.get("file"))
        origin = record.get("origin")
        where = "on PYTHONPATH" if origin == "PYTHONPATH" else "in the working directory"
        detail = f"It is {where}, which is searched before the standard library."
        if origin == "cwd":
            detail = (
                "Programs that are started in this directory, or scripts in it, import it instead "
                "of the standard module."
            )
        yield fail(
            f"{file} hides the standard module {module}",
            detail=detail,
            subject=file,
            evidence=(Evidence("interpreter.shadows", file, str(origin or "")),),
            remedy=Remedy(
                "Rename it"
                if origin == "cwd"
                else "Rename it, or take its directory off PYTHONPATH"
            ),
        )


def user_site(context: Context) -> Iterator[Finding]:
    """Packages from the user's own site directory are visible in this environment.

    ## Why it matters
    `~/.local/lib/pythonX.Y/site-packages` comes before the environment's own site-packages. What
    `pip install --user` once put there wins over what is installed here, for every conda
    environment and system Python of that version. Virtual environments are immune.

    ## Causes
    `pip install --user`, also when pip fell back to it for lack of permission; PYTHONUSERBASE.

    ## Remedy
    Set PYTHONNOUSERSITE=1, or remove the packages from the user site.

    ## Sources
    Python documentation, `site`; PEP 370. Observed: a virtual environment has ENABLE_USER_SITE
    False.
    """
    if not context["interpreter.user_site.enabled"]:
        raise NotApplicable("this environment does not search the user's site directory")
    names = strings(context["interpreter.user_site.distributions"])
    if not names:
        return
    folder = str(context.get("interpreter.user_site.path"))
    hidden = _hidden(context, names, folder)
    conda = bool(context.get("interpreter.is_conda"))
    detail = f"From {folder}, which other environments share: {listed(names, limit=_SHOWN)}."
    if hidden:
        detail += f" They hide what is installed here: {listed(hidden, limit=_SHOWN)}."
    yield fail(
        f"distributions from the user's site directory {'hide' if hidden else 'mix with'} "
        "this environment's",
        severity="warning" if hidden or conda else "note",
        detail=detail,
        subject=folder,
        evidence=context.evidence(
            "interpreter.user_site.path",
            "interpreter.user_site.distributions",
            "interpreter.prefix",
        ),
        remedy=remedies.export(
            context, "PYTHONNOUSERSITE", "1", "Keep the user's site directory out"
        ),
    )


def python_home(context: Context) -> Iterator[Finding]:
    """PYTHONHOME points every Python that is started to another standard library.

    ## Why it matters
    Any Python, of whatever version and environment, then takes its standard library from there. One
    of another version does not start at all: "No module named 'encodings'".

    ## Causes
    A start-up file of the shell, a module system, an application that embeds Python and exports it.

    ## Remedy
    Unset it; virtual environments need none.

    ## Sources
    Python documentation, PYTHONHOME.
    """
    running(context)
    home = context["interpreter.pythonhome"]
    if home is None:
        return
    valid = context["interpreter.pythonhome.valid"]
    base = context.get("interpreter.base_prefix")
    if valid and str(home).split(":")[0].rstrip("/") == base:
        return
    yield fail(
        "PYTHONHOME keeps this Python from starting"
        if not valid
        else "PYTHONHOME points to another Python installation",
        severity="warning" if valid else "error",
        detail=f"PYTHONHOME is {home}; the standard library of this Python is "
        f"{context.get('interpreter.stdlib', 'elsewhere')}.",
        evidence=context.evidence("interpreter.pythonhome", "interpreter.pythonhome.valid"),
        remedy=remedies.unset(context, "PYTHONHOME", "Unset PYTHONHOME"),
    )


def python_path(context: Context) -> Iterator[Finding]:
    """PYTHONPATH holds packages of another Python version.

    ## Why it matters
    Extension modules are built for one version. From another version's site-packages they fail to
    import ("No module named 'numpy._core._multiarray_umath'"), and they win over what is installed.

    ## Causes
    A module system or a start-up file that was written for another Python.

    ## Remedy
    Take the entry off PYTHONPATH.

    ## Sources
    Python documentation, PYTHONPATH.
    """
    entries = context["interpreter.pythonpath"]
    if not isinstance(entries, list):
        return
    own = ".".join(str(context["interpreter.version"]).split(".")[:2])
    for entry in entries:
        other = _python_of(str(entry))
        if other and other != own:
            yield fail(
                f"PYTHONPATH holds packages for Python {other}, this is {own}",
                subject=str(entry),
                evidence=context.evidence("interpreter.pythonpath", "interpreter.version"),
                remedy=Remedy(f"Take {entry} off PYTHONPATH"),
            )


def _python_of(entry: str) -> str:
    """``3.9`` for ``…/python3.9/site-packages`` or a standard library; else empty."""
    parts = entry.replace("\\", "/").rstrip("/").split("/")
    for index, part in enumerate(parts):
        version = part[len("python") :]
        following = parts[index + 1 : index + 2]
        if not part.startswith("python") or version.count(".") != 1:
            continue
        if version.replace(".", "").isdigit() and following in (
            [],
            ["site-packages"],
            ["dist-packages"],
            ["lib-dynload"],
        ):
            return version
    return ""


def _hidden(context: Context, names: list[str], folder: str) -> list[str]:
    """``name==version`` of distributions of this environment that one in the user site hides."""
    above = {canonical(name.partition("==")[0]) for name in names}
    hidden = []
    for record in records(context.get("distributions.installed")):
        name = text(record.get("name"))
        first = record.get("shadowed") is False  # a virtual environment's own come before
        if canonical(name) in above and record.get("location") != folder and not first:
            hidden.append(f"{name}=={record.get('version')}")
    return sorted(hidden)


CHECKS = (
    Check("PY101", "nothing hides the standard library", "warning", shadowed),
    Check(
        "PY102", "no packages come from the user's site directory", "note", user_site, ("PY002",)
    ),
    Check("PY103", "PYTHONHOME does no harm", "error", python_home),
    Check("PY104", "PYTHONPATH fits this Python", "warning", python_path),
)
