"""What a command of a Dockerfile installs: by pip, uv, poetry, pdm, pipenv, or a system's package
manager. Options are those of pip 26, uv 0.13, Poetry 2, PDM 2 and pipenv 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from envcheck.predict.inputs.poetry_constraints import specifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kind = Literal["requirements", "lock", "system", "remove", "python", "rust", "other"]

#: option -> its long name; a value follows
_VALUED = {
    "-r": "requirement", "--requirement": "requirement", "--requirements": "requirement",
    "-c": "constraint", "--constraint": "constraint", "--constraints": "constraint",
    "-e": "editable", "--editable": "editable",
    "-i": "index-url", "--index-url": "index-url", "--default-index": "index-url",
    "--pypi-url": "index-url", "--extra-index-url": "extra-index-url", "--index": "extra-index-url",
    "-f": "find-links", "--find-links": "find-links",
    "--no-binary": "no-binary", "--only-binary": "only-binary",
    "--no-binary-package": "no-binary", "--no-build-package": "only-binary",
    "--exclude-newer": "exclude-newer", "--prerelease": "prerelease", "--extra": "extra",
    "-E": "extra", "--extras": "extra", "--group": "group", "-G": "group", "--only-group": "only",
    "--with": "group", "--without": "no-group", "--no-group": "no-group", "--only": "only",
    "--python": "python", "-p": "python", "--python-version": "python", "--package": "package",
    "-o": "output", "--output": "output", "--output-file": "output", "-P": "project",
    "--project": "project", "--directory": "project", "-C": "project",
    "--torch-backend": "torch-backend", "--name": "ignored",
} | dict.fromkeys(
    (
        "-t", "--target", "--prefix", "--root", "--platform", "--implementation", "--abi", "--src",
        "--upgrade-strategy", "--cache-dir", "--trusted-host", "--cert", "--client-cert", "--proxy",
        "--timeout", "--default-timeout", "--retries", "--log", "--progress-bar", "--report",
        "--config-settings", "--config-setting", "--global-option", "--build-option", "-w", "-d",
        "--exists-action", "--root-user-action", "--use-feature", "--use-deprecated", "--format",
        "--link-mode", "--index-strategy", "--resolution", "--keyring-provider",
        "--refresh-package", "--allow-insecure-host", "--upgrade-package", "--wheel-dir", "--dest",
        "--config-file", "--directory-name", "--no-install-package", "--color", "--fork-strategy",
        "--python-platform",
    ),
    "ignored",
)  # fmt: skip
_FLAGS = {
    "--pre": "pre", "--no-deps": "no-deps", "--no-index": "no-index", "--dev": "dev", "-d": "dev",
    "--no-dev": "no-dev", "--prod": "no-dev", "--production": "no-dev",
    "--all-extras": "all-extras",
    "--all-groups": "all-groups", "--no-default-groups": "no-dev", "--only-dev": "only-dev",
    "--no-build": "no-build", "--with-dev": "dev", "--all": "all-packages",
    "--all-packages": "all-packages", "--require-hashes": "require-hashes",
    "--ignore-requires-python": "ignore-requires-python", "--system": "system", "-U": "upgrade",
}  # fmt: skip
#: what only installs other things: left out of the question
TOOLS = frozenset({
    "pip", "setuptools", "wheel", "uv", "poetry", "poetry-core", "poetry-plugin-export", "pdm",
    "pipenv", "pipx", "virtualenv", "pip-tools", "build", "hatch", "rye", "twine",
})  # fmt: skip
_WRAPPERS = {"sudo": "-u", "nice": "-n", "timeout": "", "exec": "", "command": "", "nohup": "",
             "env": "-u", "time": "", "retry": "", "xargs": "-n"}  # fmt: skip
_PIP = re.compile(r"pip(3|2)?(\.\d+)?(\.exe)?$")
_PYTHON = re.compile(r"(?:python|pypy)(?P<version>3(?:\.\d+)?|2(?:\.\d+)?)?(\.exe)?$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_MANAGERS = {
    "apt-get": "debian", "apt": "debian", "aptitude": "debian", "apk": "alpine", "dnf": "fedora",
    "yum": "fedora", "microdnf": "fedora", "tdnf": "fedora", "zypper": "suse", "pacman": "arch",
}  # fmt: skip
_ADDING = ("install", "add", "in", "-S", "-Sy", "-Syu", "localinstall", "groupinstall")
_REMOVING = ("remove", "purge", "del", "erase", "autoremove", "-R", "-Rs")


class Install(NamedTuple):
    """``words``: requirements, projects and archives of pip; packages of a ``system``; a version
    of ``python``. ``options``: long name -> values. ``manager``: ``uv`` …, or ``debian`` ….
    ``python``: the version of the interpreter that is named, as ``3.11``; empty if none is.
    """

    kind: Kind
    manager: str
    words: tuple[str, ...] = ()
    options: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - never changed
    python: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        """Of an option, or of a flag, which has one empty value; none without it."""
        return self.options.get(name, ())

    def has(self, name: str) -> bool:
        """Whether an option or flag is given."""
        return name in self.options


def variables(words: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """(assignments before a command, the command without them and without what starts it)."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        if _ASSIGNMENT.match(rest[0]):
            name, _, value = rest.pop(0).partition("=")
            found[name] = value
        elif rest[0] in _WRAPPERS:
            valued = _WRAPPERS[rest.pop(0)]
            while rest and (rest[0].startswith("-") or rest[0].replace(".", "").isdigit()):
                if rest.pop(0) == valued and rest:
                    rest.pop(0)
        else:
            break
    return found, tuple(rest)


