"""Whether installed files are what their RECORD says; what is not leaves the installer's cache.

``python -I -S -B -c TEXT ENVIRONMENT CACHE NAME …``: the path of the first wrong file of each
damaged distribution, one a line: of those in ENVIRONMENT, and of those called NAME that uv's CACHE
has unpacked. From there they are removed, so that they are unpacked anew. Nothing is executed, no
link is followed, and nothing outside of the two is read, whatever a RECORD names.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import stat
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20


def main() -> None:
    environment, cache = (os.path.realpath(path) for path in sys.argv[1:3])
    names = {_canonical(name) for name in sys.argv[3:]}
    damaged = set()
    for info in sorted(_infos(environment)):
        wrong = _first_wrong(info, environment)
        if wrong:
            damaged.add(os.path.basename(info))
            print(wrong)
    for archive in _archives(cache):
        for name in os.listdir(archive):
            info = os.path.join(archive, name)
            if not name.endswith(".dist-info") or _canonical(name.partition("-")[0]) not in names:
                continue
            wrong = _first_wrong(info, archive)
            if wrong:
                print(wrong)
            if wrong or name in damaged:
                shutil.rmtree(archive, ignore_errors=True)
                break


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _infos(environment: str) -> Iterator[str]:
    """Directories ``*.dist-info``."""
    for folder, names, _files in os.walk(environment):
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            yield from (os.path.join(folder, name) for name in names if name.endswith(".dist-info"))
            names.clear()


def _archives(cache: str) -> Iterator[str]:
    """What uv has unpacked: ``CACHE/archive-v0/ID``."""
    for name in os.listdir(cache) if os.path.isdir(cache) else ():
        if name.startswith("archive-v"):
            for entry in os.scandir(os.path.join(cache, name)):
                if entry.is_dir(follow_symlinks=False):
                    yield entry.path


def _first_wrong(info: str, root: str) -> str:
    """The first file that is wrong below ``root``; empty if none is."""
    record = os.path.join(info, "RECORD")
    try:
        with open(record, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3]
    except (OSError, ValueError, csv.Error):
        return record
    for name, digest, _size in rows:
        path = os.path.normpath(os.path.join(os.path.dirname(info), name))
        inside = os.path.realpath(os.path.dirname(path)).startswith(root)
        if digest.startswith("sha256=") and inside and _differs(path, digest[7:]):
            return path
    return ""


def _differs(path: str, digest: str) -> bool:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            found = hashlib.sha256()
            for piece in iter(lambda: file.read(PIECE), b""):
                found.update(piece)
    except OSError:
        return False
    return base64.urlsafe_b64encode(found.digest()).decode().rstrip("=") != digest


if __name__ == "__main__":
    main()
