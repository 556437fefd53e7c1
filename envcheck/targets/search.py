"""Interpreters by name: on PATH, behind pyenv's shims, by version."""

from __future__ import annotations

import os
import sys

from envcheck.config import variable, working_directory
from envcheck.errors import TargetError
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def interpreter(value: str) -> str:
    """The interpreter that ``value`` means: a path, a command on PATH, a version such as 3.12.

    Raises TargetError if there is none.
    """
    if os.sep in value or (os.altsep and os.altsep in value) or os.path.lexists(value):
        return _existing(os.path.abspath(os.path.expanduser(value)), value)
    name = f"python{value}" if value[:1].isdigit() else value
    for file in on_path(name):
        return file
    for file in by_version(name):
        return file
    others = sorted({file for other in ("python3", "python") for file in on_path(other)})
    raise TargetError(
        f"there is no interpreter `{value}`",
        context=tuple(f"on PATH: {file}" for file in others[:5]),
        hint="give the path of one, or a directory with --venv",
    )


def _existing(path: str, said: str) -> str:
    if not os.path.lexists(path):
        raise TargetError(
            f"there is no interpreter {said}: no such file",
            hint="give the path of one, a command on PATH or a version such as 3.12",
        )
    return resolve_shim(path) or path


def on_path(name: str) -> Iterator[str]:
    """Executable files called ``name`` on PATH, shims replaced by what they would run."""
    suffixes = (".exe", "") if sys.platform == "win32" else ("",)
    for folder in variable("PATH").split(os.pathsep):
        for suffix in suffixes:
            file = os.path.join(os.path.abspath(folder), name + suffix)
            if os.path.isfile(file) and os.access(file, os.X_OK) and "WindowsApps" not in folder:
                real = resolve_shim(file)
                if real:
                    yield real


def resolve_shim(file: str) -> str:
    """What a pyenv shim would run in this directory; ``file`` itself if it is none; empty if pyenv
    has no version chosen that has this command.

    A shim is a shell script that costs ten times an interpreter's start.
    """
    shims, name = os.path.split(file)
    root = os.path.dirname(shims)
    if os.path.basename(shims) != "shims" or not os.path.isdir(os.path.join(root, "versions")):
        return file
    for version in _pyenv_versions(root):
        real = os.path.join(root, "versions", version, "bin", name)
        if os.access(real, os.X_OK):
            return real
    return ""


def _pyenv_versions(root: str) -> list[str]:
    """The versions that pyenv has chosen: PYENV_VERSION, ``.python-version``, the global one."""
    chosen = variable("PYENV_VERSION")
    if chosen:
        return [_installed(root, version) for version in chosen.split(":")]
    folder = working_directory()
    files = []
    while True:
        files.append(os.path.join(folder, ".python-version"))
        if folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)
    for file in (*files, os.path.join(root, "version")):
        try:
            with open(file, encoding="utf-8", errors="replace") as stream:
                words = [line.split("#")[0].strip() for line in stream.read(4096).splitlines()]
        except OSError:
            continue
        return [_installed(root, word) for word in words if word]
    return []


def _installed(root: str, version: str) -> str:
    """``3.12`` means the newest 3.12 that is installed."""
    version = version.removeprefix("python-")
    if os.path.isdir(os.path.join(root, "versions", version)) or "/" in version:
        return version
    found = os.listdir(os.path.join(root, "versions"))
    matching = [name for name in found if name.startswith(version + ".")]
    return max(matching, key=_numbers, default=version)


def by_version(name: str) -> Iterator[str]:
    """``python3.12`` or ``python3.12.1`` among the versions that pyenv and uv have installed."""
    version = name.removeprefix("python")
    if not version[:1].isdigit():
        return
    roots = {os.path.dirname(folder) for folder in variable("PATH").split(os.pathsep)}
    roots |= {variable("PYENV_ROOT") or os.path.expanduser("~/.pyenv")}
    data = variable("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    places = [os.path.join(root, "versions") for root in sorted(roots) if root]
    found = []
    for place in (*places, os.path.join(data, "uv", "python")):
        for entry in os.listdir(place) if os.path.isdir(place) else ():
            number = entry.removeprefix("cpython-").split("-")[0]
            file = os.path.join(place, entry, "bin", "python")
            if f"{number}.".startswith(f"{version}.") and os.access(file, os.X_OK):
                found.append((_numbers(number), file))
    yield from (file for _, file in sorted(found, reverse=True))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
