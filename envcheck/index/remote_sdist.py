"""What is known of an sdist on an index: its requirements, and how it is built. Nothing is run.

Its beginning is read, up to a budget: most sdists are shorter than that.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.errors import IndexTrouble
from envcheck.index import ranges
from envcheck.index.local import path_of
from envcheck.index.patience import Again
from envcheck.index.response import check
from envcheck.index.sdist import archive as archives
from envcheck.index.sdist import probing
from envcheck.index.sdist.archive import Archive
from envcheck.index.sdist_signs import classify

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client
    from envcheck.index.pages import File
    from envcheck.model.artifact import SdistFacts

BUDGET = 12 << 20  # bytes; three of four sdists that are looked at have less than one million
_HEAD = 1 << 20  # bytes that are read at first
_HEADERS = 256 << 10  # bytes of PKG-INFO's headers
_DYNAMIC = ("requires-dist", "requires-python", "provides-extra")
_RANGE = re.compile(r"bytes 0-(\d{1,18})/(\d{1,18})")


def inspect(
    file: File, client: Client, count: Callable[[int], None], *, budget: int = BUDGET
) -> SdistFacts:
    """The facts of ``file``, of which at most ``budget`` bytes are moved; ``count`` is told of
    them. Raises IndexTrouble if the index fails; what is wrong with the file is its ``problem``.
    """
    archive = Archive()
    if file.filename.endswith(".zip"):
        size = _read_zip(file, client, count, budget, archive)
    else:
        size = _read_tar(file, client, count, budget, archive)
    facts = classify(archive)
    metadata = headers_of(archive.texts.get("PKG-INFO", ""))
    sources = {"size": "the index's answer" if size is not None else "", "build": "its files"}
    if metadata:
        sources["metadata"] = "PKG-INFO in the sdist"
    if not facts.complete:
        sources["build"] = "some of its files: not all of it was read"
    return replace(
        facts, size=size, metadata=metadata, static=is_static(metadata),
        sources={key: value for key, value in sources.items() if value},
    )  # fmt: skip


def headers_of(text: str) -> str:
    """The headers of core metadata, without the description; empty if it is none."""
    text = text[:_HEADERS].replace("\r\n", "\n")
    head = text.partition("\n\n")[0]
    if not re.search(r"^Metadata-Version:", head, re.M | re.I):
        return ""
    kept = []
    skipped = False
    for line in head.split("\n"):
        if line[:1] in (" ", "\t"):  # it goes on
            if not skipped:
                kept.append(line)
            continue
        skipped = line.lower().startswith("description:")
        if not skipped:
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def is_static(metadata: str) -> bool:
    """Whether what it says of requirements holds for every wheel that is built of it (PEP 643)."""
    version = re.search(r"^Metadata-Version:[ \t]*(\d+)\.(\d+)", metadata, re.M | re.I)
    if not version or (int(version[1]), int(version[2])) < (2, 2):
        return False
    dynamic = re.findall(r"^Dynamic:[ \t]*([\w-]+)", metadata, re.M | re.I)
    return not any(field.lower() in _DYNAMIC for field in dynamic)


def _beginning(
    file: File, first: int, budget: int, client: Client, count: Callable[[int], None]
) -> tuple[bytes, int | None]:
    """(the first ``first`` bytes, ``budget`` if the server does not send parts, or all; the size of
    all, None if it is not told).
    """
    if file.url.startswith("file:"):
        return _of_disk(file.url, first)
    headers = {"Range": f"bytes=0-{first - 1}", "Accept-Encoding": "identity"}
    deadline = time.monotonic() + client.patience.whole

    def attempt() -> tuple[bytes, int | None]:
        with client.open(file.url, headers=headers, deadline=deadline) as response:
            if response.status_code == 416:  # it is empty
                return b"", 0
            check(response)
            match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            size = response.length
            if response.status_code == 206:
                if not match or not int(match[1]) < min(first, int(match[2])):
                    raise IndexTrouble("trouble", "the index sends other parts than asked for")
                wanted, size = int(match[1]) + 1, int(match[2])
            else:
                wanted = budget if size is None else min(size, budget)
            data = response.read(wanted, client.patience)
            count(len(data))
            if size is not None and len(data) < wanted:
                raise Again("the connection was dropped")
            return data, len(data) if size is None and len(data) < wanted else size

    return client.insist(file.url, attempt, deadline)


def _check(file: File, data: bytes, size: int | None) -> None:
    """Refuse what is not the file that the index lists, as far as that can be seen."""
    if file.size is not None and size is not None and size != file.size:
        told = f"{file.filename} has {size:,} bytes, not the {file.size:,} that its index says"
        raise IndexTrouble("hash", told)
    if len(data) == size and file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        raise IndexTrouble("hash", f"{file.filename} is not what its index says: another sha256")


def _of_disk(url: str, length: int) -> tuple[bytes, int]:
    path = path_of(url)
    try:
        with open(path, "rb") as stream:
            return stream.read(length), os.fstat(stream.fileno()).st_size
    except (OSError, ValueError) as error:
        kind = "absent" if isinstance(error, FileNotFoundError) else "trouble"
        raise IndexTrouble(kind, f"{path}: {error}") from error


def _read_tar(
    file: File, client: Client, count: Callable[[int], None], budget: int, archive: Archive
) -> int | None:
    """Take in a compressed tar file; its size, None if it is not told."""
    data, size = _beginning(file, min(budget, _HEAD), budget, client, count)

    def read(start: int, length: int) -> bytes:
        return ranges.part(file.url, start, length, size or 0, client, count)

    if size is not None and len(data) < size <= budget:
        data += read(len(data), size - len(data))
    whole = size is not None and len(data) == size
    _check(file, data, size)
    try:
        ended = archives.read_tar(archives.unpacked(data, file.filename, whole=whole), archive)
        if whole and not archive.problem and not (ended and archive.root):
            archive.problem = "it is cut off" if archive.root else "it is empty"
        left = budget - len(data)
        gzip = file.filename.endswith((".tar.gz", ".tgz"))
        if gzip and size and not whole and not archive.problem and left >= probing.LEAST:
            probing.look_further(read, size, len(data), archive, left)
    except ValueError as error:
        archive.problem = str(error)
    archive.complete = whole and not archive.problem
    return size


def _read_zip(
    file: File, client: Client, count: Callable[[int], None], budget: int, archive: Archive
) -> int | None:
    """Take in a zip file; its size. All of it if it is short, else members by ranges."""
    data, size = _beginning(file, min(budget, _HEAD), budget, client, count)
    if size is None:
        archive.problem = "the index does not tell how long it is"
        return None
    _check(file, data, size)
    left = budget - len(data)

    def read(start: int, length: int) -> bytes:
        nonlocal left
        if start + length <= len(data):
            return data[start : start + length]
        left -= length
        if left < 0:
            raise ValueError("what says how it is built is longer than what may be read of it")
        return ranges.part(file.url, start, length, size, client, count)

    try:
        archives.read_zip(read, size, len(data) == size, archive)
        archive.complete = not archive.problem
    except ValueError as error:
        archive.problem = str(error)
    return size