def of_command(words: Sequence[str]) -> Install | None:
    """What a command installs; None if it installs nothing that is known of."""
    if not words:
        return None
    program, rest = words[0].replace("\\", "/").rpartition("/")[2], list(words[1:])
    python = ""
    if found := _PYTHON.match(program):
        python = found["version"] or ""
        if rest[:1] and rest[0] in ("-I", "-u", "-B", "-E", "-s"):
            rest = rest[1:]
        if rest[:2] and rest[0] == "-m" and len(rest) > 1:
            program, rest = rest[1], rest[2:]
        elif rest[:1] and rest[0].rpartition("/")[2] == "setup.py":
            return Install("other", "setup.py", tuple(rest[1:]))
        else:
            return None
    if match := _PIP.match(program):
        digits = f"{match[1] or ''}{match[2] or ''}"
        return _pip(rest, python or (digits if "." in digits else ""))
    if program in _MANAGERS:
        return _system(_MANAGERS[program], rest)
    if program in ("conda", "mamba", "micromamba"):
        return _conda(program, rest)
    readers = {"uv": _uv, "poetry": _poetry, "pdm": _pdm, "pipenv": _pipenv}
    if program in readers:
        return readers[program](rest)
    if program in ("pipx", "easy_install", "easy_install3", "hatch", "pip-sync"):
        return Install("other", program, tuple(rest))
    if program in ("rustup", "rustup-init", "rustup-init.sh") or any(
        "rustup" in one for one in words
    ):
        return Install("rust", program)
    return None


def _split(
    words: Iterable[str], own: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, list[str]]]:
    """(words, options) of a command. ``own``: what its options mean otherwise; ``flag`` has none
    of a value.
    """
    found: list[str] = []
    options: dict[str, list[str]] = {}
    rest = list(words)
    valued = {**_VALUED, **(own or {})}
    while rest:
        word = rest.pop(0)
        if word == "--":
            found += rest
            break
        if not word.startswith("-") or word == "-":
            found.append(word)
            continue
        name, equals, value = word.partition("=")
        if len(word) > 2 and word[0] != word[1] and word[:2] in valued and not equals:
            name, equals, value = word[:2], "=", word[2:]
        if valued.get(name, "flag") != "flag":
            if not equals and rest:
                value = rest.pop(0)
            options.setdefault(valued[name], []).append(value)
        elif name in _FLAGS:
            options.setdefault(_FLAGS[name], []).append("")
    return found, options


def _made(
    kind: Kind, manager: str, words: Iterable[str], options: dict[str, list[str]], python: str = ""
) -> Install:
    kept = {name: tuple(values) for name, values in options.items() if name != "ignored"}
    said = kept.get("python", ("",))[-1]
    if match := re.search(r"(\d+\.\d+(?:\.\d+)?t?)", said):
        python = match[1]
    return Install(kind, manager, tuple(words), kept, python)


def _pip(rest: list[str], python: str) -> Install | None:
    words, options = _split(rest, {"-C": "ignored"})
    if words[:1] == ["config"]:
        return _pip_config(words)
    if words[:1] and words[0] in ("install", "wheel", "download"):
        return _made("requirements", "pip", words[1:], options, python)
    return None


def _pip_config(words: list[str]) -> Install | None:
    """``pip config set global.index-url …`` holds for what comes later."""
    if words[:2] == ["config", "set"] and len(words) >= 4:
        name = words[2].partition(".")[2]
        return Install("other", "pip-config", tuple(words[3:]), {name: tuple(words[3:])})
    return None


