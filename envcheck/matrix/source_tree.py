"""A project's directory as one archive that can be handed to a cell.

What belongs to the project, not what happens to lie there: what git knows or would take, else
all but the usual products of tools. Nothing outside of the directory gets in.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import tarfile
import time
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envcheck.errors import DataError
from envcheck.predict.inputs.static_metadata import metadata
from envcheck.process import run
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 256 << 20
MOST_FILES = 50_000
GIT_SECONDS = 60.0
#: repositories of strangers may not start programs
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
#: zip knows no time before 1980, and builds make zips with the times of what they find
_TIME = 315_619_200
_PRODUCTS = {
    ".git", ".hg", ".svn", "__pycache__", ".tox", ".nox", ".venv", "venv", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", ".hypothesis", ".eggs", "node_modules", ".idea", ".vscode",
}  # fmt: skip
_SECRETS = re.compile(r"(\.env|\.netrc|\.pypirc|id_[a-z0-9]+|.*\.pem|.*\.key)$")
_SCM = (
    "use_scm_version",
    "setuptools_scm",
    "setuptools-scm",
    "hatch-vcs",
    "vcs-versioning",
    "versioningit",
)


def archive(folder: str) -> tuple[str, str, bytes]:
    """(canonical name or empty, file name, content) of a ``.tar.gz`` of the project in ``folder``.

    The same files give the same bytes. A version that comes from git's tags is written into a
    ``PKG-INFO``, as in an sdist: there is no git in a cell. Raises DataError.
    """
    static = metadata(folder)
    name = canonicalize_name(static.get("Name", ""))
    version = _valid(static.get("Version", "")) or (
        scm_version(folder) if wants_scm(folder) else ""
    )
    stem = (name or _word(folder)).replace("-", "_")
    if name and version:  # uv believes both in a file's name, so that none may be guessed
        stem += f"-{_word(version)}"
    files = list(_members(folder))
    sink = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for relative, content, mode in files:
            _add(tar, f"{stem}/{relative}", content, mode)
        if version and not static.get("Version") and not _has(files, "PKG-INFO"):
            text = f"Metadata-Version: 2.1\nName: {name or _word(folder)}\nVersion: {version}\n"
            _add(tar, f"{stem}/PKG-INFO", text.encode(), 0o644)
    return name, f"{stem}.tar.gz", sink.getvalue()


def _valid(version: str) -> str:
    """A version as a file's name may have it, empty if it is none."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return ""


def _has(files: list[tuple[str, bytes | str, int]], name: str) -> bool:
    return any(relative == name for relative, _, _ in files)


def _word(text: str) -> str:
    """The last part of a path, or a version, as a word that may stand in a file's name."""
    return re.sub(r"[^A-Za-z0-9.+!]+", "_", os.path.basename(os.path.abspath(text)))


def _add(tar: tarfile.TarFile, name: str, content: bytes | str, mode: int) -> None:
    """A file, or if ``content`` is text a symbolic link to that."""
    member = tarfile.TarInfo(name)
    member.mtime, member.mode = _TIME, mode
    if isinstance(content, str):
        member.type, member.linkname = tarfile.SYMTYPE, content
        tar.addfile(member)
    else:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def _members(folder: str) -> Iterator[tuple[str, bytes | str, int]]:
    """(path below ``folder``, content or target of a link, mode), sorted."""
    root = os.path.realpath(folder)
    size = 0
    for number, relative in enumerate(sorted(_listed(folder)), 1):
        path = os.path.join(folder, relative)
        size += _size(path)
        if number > MOST_FILES or size > MOST_BYTES:
            raise DataError(
                f"the project {printable(folder)} is too large to be copied into cells:"
                f" more than {MOST_BYTES >> 20} MiB or {MOST_FILES} files",
                hint="what does not belong to it goes into .gitignore; or build an sdist or a"
                " wheel, and give that",
            )
        if os.path.islink(path):
            target = os.path.realpath(path)
            if not os.path.exists(target):
                continue  # a build cannot use it either
            if os.path.commonpath((target, root)) != root:
                raise DataError(
                    f"the project {printable(folder)} cannot be copied into cells:"
                    f" the link {printable(relative)} points out of it",
                    hint="copy what it points to into the project, or build an sdist or a wheel,"
                    " and give that",
                )
            if os.path.isdir(target):
                yield relative, os.path.relpath(target, os.path.realpath(os.path.dirname(path))), 0
                continue
            path = target
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            yield relative, _content(path), 0o755 if status.st_mode & 0o100 else 0o644


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {printable(path)}: {error.strerror}") from error


