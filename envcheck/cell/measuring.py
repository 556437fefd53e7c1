"""What is installed in an environment, and how much disk it takes. Nothing of it is executed.

``BASE/bin/python -I -S -B measuring.py ENVIRONMENT SECONDS`` writes one JSON object to file
descriptor 3. ENVIRONMENT's *site directories* are purelib and platlib, as this interpreter lays
them out; symbolic links are not followed. A *usage* is a list of five numbers:

- ``logical``: the sum of ``st_size``,
- ``allocated``: the sum of ``st_blocks * 512``,
- ``exclusive``: as ``logical``, of files all of whose hard links are in this environment: what
  removing it gives back,
- ``bytecode``: as ``logical``, of ``.pyc`` files,
- ``files``: their number: regular files and symbolic links (as such, not what they point to).

A file with several names in the environment is counted once, where it was met first. Directories
are not counted.

- ``site``: usage of the site directories; ``scripts``: of the directory of scripts; ``other``: of
  all else in the environment (headers, data, ``pyvenv.cfg``).
- ``distributions``: each ``*.dist-info`` directory: ``name``, ``version``, ``installer``, ``url``,
  ``editable`` and ``commit`` (of direct_url.json: empty for what is from an index), ``tags`` and
  ``generator`` (of its WHEEL file), ``requested`` (there is such a file), ``imports`` (names to
  import: the topmost packages and the modules in its RECORD), ``usage``: of the files below site
  directories that its RECORD names, and of the bytecode that belongs to them. A file that two of
  them name counts for the first by name.
- ``unclaimed``: usage of what no RECORD names.
- ``complete``: False if SECONDS were over first, or there are more than three million files, or a
  directory could not be read; then the numbers are too small.

RECORDs and metadata may say anything: a path counts only if the walk met it.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import sysconfig
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MOST_RECORD = 64 << 20
MOST_METADATA = 1 << 20
MOST_NAMES = 1000
MOST_FILES = 3_000_000
EXTENSIONS = (".so", ".pyd", ".dylib")


class File:
    """A file: its sizes, how many names it has, and how many of them were met."""

    __slots__ = ("allocated", "links", "logical", "met")

    def __init__(self, status: os.stat_result) -> None:
        self.logical = status.st_size
        self.allocated = getattr(status, "st_blocks", 0) * 512
        self.links = status.st_nlink
        self.met = 0


class Walk:
    """The files below some directories: ``found``, from path to file, in order of paths."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.complete = True
        self.found: dict[str, File] = {}
        self._known: dict[tuple[int, int], File] = {}
        self._walked: set[str] = set()

    def below(self, top: str) -> None:
        """Walk ``top``, if it was not walked before."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            if folder in self._walked:
                continue
            self._walked.add(folder)
            if time.monotonic() > self.end or len(self.found) > MOST_FILES:
                self.complete = False
                return
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                self.complete = False
                continue
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        self._meet(entry.path, entry.stat(follow_symlinks=False))
                except OSError:
                    continue

    def _meet(self, path: str, status: os.stat_result) -> None:
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            return
        if status.st_nlink > 1:
            file = self._known.setdefault((status.st_dev, status.st_ino), File(status))
        else:
            file = File(status)
        file.met += 1
        if file.met == 1:
            self.found[path] = file

    def usage(self, paths: Iterable[str]) -> list[int]:
        """The five numbers for these of the files that were found."""
        total = [0, 0, 0, 0, 0]
        for path in paths:
            file = self.found[path]
            whole = file.met == file.links
            bytecode = file.logical if path.endswith(".pyc") else 0
            numbers = (file.logical, file.allocated, file.logical * whole, bytecode, 1)
            total = [a + b for a, b in zip(total, numbers)]
        return total


def read(path: str, most: int) -> str:
    """The beginning of a regular file, empty if there is none."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return ""
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def recorded(text: str) -> Iterator[str]:
    """The paths of a RECORD, as written."""
    for line in text.split("\n"):
        path = line.rpartition(",")[0].rpartition(",")[0]
        if path[:1] == '"' and path[-1:] == '"':
            path = path[1:-1].replace('""', '"')
        if path and "\0" not in path:
            yield path


def headers(text: str) -> dict[str, list[str]]:
    """The fields of a METADATA or WHEEL file, in lower case, up to the first empty line."""
    found: dict[str, list[str]] = {}
    for line in text.replace("\r\n", "\n").partition("\n\n")[0].split("\n"):
        name, colon, value = line.partition(":")
        if colon and line[:1] not in " \t":
            found.setdefault(name.lower(), []).append(value.strip()[:500])
    return found


