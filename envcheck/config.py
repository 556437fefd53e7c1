"""Settings and the environment: the one place of host code that reads ``os.environ``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from envcheck.typed import Any, NamedTuple


def working_directory() -> str:
    """The working directory; the root of the file system where it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return os.path.abspath(os.sep)


def variable(name: str) -> str:
    """An environment variable, empty if unset."""
    return os.environ.get(name, "")


def that_matters() -> list[tuple[str, str]]:
    """Variables on which what indexes are asked, and how it is shown, may depend."""
    prefixes = ("PIP_", "UV_", "ENVCHECK_", "XDG_", "SSL_", "LC_")
    names = {
        "HOME", "USERPROFILE", "APPDATA", "PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "NETRC", "LANG",
        "COLUMNS", "TERM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE", "GITHUB_ACTIONS", "PYTHONIOENCODING", "PYTHONUTF8",
    }  # fmt: skip
    return sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.upper() in names or name.startswith(prefixes)
    )


def cache_dir() -> str:
    """Where envcheck keeps what it can make again: `ENVCHECK_CACHE_DIR`, else the user's cache."""
    chosen = variable("ENVCHECK_CACHE_DIR")
    if chosen:
        return chosen
    if sys.platform == "win32":
        return os.path.join(
            variable("LOCALAPPDATA") or os.path.expanduser("~"), "envcheck", "cache"
        )
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/envcheck")
    base = variable("XDG_CACHE_HOME")
    if not os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "envcheck")


def data_dir() -> str:
    """Where envcheck keeps what cannot be made again, such as runs: `ENVCHECK_DATA_DIR`, else where
    the user's programs keep such things.
    """
    chosen = variable("ENVCHECK_DATA_DIR")
    if chosen:
        return chosen
    if sys.platform == "win32":
        return os.path.join(variable("LOCALAPPDATA") or os.path.expanduser("~"), "envcheck", "data")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/envcheck")
    base = variable("XDG_DATA_HOME")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.local/share")
    return os.path.join(base, "envcheck")


def identity() -> tuple[str, str, str]:
    """Home directory, user name and host name of this process: what ``redact`` hides."""
    home = os.path.expanduser("~")
    user = variable("USER") or variable("LOGNAME") or variable("USERNAME")
    host = os.uname().nodename if hasattr(os, "uname") else variable("COMPUTERNAME")
    return ("" if home == "~" else home), user, host


