"""Which Pythons are tested where nobody says: those that are supported, or that a project names."""

from __future__ import annotations

import email.parser
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.errors import DataError
from envcheck.knowledge import table
from envcheck.tomlfile import parse, read

if TYPE_CHECKING:
    import datetime as dt

_METADATA_LIMIT = 4 << 20


def supported(today: dt.date) -> list[str]:
    """Releases of CPython that get security fixes on that day, as far as the table knows."""
    month = today.strftime("%Y-%m")
    rows = table("python_releases")["rows"]
    return [row["python"] for row in rows if row["released"] <= month < row["end_of_life"]]


def of_project(path: str, today: dt.date) -> tuple[list[str], str]:
    """(the Pythons that the project, wheel or sdist at ``path`` names, its Requires-Python).

    One that says how old a Python it takes is tested on all from there, supported or not. What is
    said in no static place, or in no comparable words, is as if it were not said.
    """
    said = requires_python(path)
    try:
        specifier = SpecifierSet(said)
    except InvalidSpecifier:
        specifier, said = SpecifierSet(), ""
    month = today.strftime("%Y-%m")
    released = [r["python"] for r in table("python_releases")["rows"] if r["released"] <= month]
    old = specifier.contains("3.6")  # older than any that could be tested: that is no claim
    candidates = supported(today) if old else released
    chosen = [python for python in candidates if _has_release(python, specifier)]
    return (chosen, said) if chosen else (supported(today), "")


def _has_release(python: str, specifier: SpecifierSet) -> bool:
    """Whether some patch release is allowed: ``>=3.10.5`` allows 3.10."""
    return any(specifier.contains(f"{python}.{patch}") for patch in (0, 1, 5, 10, 20, 99))


def requires_python(path: str) -> str:
    """What ``path`` says of Python in a static place, empty if nothing."""
    return metadata(path).get("Requires-Python", "")


def name_of(path: str) -> str:
    """The distribution's name as it stands in a static place, empty if nowhere."""
    return metadata(path).get("Name", "")


def metadata(path: str) -> dict[str, str]:
    """Name, Version and Requires-Python of a project directory, wheel or sdist, where they are
    static; nothing is run. Raises DataError for a file that is no archive.
    """
    if os.path.isdir(path):
        return _of_directory(path)
    try:
        text = _from_zip(path) if path.endswith((".whl", ".zip")) else _from_tar(path)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    headers = email.parser.Parser().parsestr(text, headersonly=True)
    wanted = ("Name", "Version", "Requires-Python")
    return {name: str(headers[name]) for name in wanted if headers[name]}


def _of_directory(path: str) -> dict[str, str]:
    file = os.path.join(path, "pyproject.toml")
    if not os.path.isfile(file):
        return {}
    project = parse(read(file, file, 1 << 20), file).data.get("project")
    if not isinstance(project, dict):
        return {}
    keys = {"Name": "name", "Version": "version", "Requires-Python": "requires-python"}
    return {k: project[key] for k, key in keys.items() if isinstance(project.get(key), str)}


def _from_zip(path: str) -> str:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, file = name.rpartition("/")
            is_wheel_s = file == "METADATA" and folder.endswith(".dist-info") and "/" not in folder
            if is_wheel_s or (file == "PKG-INFO" and "/" not in folder):
                with archive.open(name) as member:
                    return member.read(_METADATA_LIMIT).decode("utf-8", "replace")
    return ""


def _from_tar(path: str) -> str:
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, file = member.name.rpartition("/")
            if file == "PKG-INFO" and "/" not in folder and member.isfile():
                content = archive.extractfile(member)
                text = content.read(_METADATA_LIMIT) if content else b""
                return text.decode("utf-8", "replace")
    return ""