def _listed(folder: str) -> list[str]:
    """The project's files, relative to ``folder``."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    done = run((*GIT, "-C", folder, *words), timeout=GIT_SECONDS)
    if done.status != "ok" or not done.stdout:
        return list(_walked(folder, ""))
    known = run((*GIT, "-C", folder, "ls-files", "-z", "--cached"), timeout=GIT_SECONDS)
    tracked = set(known.stdout.split(b"\0"))
    found: list[str] = []
    for name in dict.fromkeys(done.stdout.split(b"\0")):
        relative = os.fsdecode(name)
        path = os.path.join(folder, relative)
        if not name or not os.path.lexists(path) or _is_product(name, tracked, relative):
            continue
        if os.path.isdir(path) and not os.path.islink(path):  # a submodule
            found += _walked(folder, relative)
        else:
            found.append(relative)
    return found


def _is_product(name: bytes, tracked: set[bytes], relative: str) -> bool:
    """Whether it got in only because nobody has said that it is ignored."""
    parts = relative.split("/")
    return name not in tracked and (
        not _PRODUCTS.isdisjoint(parts) or bool(_SECRETS.match(parts[-1]))
    )


def _walked(folder: str, below: str) -> Iterator[str]:
    """All files below a directory but products of tools, environments and secrets."""
    with os.scandir(os.path.join(folder, below)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        relative = os.path.join(below, entry.name) if below else entry.name
        if entry.name in _PRODUCTS or entry.name.endswith((".egg-info", ".pyc")):
            continue
        if not entry.is_dir(follow_symlinks=False):
            if not _SECRETS.match(entry.name):
                yield relative
        elif not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")) and not (
            not below and entry.name in ("build", "dist") and not _is_package(entry.path)
        ):
            yield from _walked(folder, relative)


def _is_package(path: str) -> bool:
    return os.path.exists(os.path.join(path, "__init__.py"))


def wants_scm(folder: str) -> bool:
    """Whether its version is made of git's tags by one of the usual tools."""
    paths = [os.path.join(folder, name) for name in ("pyproject.toml", "setup.cfg", "setup.py")]
    text = b"".join(_content(path) for path in paths if os.path.isfile(path))
    return any(word.encode() in text for word in _SCM)


def scm_version(folder: str) -> str:
    """The version that git's tags give, as setuptools-scm guesses it; empty if they give none."""
    words = ("describe", "--tags", "--long", "--dirty", "--match", "*[0-9]*")
    done = run((*GIT, "-C", folder, *words), timeout=GIT_SECONDS)
    text = done.stdout.decode("utf-8", "replace").strip()
    found = re.match(
        r"(?P<tag>.+)-(?P<distance>\d+)-g(?P<commit>[0-9a-f]+)(?P<dirty>-dirty)?$", text
    )
    if done.status != "ok" or not found:
        return ""
    tag = re.search(r"v?(\d.*)$", found["tag"], re.IGNORECASE)
    try:
        version = Version(tag[1] if tag else "")
    except InvalidVersion:
        return ""
    if found["distance"] == "0" and not found["dirty"]:
        return str(version)
    release = [*version.release]
    if not version.is_prerelease:
        release[-1] += 1
    day = f".d{time.strftime('%Y%m%d', time.gmtime())}" if found["dirty"] else ""
    number = ".".join(map(str, release))
    return f"{number}.dev{found['distance']}+g{found['commit']}{day}"
