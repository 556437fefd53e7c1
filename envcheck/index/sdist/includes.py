"""Headers of libraries that C, C++ and Cython sources want and that the sdist has not."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from envcheck.index.sdist.signs import Signs, provider_of
from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envcheck.index.sdist.archive import Archive

_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(include|if|ifdef|ifndef|elif|else|endif|define)\b[ \t]*([^\n]{0,300})", re.M
)
_CDEF = re.compile(rb"cdef\s+extern\s+from\s+[\"']<?([^\"'<>\n]{1,200})>?[\"']")
_COMMENT = re.compile(rb"/\*.*?\*/", re.S)
_NAME = re.compile(rb"[<\"]([\w./+-]{1,200})[>\"]")
_WORD = re.compile(rb"\w+")
_FILES = 400  # that are followed
#: Directories in which copies of headers are not for the build.
_NOT_USED = re.compile(r"(^|/)(tests?|docs?|examples?|demos?|conf|benchmarks?|fuzz)/", re.I)
_GENERATED = re.compile(r"(^|[/_.-])(config|configure|version|export|build_?info)([_.-]|$)")


def included(source: bytes, cython: bool = False) -> list[str]:
    """What a source includes whatever is defined: not what stands in ``#if``, except the guard that
    a header has around all of it.
    """
    if cython:
        return [name.decode("ascii", "replace") for name in _CDEF.findall(source)]
    if b"/*" in source and len(source) < 200_000:
        source = _COMMENT.sub(b" ", source)
    directives = _DIRECTIVE.findall(source)
    if len(directives) > 1 and directives[0][0] in (b"if", b"ifndef"):
        (_, test), (word, name) = directives[:2]
        if word == b"define" and name.split()[:1] == _WORD.findall(test)[-1:]:
            del directives[0]
    depth = 0
    found = []
    for word, rest in directives:
        if word in (b"if", b"ifdef", b"ifndef"):
            depth += 1
        elif word == b"endif":
            depth = max(depth - 1, 0)
        elif word == b"include" and depth == 0:
            match = _NAME.match(rest)
            if match:
                found.append(match[1].decode("ascii", "replace"))
    return found


def missing(
    starts: Iterable[str], sources: Mapping[str, bytes], names: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Headers that ``starts`` (paths of sources) and what they include want, and that are neither
    among ``names`` (paths of the archive) nor standard: each with the path of who wants it.
    """
    by_last: dict[str, list[str]] = {}
    for name in names:
        by_last.setdefault(name.rpartition("/")[2], []).append(name)
    queue = [start for start in dict.fromkeys(starts) if start in sources]
    seen = set(queue)
    told: set[str] = set()
    while queue and len(seen) < _FILES:
        path = queue.pop(0)
        for header in included(sources[path], path.endswith((".pyx", ".pxd"))):
            here = _resolved(header, path, by_last)
            if here is None:
                if header not in told and not standard(header) and not _GENERATED.search(header):
                    told.add(header)
                    yield header, path
            elif here in sources and here not in seen:
                seen.add(here)
                queue.append(here)


def wanted(archive: Archive, starts: list[str], signs: Signs, *, known_only: bool = False) -> None:
    """Headers of libraries that sources want. ``known_only``: those of which the library is known,
    because a build that configures itself may do without others, or make them.
    """
    if not archive.complete:
        known_only = True
    beside = {posixpath.dirname(start) for start in starts}
    others: list[tuple[str, str]] = []
    told: set[str] = set()  # one header of each library is enough
    for header, path in missing(starts, archive.sources, archive.names):
        library = _libraries().get(header, "")
        if library and library not in told:
            told.add(library)
            signs.add("headers", header)
            signs.add("evidence", f"{path}: #include <{header}>")
        elif not library and posixpath.dirname(path) in beside and not provider_of(header):
            others.append((header, path))
    if others and not told and not known_only:
        signs.add("headers", others[0][0])
        signs.add("evidence", f"{others[0][1]}: #include <{others[0][0]}>")


def _resolved(header: str, path: str, by_last: Mapping[str, list[str]]) -> str | None:
    """The member of the archive that an include means; None if there is none."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), header))
    candidates = by_last.get(header.rpartition("/")[2], [])
    if beside in candidates:
        return beside
    bare = header.lstrip("./")
    for name in candidates:
        if (name == bare or name.endswith(f"/{bare}")) and not _NOT_USED.search(name):
            return name
    return None


@lru_cache(maxsize=1)
def _standard() -> tuple[frozenset[str], tuple[str, ...]]:
    rows = table("standard_headers")["rows"]
    headers = frozenset(header for row in rows for header in row.get("headers", ()))
    return headers, tuple(prefix for row in rows for prefix in row.get("prefixes", ()))


def standard(header: str) -> bool:
    """Whether a header comes with a compiler, with CPython, or with another system."""
    headers, prefixes = _standard()
    if header in headers or header.lower() in headers or header.startswith(prefixes):
        return True
    if header.startswith("pythonX"):
        return False
    return header.partition("/")[0].startswith("python") and header.endswith(".h") and "/" in header


@lru_cache(maxsize=1)
def _libraries() -> dict[str, str]:
    """Libraries of operating systems by their headers."""
    rows = table("system_libraries")["rows"]
    return {header: row["library"] for row in rows for header in row.get("headers", ())}
