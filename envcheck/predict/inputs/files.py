"""Files and sources as lockfiles write them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from envcheck.index.pages import File
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envcheck.predict.inputs.asked import Pin
    from envcheck.predict.inputs.document import Document

_HASH = re.compile(r"(sha256|sha384|sha512|md5|sha1|sha224|blake2b):([0-9a-fA-F]{16,128})")


def file_of(
    name: str, url: str = "", hashes: Mapping[str, str] | str = "", *, size: int | None = None,
    uploaded: Any = None,
) -> File | None:  # fmt: skip
    """A file that a lock names by ``name`` or by its address; None if neither tells its name."""
    name = name or filename_of(url)
    if not name or "/" in name or "\\" in name:
        return None
    if isinstance(hashes, str):
        hashes = dict([hashes.split(":", 1)]) if _HASH.fullmatch(hashes) else {}
    others = {kind: value for kind, value in hashes.items() if kind != "sha256"}
    return File(
        filename=name,
        url=without_credentials(url) if "://" in url else "",
        sha256=hashes.get("sha256", "").lower(),
        hashes=others,
        size=size if size is not None and size >= 0 else None,
        uploaded=uploaded.isoformat() if hasattr(uploaded, "isoformat") else str(uploaded or ""),
    )


def filename_of(url: str) -> str:
    """The last part of an address or path, empty if there is none."""
    try:
        path = urlsplit(url).path if "://" in url else url.partition("#")[0]
    except ValueError:
        return ""
    return unquote(path.replace("\\", "/").rpartition("/")[2])


def project_in(folder: str, shown: str) -> tuple[str, str] | None:
    """(path, how messages call it) of the project file in a folder, None if it is not there."""
    path = os.path.join(folder, "pyproject.toml")
    if not os.path.isfile(path):
        return None
    return path, os.path.normpath(os.path.join(shown, "pyproject.toml"))


def locked_elsewhere(document: Document, table: str, pins: Iterable[Pin]) -> list[str]:
    """The notes on pins of a lock that come from no index. ``table``: how their tables are called;
    the project whose lock it is is no such pin.
    """
    return [
        elsewhere(
            document.shown, document.header(pin.number, table), pin.name, pin.source, pin.place
        )
        for pin in pins
        if pin.source != "index" and pin.place != "."
    ]


def elsewhere(shown: str, line: int, name: str, source: str, place: str) -> str:
    """The note on what comes from no index."""
    where = f"{shown}:{line}" if line else shown
    what, judged = {
        "git": ("the git repository", "whether it builds is not judged"),
        "local": ("the local path", "its own build is not judged"),
        "url": ("the address", "its file is judged by its name"),
    }[source]
    subject = f"`{printable(name)}`" if name else "what is required"
    shown_place = printable(without_credentials(place), 100)
    return f"{where}: {subject} comes from {what} {shown_place}: {judged}"
