"""An environment whose own interpreter does not start, described from its files."""

import os

from ..protocol import IS_WINDOWS, command

_NOT_RUNNING = "the environment's interpreter does not start; the agent ran under another Python"
_RUNTIME = (
    ("bits", "compiler", "debug", "gil", "soabi", "cache_tag", "tags", "free_threaded", "abi")
    + ("base_prefix", "stdlib", "emulation", "shadows", "missing_modules", "externally_managed")
    + ("pythonhome", "pythonhome.valid")
)


def collect(facts, where):
    """What the files tell; what only a running interpreter knows is unknown."""
    for name in _RUNTIME:
        facts.unknown(name, _NOT_RUNNING)
    config = where.config or {}
    file = os.path.join(where.prefix, "pyvenv.cfg")
    version = facts.value("venv.version") or _version_of(where.site)
    if version:
        facts.known("version", version, file if facts.value("venv.version") else where.site[0])
    else:
        facts.unknown("version", "pyvenv.cfg does not say it and there is no lib/pythonX.Y")
    if config.get("implementation"):
        facts.known("implementation", config["implementation"], file)
    else:
        facts.unknown("implementation", _NOT_RUNNING)
    executable = _executable(where.prefix)
    facts.found("executable", executable, where.prefix)
    reason = why_not(executable, config, where.prefix)
    facts.known("starts", not reason, executable or where.prefix)
    facts.found("starts.reason", reason or None)


def why_not(executable, config, prefix):
    """Why the environment's interpreter does not start; empty if it does."""
    home = config.get("home", "")
    gone = home and not os.path.isdir(home)
    if executable is None:
        return "there is no interpreter in %s" % os.path.join(prefix, _scripts())
    missing = _dangling(executable)
    if missing:
        return "%s leads to %s, which does not exist" % (executable, missing) + (
            "; nor does %s, the home in pyvenv.cfg" % home if gone else ""
        )
    outcome = command([executable, "-I", "-S", "-c", "pass"], 5.0).wait()
    if outcome.ok:
        return ""
    if gone:
        return "%s, the home in pyvenv.cfg, does not exist" % home
    said = outcome.text_err().splitlines()
    return outcome.reason(executable) + (
        ": " + said[-1] if said and outcome.status == "exit" else ""
    )


def _scripts():
    return "Scripts" if IS_WINDOWS else "bin"


def _executable(prefix):
    """The environment's interpreter, even if it is a link to nothing."""
    names = ("python.exe",) if IS_WINDOWS else ("python", "python3")
    for name in names:
        path = os.path.join(prefix, _scripts(), name)
        if os.path.lexists(path):
            return path
    return None


def _dangling(path):
    """The first file in a chain of symbolic links that does not exist; None if all do."""
    for _ in range(40):
        if not os.path.islink(path):
            return None if os.path.exists(path) else path
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return path


def _version_of(site):
    """``3.11`` out of ``…/lib/python3.11/site-packages``; None if it has another form."""
    for folder in site:
        name = os.path.basename(os.path.dirname(folder))
        digits = name.lstrip("abcdefghijklmnopqrstuvwxyz").rstrip("t")
        if digits.count(".") == 1 and digits.replace(".", "").isdigit():
            return digits
    return None