def import_names(paths: Iterable[str]) -> list[str]:
    """Names to import, of what a RECORD lists: modules at the top, and packages that are in no
    other package (``google.protobuf``: ``google`` has no ``__init__``). Where there are none, the
    modules in directories without ``__init__``.
    """
    packages, modules, deeper = set(), set(), set()
    for path in paths:
        folders, _, name = path.rpartition("/")
        stem, dot, ending = name.partition(".")
        if not (ending == "py" or ("." + ending).endswith(EXTENSIONS)) or not dot:
            continue
        parts = folders.split("/") if folders else []
        if not all(part.isidentifier() for part in [*parts, stem]):
            continue
        if stem == "__init__" and parts:
            packages.add(tuple(parts))
        elif not parts:
            modules.add(stem)
        else:
            deeper.add(".".join([*parts, stem]))
    top = [
        ".".join(parts)
        for parts in packages
        if not any(parts[:length] in packages for length in range(1, len(parts)))
    ]
    return sorted({*top, *modules} or deeper)[:MOST_NAMES]


def distribution(info: str) -> dict[str, Any]:
    """What a dist-info directory says, and under ``paths`` the paths of its RECORD."""
    metadata = headers(read(os.path.join(info, "METADATA"), MOST_METADATA))
    wheel = headers(read(os.path.join(info, "WHEEL"), MOST_METADATA))
    stem = os.path.basename(info)[: -len(".dist-info")]
    paths = list(recorded(read(os.path.join(info, "RECORD"), MOST_RECORD)))
    names = import_names(paths)
    if not paths:
        names = read(os.path.join(info, "top_level.txt"), MOST_METADATA).split()[:MOST_NAMES]
    return {
        "name": metadata.get("name", [stem.partition("-")[0]])[0],
        "version": metadata.get("version", [stem.partition("-")[2]])[0],
        "installer": read(os.path.join(info, "INSTALLER"), 100).strip(),
        **origin(read(os.path.join(info, "direct_url.json"), MOST_METADATA)),
        "tags": wheel.get("tag", [])[:100],
        "generator": wheel.get("generator", [""])[0],
        "requested": os.path.exists(os.path.join(info, "REQUESTED")),
        "imports": names,
        "paths": paths,
    }


def origin(text: str) -> dict[str, Any]:
    """Where a distribution that is from no index came from, as its direct_url.json says."""
    try:
        said = json.loads(text)
        directory, vcs = said.get("dir_info"), said.get("vcs_info")
    except (ValueError, AttributeError, RecursionError):
        return {"url": "", "editable": False, "commit": ""}
    return {
        "url": str(said.get("url", ""))[:2000],
        "editable": isinstance(directory, dict) and directory.get("editable") is True,
        "commit": str(vcs.get("commit_id", ""))[:100] if isinstance(vcs, dict) else "",
    }


def claimed(site: str, paths: list[str], free: set[str]) -> list[str]:
    """The files that a RECORD of ``site`` names and nobody has claimed; they are taken out of
    ``free``, with the bytecode that belongs to them.
    """
    own = []
    for path in paths:
        whole = os.path.normpath(os.path.join(site, path))
        if whole in free:
            free.discard(whole)
            own.append(whole)
    return own


def bytecode_of(own: list[str], caches: dict[str, list[str]], free: set[str]) -> list[str]:
    """Files of ``__pycache__`` directories made from the sources among ``own``."""
    found = []
    for path in own:
        if path.endswith(".py"):
            for cached in caches.get(path, ()):
                if cached in free:
                    free.discard(cached)
                    found.append(cached)
    return found


def caches_of(paths: Iterable[str]) -> dict[str, list[str]]:
    """Source file -> its bytecode files."""
    found: dict[str, list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if name.endswith(".pyc") and os.path.basename(folder) == "__pycache__":
            source = os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
            found.setdefault(source, []).append(path)
    return found


def places(environment: str) -> tuple[list[str], str]:
    """The site directories and the directory of scripts."""
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    names = {"base": environment, "platbase": environment}
    paths = sysconfig.get_paths(scheme, vars=names)
    site = [os.path.realpath(paths[name]) for name in ("purelib", "platlib")]
    return list(dict.fromkeys(site)), os.path.realpath(paths["scripts"])


def measure(environment: str, seconds: float) -> dict[str, Any]:
    """All of it."""
    walk = Walk(seconds)
    sites, scripts = places(environment)
    for site in sites:
        walk.below(site)
    in_site = list(walk.found)
    walk.below(scripts)
    in_scripts = list(walk.found)[len(in_site) :]
    walk.below(os.path.realpath(environment))
    elsewhere = list(walk.found)[len(in_site) + len(in_scripts) :]
    free, caches = set(in_site), caches_of(in_site)
    distributions = []
    for site in sites:
        for name in sorted(os.listdir(site)) if os.path.isdir(site) else ():
            info = os.path.join(site, name)
            if name.endswith(".dist-info") and os.path.isdir(info) and not os.path.islink(info):
                one = distribution(info)
                own = claimed(site, one.pop("paths"), free)
                own += bytecode_of(own, caches, free)
                distributions.append(dict(one, usage=walk.usage(own)))
    return {
        "site": walk.usage(in_site),
        "scripts": walk.usage(in_scripts),
        "other": walk.usage(elsewhere),
        "distributions": distributions,
        "unclaimed": walk.usage(sorted(free)),
        "complete": walk.complete,
    }


if __name__ == "__main__":
    with os.fdopen(3, "w") as answer:
        json.dump(measure(sys.argv[1], float(sys.argv[2])), answer)
