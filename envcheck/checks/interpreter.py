"""PY0xx: the interpreter and the environment it belongs to."""

from __future__ import annotations

from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.model.finding import Finding, Remedy, fail, passed
from envcheck.model.reading import strings
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def starts(context: Context) -> Iterator[Finding]:
    """The environment's own interpreter does not start.

    ## Why it matters
    Nothing in the environment can run: every command fails with "No such file or directory" or
    "required file not found", though the packages are still there.

    ## Causes
    A virtual environment is a link to the Python it was made from. That Python was removed or
    moved: an upgrade by Homebrew, pyenv, uv or the distribution, or a copy from another machine
    or image.

    ## Remedy
    Put an interpreter of the same version back into the environment; its packages stay.

    ## Sources
    Python documentation, `venv`: `home` in `pyvenv.cfg`. Observed: a dangling `bin/python3` exits
    with 127.
    """
    if context["interpreter.starts"] is not False:
        return
    from envcheck.checks import remedies

    version = ".".join(str(context.get("interpreter.version") or "3.12").split(".")[:2])
    prefix = str(context.get("interpreter.prefix") or ".venv")
    reason = str(context.get("interpreter.starts.reason") or "")
    yield fail(
        "the environment's interpreter does not start",
        detail=sentence(reason),
        subject=prefix,
        evidence=context.evidence(
            "interpreter.executable", "interpreter.venv.home", "interpreter.version"
        ),
        remedy=remedies.new_environment(
            context,
            version,
            path=prefix,
            keep=True,
            why=f"Put Python {version} back into the environment; its packages stay",
        ),
        required=True,
    )


def starts_cleanly(context: Context) -> Iterator[Finding]:
    """Python fails while it starts, before any program of yours runs.

    ## Why it matters
    `site` runs the `.pth` files of site-packages and `sitecustomize` at each start. If one of them
    raises or crashes, every program of this environment does.

    ## Causes
    A `.pth` file of a package that was removed, a `sitecustomize.py` that needs something which is
    not there, a damaged native library that such a file loads.

    ## Remedy
    Start with `-v` to see which file it is; reinstall or remove the package that owns it.

    ## Sources
    Python documentation, `site`.
    """
    running(context)
    reason = context.facts.target.get("startup")
    if not isinstance(reason, str) or not reason:
        return
    python = str(context.get("interpreter.executable") or "python")
    from envcheck.checks.remedies import quoted

    yield fail(
        "Python fails while it starts",
        detail=f"{sentence(reason)} It was examined without `site` (-S) instead.",
        evidence=context.evidence("interpreter.executable"),
        remedy=Remedy(
            "See which start-up file fails, then reinstall or remove the package that owns it",
            (f"{quoted(python)} -v -c pass",),
        ),
    )


def start_up_files(context: Context) -> Iterator[Finding]:
    """A start-up file fails each time Python starts.

    ## Why it matters
    Python prints the error and goes on without what the file was for: an editable install that
    cannot be imported, a hook that is not set, a library that is not preloaded.

    ## Causes
    A `.pth` file that a removed package left behind (editable installs do), a `sitecustomize.py`
    that needs a module which is not there, LD_PRELOAD with a library that does not exist.

    ## Remedy
    Remove the file, or reinstall the package that it belongs to.

    ## Sources
    Python documentation, `site`; `ld.so(8)`.
    """
    from envcheck.checks.remedies import unset

    for complaint in strings(context.facts.target.get("complaints")):
        file, separator, reason = complaint.partition(", line ")
        remedy = Remedy("Remove what it names, or reinstall the package that it belongs to")
        if separator and file.endswith(".pth"):
            remedy = Remedy(f"Remove {file}, or reinstall the package that it belongs to")
        elif "LD_PRELOAD" in complaint:
            remedy = unset(context, "LD_PRELOAD", "Correct LD_PRELOAD, or unset it")
        yield fail(
            f"a start-up file fails: {file}" if separator else f"Python complains: {complaint}",
            detail=sentence(f"line {reason}") if separator else "",
            subject=file,
            evidence=context.evidence("interpreter.executable"),
            remedy=remedy,
        )