class Settings(NamedTuple):
    """What holds for one command, from all sources; a later one replaces what an earlier said."""

    profile: tuple[str, ...] = ()
    fail_on: str = "error"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    color: str = "auto"
    want: tuple[str, ...] = ()
    timeout: float = 0.0
    paths: tuple[tuple[str, str], ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    matrix_backend: str = "auto"
    matrix_jobs: int = 0
    matrix_store: str = ""
    matrix_index_url: str = ""
    matrix_extra_index_url: tuple[str, ...] = ()
    matrix_find_links: tuple[str, ...] = ()
    sources: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()

    def source(self, name: str) -> str:
        """Who said so: `default`, `pyproject.toml:12`, `ENVCHECK_FAIL_ON` or `command line`."""
        return self.sources.get(name, "default")


#: setting -> (how it is read, what it is). In TOML its name has hyphens; those of the matrix
#: stand in the table ``matrix``, without that prefix.
SETTINGS: dict[str, tuple[str, str]] = {
    "profile": ("names", "profiles by name or file; in TOML also the project's own as a table"),
    "fail-on": ("note warning error never", "lowest severity of a finding that exits with 1"),
    "select": ("words", "only these codes or families"),
    "ignore": ("words", "not these codes or families"),
    "report": ("reports", "reports to write, FORMAT[:PATH]"),
    "color": ("auto always never", "whether to colour"),
    "want": ("wants", "what is wanted of the environment: cuda, extensions, no-cuda …"),
    "timeout": ("seconds", "for the whole collection"),
    "paths": ("places", "further places whose disk matters, by label"),
    "images": ("images", "base images of the matrix by os, `{python}` stands for the version"),
    "matrix-backend": ("auto docker interpreters", "what hosts the cells of a matrix"),
    "matrix-jobs": ("count", "cells of a matrix that are worked on at once"),
    "matrix-store": ("path", "where runs of matrices are kept"),
    "matrix-index-url": ("text", "the package index of matrices"),
    "matrix-extra-index-url": ("words", "further indexes of matrices"),
    "matrix-find-links": ("words", "directories of wheels, or pages that link to them"),
}
TABLES = ("matrix",)  # in TOML; elsewhere their names are prefixes
PREFIX = "ENVCHECK_"
OTHER_VARIABLES = ("ENVCHECK_CACHE_DIR", "ENVCHECK_DATA_DIR")


def resolve(command_line: Mapping[str, Any], cwd: str) -> Settings:
    """Settings as default < ``[tool.envcheck]`` < ``ENVCHECK_*`` < command line.

    ``command_line`` has what was said there by setting, with underscores; None is not said.
    Raises DataError for the project's file, UsageError for the others.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    notes = []
    project = project_file(cwd)
    if project is not None:
        from envcheck.project import read

        for name, (value, source) in read(*project, cwd).items():
            values[name], sources[name] = value, source
    for variable_name, text in os.environ.items():
        if not variable_name.startswith(PREFIX) or variable_name in OTHER_VARIABLES:
            continue
        key = variable_name[len(PREFIX) :].lower().replace("_", "-")
        if key not in SETTINGS:
            notes.append(_unknown_variable(variable_name))
        elif text:
            values[key], sources[key] = _said(key, text.split(","), variable_name), variable_name
    for name, said in command_line.items():
        if said is not None:
            key = name.replace("_", "-")
            option = f"--{key.removeprefix('matrix-')}"
            values[key], sources[key] = _said(key, said, option), "command line"
    fields = {name.replace("-", "_"): value for name, value in values.items()}
    named = {name.replace("-", "_"): source for name, source in sources.items()}
    return Settings(**fields, sources=named, notes=tuple(notes))


def project_file(cwd: str) -> tuple[str, bytes] | None:
    """The nearest ``pyproject.toml`` upwards that speaks of envcheck: (path, content).

    A file that does not speak of envcheck is not parsed, and need not be TOML.
    """
    for path in project_files(cwd):
        content = b""
        try:
            if os.path.isfile(path):  # a pipe would be waited for
                with open(path, "rb") as file:
                    content = file.read(_PROJECT_LIMIT)
        except OSError:
            pass
        if b"tool.envcheck" in content or b"tool]\nenvcheck" in content:
            return path, content
    return None


def project_files(cwd: str) -> Iterator[str]:
    """Where ``pyproject.toml`` is looked for: no further than the root of the repository, the home
    directory or the file system's root.
    """
    folder = os.path.abspath(cwd)
    home = os.path.expanduser("~")
    while True:
        yield os.path.join(folder, "pyproject.toml")
        parent = os.path.dirname(folder)
        if folder in (parent, home) or os.path.exists(os.path.join(folder, ".git")):
            return
        folder = parent


_PROJECT_LIMIT = 1 << 20


def interpret(key: str, said: object) -> Any:
    """The value of setting ``key`` from what was said. Raises ValueError with what is wrong."""
    kind = SETTINGS[key][0]
    if kind in _READERS:
        read, takes_one = _READERS[kind]
        return read(said[0] if takes_one and isinstance(said, list) and len(said) == 1 else said)
    words = [said] if isinstance(said, str) else said
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise ValueError("expected a string or a list of strings")
    if kind in ("words", "wants"):
        words = [part for word in words for part in word.split(",")]
    words = [word.strip() for word in words if word.strip()]
    if kind == "wants":
        from envcheck.model.condition import WANTS

        _each_of(words, tuple(WANTS))
    elif kind not in ("words", "names", "reports"):
        _each_of(words, tuple(kind.split()))
        if len(words) != 1:
            raise ValueError(f"expected one of {', '.join(kind.split())}")
        return words[0]
    return tuple(words)


def _said(key: str, said: object, where: str) -> Any:
    try:
        return interpret(key, said)
    except ValueError as error:
        from envcheck.errors import UsageError

        raise UsageError(f"{where}: {error}") from error


def _seconds(said: object) -> float:
    try:
        seconds = float(said) if isinstance(said, (str, int, float)) else -1.0
    except (ValueError, OverflowError):
        seconds = -1.0
    if isinstance(said, bool) or not 0 < seconds < 1e6:
        raise ValueError(f"expected a number of seconds, not {said!r}")
    return seconds


def _count(said: object) -> int:
    text = str(said)
    if isinstance(said, (bool, float)) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"expected a number, not {said!r}")
    if not 0 < len(text) < 5 or not int(text):
        raise ValueError(f"expected a number from 1 to 9999, not {text[:20]}")
    return int(text)


def _text(said: object) -> str:
    if not isinstance(said, str) or not said or "\0" in said:
        raise ValueError("expected one string")
    return said


def _places(said: object) -> tuple[tuple[str, str], ...]:
    return _pairs(said, "expected a path for each label, such as output=/data/run1")


def _images(said: object) -> tuple[tuple[str, str], ...]:
    return _pairs(said, "expected a reference for each os, such as slim=python:{python}-slim")


def _pairs(said: object, problem: str) -> tuple[tuple[str, str], ...]:
    if isinstance(said, Mapping):
        pairs = list(said.items())
    elif isinstance(said, (list, tuple)):
        pairs = [word.partition("=")[::2] if isinstance(word, str) else ("", "") for word in said]
    else:
        pairs = [("", "")]
    for label, word in pairs:
        if not (label and isinstance(word, str) and word) or "=" in label or "\0" in label + word:
            raise ValueError(problem)
    return tuple(pairs)


#: kind -> (function, whether it takes one value, which in a variable is a list of one)
_READERS: dict[str, tuple[Any, bool]] = {
    "seconds": (_seconds, True),
    "count": (_count, True),
    "text": (_text, True),
    "path": (_text, True),
    "places": (_places, False),
    "images": (_images, False),
}


def _each_of(words: list[str], choices: tuple[str, ...]) -> None:
    for word in words:
        if word not in choices:
            from envcheck.errors import did_you_mean

            named = f": {', '.join(choices)}" if len(choices) < 8 else ""
            raise ValueError(f"`{word[:80]!s}` is not known{did_you_mean(word, choices)}{named}")


def _unknown_variable(name: str) -> str:
    from envcheck.errors import did_you_mean

    known = [PREFIX + key.upper().replace("-", "_") for key in SETTINGS]
    return f"{name[:80]} is not a setting{did_you_mean(name, known)}; it is ignored"
