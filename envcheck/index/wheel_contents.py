"""What a wheel unpacks to, from the names and sizes of its members."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING
from zlib import crc32

from envcheck.model.artifact import Contents

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_MODULES = 50
SKETCH = 32
_FEW = 20  # files: what so few have in common with another wheel is not worth a sketch
MOST_LIBRARIES = 2000
MOST_NAME = 1000  # bytes; no file system takes a longer one
_MARKS = (b".so", b".pyd", b".dylib")
_LIBRARY = re.compile(rb"\.(?:so|pyd|dylib|so\.[^/]*)$")
_TESTS = re.compile(rb"(?:^|/)(?:tests?/|testing/|conftest\.py$|test_[^/]*$|[^/]*_test\.py$)")


def contents_of(names: Sequence[bytes], sizes: Sequence[int], stem: str, members: int) -> Contents:
    """Of a wheel whose directories are called ``STEM.dist-info`` and ``STEM.data``, and which
    lists ``members``, directories among them. Raises ValueError if a member would lie outside of
    where it is unpacked.
    """
    joined = b"\n".join(names)
    if b"../" in joined or b"\n/" in joined or joined[:1] == b"/" or b"\\" in joined:
        _check_places(names)
    scripts = other = 0
    pairs = list(zip(names, sizes, strict=True))
    if b"/\n" in joined or joined[-1:] == b"/":
        pairs = [pair for pair in pairs if pair[0][-1:] != b"/"]
    data = f"{stem}.data/".encode()
    if data in joined:
        pairs, scripts, other = _apart(pairs, data)
    libraries = [
        (name.decode("utf-8", "replace"), size)
        for mark in _MARKS
        if mark in joined
        for name, size in pairs
        if mark in name and _LIBRARY.search(name) and len(name) <= MOST_NAME
    ]
    python = [pair for pair in pairs if pair[0][-3:] == b".py"]
    return Contents(
        members=members,
        site=sum([size for _, size in pairs]),
        allocated=sum([(size + 4095) >> 12 for _, size in pairs]) << 12,
        scripts=scripts,
        other=other,
        files=len(pairs),
        python=len(python),
        python_bytes=sum([size for _, size in python]),
        tests_bytes=sum([size for name, size in python if _TESTS.search(name)]),
        paths_bytes=sum([len(name) for name, _ in python]),
        python_slack=sum([_slack(size) for _, size in python]),
        libraries=libraries[:MOST_LIBRARIES],
        modules=_modules([name for name, _ in pairs]),
        sketch=_sketch([name for name, _ in pairs]),
    )


def recorded(record: bytes, members: int) -> tuple[list[bytes], list[int]] | None:
    """Names and sizes in a RECORD; None unless it has a line with a size for each member that is no
    directory.
    """
    try:
        names, written = _columns(record.replace(b"\r\n", b"\n").rstrip(b"\n"))
        at = written.index(b"")
        if names[at].endswith(b".dist-info/RECORD"):  # of itself it says nothing
            written[at] = b"%d" % len(record)
        sizes = list(map(int, written))
    except (ValueError, csv.Error):
        return None
    if not sizes or min(sizes) < 0 or max(map(len, names)) > MOST_NAME:
        return None
    folders = members - len(names)
    if folders and len(_folders(names, folders)) != folders:
        return None
    return names, sizes


def _columns(record: bytes) -> tuple[list[bytes], list[bytes]]:
    """Paths and sizes as written. Of lines that are none, the size is no number."""
    if b'"' not in record and record.count(b",") == 2 * record.count(b"\n") + 2:
        words = record.replace(b"\n", b",").split(b",")
        return words[::3], words[2::3]
    rows = list(csv.reader(record.decode("utf-8", "replace").split("\n")))
    names = [row[0].encode() if row else b"" for row in rows]
    return names, [row[2].encode() if len(row) == 3 else b"-" for row in rows]


def _folders(names: list[bytes], most: int) -> set[bytes]:
    """The directories above these, which some wheels list, too; not all if they are more."""
    found: set[bytes] = set()
    new = {name.rpartition(b"/")[0] for name in names} - {b""}
    while new and len(found) <= most:
        found |= new
        new = {name.rpartition(b"/")[0] for name in new} - found - {b""}
    return found


def _apart(pairs: list[tuple[bytes, int]], data: bytes) -> tuple[list[tuple[bytes, int]], int, int]:
    """Members of the site directories, as they lie there, and bytes of scripts and of the rest."""
    site, scripts, other = [], 0, 0
    for name, size in pairs:
        if not name.startswith(data):
            site.append((name, size))
            continue
        place, _, rest = name[len(data) :].partition(b"/")
        if place in (b"purelib", b"platlib"):
            site.append((rest, size))
        elif place == b"scripts":
            scripts += size
        else:
            other += size
    return site, scripts, other


def _modules(names: list[bytes]) -> list[str]:
    """What can be imported of what lies at the top."""
    tops = {name.partition(b"/")[0] for name in names if len(name) <= MOST_NAME}
    found = set()
    for top in tops:
        stem, dot, ending = top.partition(b".")
        if (
            not dot
            or ending == b"py"
            or ("." + ending.decode("utf-8", "replace")).endswith((".so", ".pyd"))
        ):
            module = stem.decode("utf-8", "replace")
            if module.isidentifier():
                found.add(module)
    return sorted(found)[:MOST_MODULES]


def _slack(source: int) -> int:
    """What lies empty behind the bytecode of a file, on average; a small one fills one block."""
    return 3846 - source * 11 // 10 if source < 2500 else 2048


def _sketch(names: list[bytes]) -> list[int]:
    """The smallest hashes of the paths: as many of them two wheels have in common, as they have
    paths in common (of the share of hashes that both lists cover).
    """
    if len(names) < _FEW:
        return []
    hashes = map(crc32, names)
    if len(names) > 8 * SKETCH:
        most = (4 * SKETCH << 32) // len(names)
        return sorted([value for value in hashes if value < most])[:SKETCH]
    return sorted(hashes)[:SKETCH]


def _check_places(names: Sequence[bytes]) -> None:
    """Refuse what both pip and uv refuse: a file that would lie outside."""
    for name in names:
        depth = 0
        path = name.replace(b"\\", b"/")
        for part in path.split(b"/"):
            depth += -1 if part == b".." else part not in (b"", b".")
            if depth < 0:
                break
        if depth < 0 or path[:1] == b"/":
            shown = name.decode("utf-8", "replace")[:100]
            raise ValueError(f"its member {shown!r} would lie outside of where it is installed")
