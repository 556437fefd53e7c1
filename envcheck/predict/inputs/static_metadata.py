"""What a project, wheel or sdist says of itself in a static place: nothing is run."""

from __future__ import annotations

import ast
import configparser
import email.parser
import lzma
import os
import tarfile
import zipfile
import zlib

from envcheck.errors import DataError
from envcheck.tomlfile import parse, read

LIMIT = 4 << 20  # bytes of METADATA


def metadata(path: str) -> dict[str, str]:
    """Name, Version and Requires-Python of a project directory, wheel or sdist, where they are
    static; nothing is run. Raises DataError for a file that is no archive.
    """
    if os.path.isdir(path):
        return _of_directory(path)
    headers = email.parser.Parser().parsestr(of_archive(path), headersonly=True)
    wanted = ("Name", "Version", "Requires-Python")
    return {name: str(headers[name]) for name in wanted if headers[name]}


def of_archive(path: str) -> str:
    """METADATA of a wheel, PKG-INFO of an sdist; empty without one. Raises DataError."""
    try:
        return _from_zip(path) if path.endswith((".whl", ".zip")) else _from_tar(path)
    except (
        OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, zlib.error,
        lzma.LZMAError, RuntimeError, ValueError,
    ) as error:  # fmt: skip
        raise DataError(f"{path} cannot be read: {error}") from error


def _of_directory(path: str) -> dict[str, str]:
    """Of ``pyproject.toml``, else of ``setup.cfg``, else of the literals in ``setup.py``."""
    found: dict[str, str] = {}
    for file, reader in _READERS.items():
        place = os.path.join(path, file)
        if os.path.isfile(place):
            content = read(place, place, 1 << 20)
            found = reader(content, place) | found
    return found


def _of_pyproject(content: bytes, path: str) -> dict[str, str]:
    data = parse(content, path).data
    project, tool = data.get("project"), data.get("tool")
    if not isinstance(project, dict) and isinstance(tool, dict):
        project = tool.get("poetry")
    if not isinstance(project, dict):
        return {}
    keys = {"Name": "name", "Version": "version", "Requires-Python": "requires-python"}
    return {k: project[key] for k, key in keys.items() if isinstance(project.get(key), str)}


def _of_setup_cfg(content: bytes, path: str) -> dict[str, str]:  # noqa: ARG001
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(content.decode("utf-8", "replace"))
    except configparser.Error:
        return {}
    keys = {
        "Name": ("metadata", "name"),
        "Version": ("metadata", "version"),
        "Requires-Python": ("options", "python_requires"),
    }
    said = {name: parser.get(*place, fallback="").strip() for name, place in keys.items()}
    return {name: value for name, value in said.items() if value and ":" not in value}


def _of_setup_py(content: bytes, path: str) -> dict[str, str]:  # noqa: ARG001
    """What ``setup(…)`` is given as a literal. Nothing is run."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    keys = {"name": "Name", "version": "Version", "python_requires": "Requires-Python"}
    return {
        keys[word.arg]: word.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node.func) == "setup"
        for word in node.keywords
        if word.arg in keys
        and isinstance(word.value, ast.Constant)
        and isinstance(word.value.value, str)
    }


def _called(function: ast.expr) -> str:
    """The last part of a called name."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


#: file -> what reads it; what an earlier one says counts
_READERS = {
    "pyproject.toml": _of_pyproject,
    "setup.cfg": _of_setup_cfg,
    "setup.py": _of_setup_py,
}


def _from_zip(path: str) -> str:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, file = name.rpartition("/")
            is_wheel_s = file == "METADATA" and folder.endswith(".dist-info") and "/" not in folder
            if is_wheel_s or (file == "PKG-INFO" and "/" not in folder):
                with archive.open(name) as member:
                    return member.read(LIMIT).decode("utf-8", "replace")
    return ""


def _from_tar(path: str) -> str:
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, file = member.name.rpartition("/")
            if file == "PKG-INFO" and "/" not in folder and member.isfile():
                content = archive.extractfile(member)
                text = content.read(LIMIT) if content else b""
                return text.decode("utf-8", "replace")
    return ""