def venv_version(context: Context) -> Iterator[Finding]:
    """The virtual environment was made for another version of Python than the one that runs.

    ## Why it matters
    The interpreter looks in `lib/pythonX.Y/site-packages` of its own version. What was installed
    for the old one is still on disk and cannot be imported.

    ## Causes
    `bin/python` links to a `python3` that the system replaced by a newer one.

    ## Remedy
    Make the environment anew and install into it again.

    ## Sources
    Python documentation, `venv`: `version` in `pyvenv.cfg`.
    """
    if not context["interpreter.is_venv"]:
        raise NotApplicable("not a virtual environment")
    running(context)
    made, runs = context.get("interpreter.venv.version"), context["interpreter.version"]
    if not isinstance(made, str) or _minor(made) == _minor(str(runs)):
        return
    from envcheck.checks import remedies

    prefix = str(context.get("interpreter.prefix") or ".venv")
    yield fail(
        f"the virtual environment was made for Python {made}, but Python {runs} runs in it",
        detail=f"Packages that were installed for {_minor(made)} cannot be imported.",
        subject=prefix,
        evidence=context.evidence(
            "interpreter.venv.version", "interpreter.version", "interpreter.venv.home"
        ),
        remedy=remedies.new_environment(
            context,
            _minor(str(runs)),
            path=prefix + "-new",
            why="Make a new environment and install into it again",
        ),
    )


def venv_place(context: Context) -> Iterator[Finding]:
    """The virtual environment was moved or copied from where it was made.

    ## Why it matters
    `activate` puts the old directory on PATH, and the console scripts (`pip`, `torchrun`,
    `accelerate`) start the interpreter at the old path: another environment's, or none.

    ## Causes
    `mv`, a copy from a build stage to another path of an image, a renamed project directory.

    ## Remedy
    Make environments where they will stay. Until then call `python -m pip`, `python -m …`.

    ## Sources
    Python documentation, `venv`: "environments are inherently non-portable".
    """
    if not context["interpreter.is_venv"]:
        raise NotApplicable("not a virtual environment")
    if context["interpreter.venv.moved"] is not True:
        return
    named, prefix = context["interpreter.venv.activates"], context["interpreter.prefix"]
    yield fail(
        "the virtual environment is not where it was made",
        detail=f"Its activate script names {named}, but the environment is {prefix}.",
        subject=str(prefix),
        evidence=context.evidence("interpreter.venv.activates", "interpreter.prefix"),
        remedy=Remedy(
            "Make the environment anew where it is to stay; until then start programs with "
            "`python -m NAME`"
        ),
    )


def maintained(context: Context) -> Iterator[Finding]:
    """Security fixes for the Python in use have ended.

    ## Why it matters
    New releases of torch, transformers and most libraries do not install any more; what installs is
    the last release that supported it.

    ## Causes
    An environment or image that was made long ago.

    ## Remedy
    Move to a maintained Python.

    ## Sources
    Status of Python versions, Python Developer's Guide; the date is in the evidence.
    """
    version = _minor(str(context["interpreter.version"]))
    if not context.today:
        raise NotApplicable("the date is not known")
    from envcheck import knowledge

    table = knowledge.table("python_releases")
    row = next((row for row in table["rows"] if row["python"] == version), None)
    if row is None or context.today[:7] <= row["end_of_life"]:
        return
    yield fail(
        f"Python {version} has had no security fixes since {row['end_of_life']}",
        evidence=context.evidence("interpreter.version"),
        source=f"{table['source']}, {table['date']}",
        remedy=Remedy("Plan to move to a maintained Python"),
    )