def _uv(rest: list[str]) -> Install | None:
    own = {"-C": "ignored", "-P": "ignored", "-w": "ignored", "--with": "ignored"}
    words, options = _split(rest, own)
    start = words[:2]
    if start in (["pip", "install"], ["pip", "sync"]):
        if start[1] == "sync":
            options.setdefault("requirement", []).extend(words[2:])
            words = words[:2]
        return _made("requirements", "uv", words[2:], options)
    if words[:1] == ["sync"]:
        return _made("lock", "uv", (), options)
    if words[:1] == ["run"]:  # brings the environment up to date first
        options = _split(_until_command(rest[1:]), own)[1]
        return None if "--no-sync" in rest else _made("lock", "uv", (), options)
    if words[:1] == ["add"]:
        return _made("requirements", "uv", words[1:], options)
    if words[:1] == ["export"]:
        return _made("lock", "uv", ("export",), options)
    if words[:1] == ["venv"] or start in (["python", "install"], ["python", "pin"]):
        said = words[2:3] if words[0] == "python" else options.get("python", [])
        return _made("python", "uv", said, {"python": list(said)}) if said else None
    if start in (["tool", "install"], ["tool", "run"]):
        return Install("other", "uv tool", tuple(words[2:]))
    return None


def _until_command(words: list[str]) -> list[str]:
    """The options of ``uv run`` itself, which end where the command begins."""
    found: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        found.append(rest.pop(0))
        if found[-1] in _VALUED and rest:
            found.append(rest.pop(0))
    return found


def _poetry(rest: list[str]) -> Install | None:
    words, options = _split(rest, {"-f": "ignored", "-P": "project"})
    options = {name: _listed(values) for name, values in options.items()}
    if words[:1] and words[0] in ("install", "sync"):
        return _made("lock", "poetry", (), options)
    if words[:1] == ["export"]:
        options.setdefault("no-dev", [""])
        return _made("lock", "poetry", ("export",), options)
    if words[:1] == ["add"]:
        return _made("requirements", "poetry", map(_standard, words[1:]), options)
    return None


def _standard(word: str) -> str:
    """``name@^1.2`` of `poetry add` as PEP 508."""
    name, at, constraint = word.partition("@")
    if not at or "://" in word or constraint == "latest":
        return name if constraint == "latest" else word
    try:
        return f"{name}{specifier(constraint)[0]}"
    except ValueError:
        return word


def _pdm(rest: list[str]) -> Install | None:
    words, options = _split(rest, {"-d": "flag", "-p": "project", "-f": "ignored"})
    options = {name: _listed(values) for name, values in options.items()}
    if words[:1] and words[0] in ("install", "sync"):
        return _made("lock", "pdm", (), options)
    if words[:1] == ["export"]:
        return _made("lock", "pdm", ("export",), options)
    return _made("requirements", "pdm", words[1:], options) if words[:1] == ["add"] else None


def _pipenv(rest: list[str]) -> Install | None:
    words, options = _split(rest, {"-d": "flag"})
    if words[:1] == ["install"] and words[1:]:
        return _made("requirements", "pipenv", words[1:], options)
    if words[:1] and words[0] in ("install", "sync"):
        return _made("lock", "pipenv", (), options)
    if words[:1] == ["requirements"]:
        return _made("lock", "pipenv", ("export",), options)
    return None


def _listed(values: list[str]) -> list[str]:
    """Poetry and PDM take several in one value."""
    return [word for value in values for word in re.split(r"[\s,]+", value) if word or not value]


def _conda(program: str, rest: list[str]) -> Install | None:
    words = [word for word in rest if not word.startswith("-")]
    if rest[:1] == ["run"]:  # of pip, in an environment
        for place, word in enumerate(rest):
            if _PIP.match(word) or _PYTHON.match(word):
                return of_command(rest[place:])
        return None
    if words[:1] and words[0] in ("install", "create"):
        for word in words[1:]:
            if match := re.match(r"python=+(\d+\.\d+(?:\.\d+)?)", word):
                return Install("python", program, (match[1],), {}, match[1])
        return Install("other", program, tuple(words[1:]))
    if words[:2] == ["env", "create"] or words[:2] == ["env", "update"]:
        return Install("other", program, tuple(words[2:]))
    return None


def _system(manager: str, rest: list[str]) -> Install | None:
    """Packages of a system, without the versions that are pinned."""
    action = next((word for word in rest if word in (*_ADDING, *_REMOVING)), "")
    if not action:
        return None
    words: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    after = rest[rest.index(action) + 1 :]
    while after:
        word = after.pop(0)
        if word in ("--virtual", "-t") and after:
            options["virtual"] = (after.pop(0),)
        elif word.startswith("-"):
            if word == "--no-install-recommends":
                options["no-recommends"] = ("",)
        else:
            words.append(re.split(r"[=<>~]", word, maxsplit=1)[0])
    if "--no-install-recommends" in rest:
        options["no-recommends"] = ("",)
    kind: Kind = "remove" if action in _REMOVING else "system"
    return Install(kind, manager, tuple(words), options)