def native(context: Context) -> Iterator[Finding]:
    """Python is translated from another architecture.

    ## Why it matters
    An x86-64 Python on Apple silicon runs under Rosetta: no MPS device, several times slower, and
    the last torch wheel for it is 2.2.2.

    ## Causes
    Python, conda or the terminal was installed for the other architecture and inherited it.

    ## Remedy
    Install a native Python and make the environment with it.

    ## Sources
    Apple, "About the Rosetta translation environment": `sysctl.proc_translated`. File names of
    torch wheels, November 2026.
    """
    running(context)
    kind = context["interpreter.emulation"]
    if kind is None:
        return
    mac = kind == "rosetta"
    last = ""
    if mac:
        from envcheck import knowledge

        last = knowledge.table("torch_wheels")["macos_x86_64_last"]
    yield fail(
        "Python runs under Rosetta, translated from x86-64"
        if mac
        else "Python runs translated from another architecture",
        detail=f"No MPS device is usable, and the last torch wheel for x86-64 macOS is {last}."
        if mac
        else "Wheels for the machine's own architecture cannot be used.",
        evidence=context.evidence("interpreter.emulation", "host.arch", "interpreter.executable"),
        remedy=Remedy(
            "Install a native (arm64) Python and make the environment with it",
            ("arch -arm64 uv venv --python-preference only-managed --python 3.12",) if mac else (),
        ),
    )


def complete(context: Context) -> Iterator[Finding]:
    """Python was built without a module of the standard library.

    ## Why it matters
    Without `ctypes` torch cannot be imported, without `ssl` nothing can be downloaded; `datasets`,
    `pandas` and `torchvision` import `lzma`, `bz2` and `sqlite3`.

    ## Causes
    Python was compiled (pyenv, asdf) on a machine without the headers: libffi, OpenSSL, xz, bzip2,
    SQLite. The build warns and goes on.

    ## Remedy
    Install the headers and build Python again, or use a prebuilt Python.

    ## Sources
    pyenv wiki, "Suggested build environment".
    """
    running(context)
    missing = strings(context["interpreter.missing_modules"])
    if not missing:
        return
    grave = {"ctypes", "ssl", "zlib"} & set(missing)
    names = ", ".join(missing)
    yield fail(
        f"Python was built without {names}",
        severity="error" if grave else "warning",
        evidence=context.evidence("interpreter.missing_modules", "interpreter.stdlib"),
        remedy=Remedy(
            "Use a prebuilt Python, or install the headers (libffi, openssl, xz, bzip2, sqlite, "
            "zlib) and build this one again",
            ("uv venv --python-preference only-managed",),
        ),
    )


def pip_may_install(context: Context) -> Iterator[Finding]:
    """Whether pip may install into this Python.

    ## Why it matters
    With EXTERNALLY-MANAGED in the standard library pip refuses, to protect the operating system's
    own Python. That is as it should be and no fault of the environment.

    ## Causes
    Debian 12, Ubuntu 23.04, Fedora, Homebrew and uv's own Pythons carry the mark.

    ## Remedy
    Work in a virtual environment. Commands that envcheck prints here do.

    ## Sources
    PEP 668.
    """
    running(context)
    if context["interpreter.externally_managed"]:
        yield passed(
            "this Python belongs to the operating system: install into a virtual environment",
            evidence=context.evidence("interpreter.externally_managed", "interpreter.executable"),
        )


def running(context: Context) -> None:
    """Raise NotApplicable if the environment's interpreter does not start: PY002 says so."""
    if context.get("interpreter.starts") is False:
        raise NotApplicable("the environment's interpreter does not start")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


CHECKS = (
    Check("PY002", "the environment's interpreter starts", "error", starts),
    Check("PY003", "Python starts without errors", "error", starts_cleanly),
    Check(
        "PY004", "the virtual environment belongs to this Python", "error", venv_version, ("PY002",)
    ),
    Check("PY005", "the virtual environment is where it was made", "warning", venv_place),
    Check("PY006", "Python is maintained", "note", maintained),
    Check("PY007", "Python is native to the machine", "warning", native),
    Check("PY008", "the standard library is complete", "warning", complete),
    Check("PY009", "pip may install here", "note", pip_may_install),
    Check("PY011", "start-up files run without errors", "warning", start_up_files),
)
