"""Names of projects that were met here: whoever misspells one probably means one of them."""

from __future__ import annotations

import os
from importlib.metadata import distributions
from urllib.parse import unquote

import msgspec

from envcheck.index import kept
from envcheck.index.pages import normalized

_MOST = 500  # pages that are looked at


class _Page(msgspec.Struct):
    url: str


def projects(cache: str) -> set[str]:
    """Of the pages that are kept in ``cache``, and of what is installed beside envcheck."""
    found = {normalized(str(one.metadata["Name"] or "")) for one in distributions()}
    folder = os.path.join(cache, "pages")
    try:
        with os.scandir(folder) as entries:
            newest = sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True)
    except OSError:
        newest = []
    for entry in newest[:_MOST]:
        try:
            page = msgspec.msgpack.decode(kept.read(entry.path) or b"", type=_Page)
        except (ValueError, msgspec.MsgspecError):
            continue
        found.add(normalized(unquote(page.url.rstrip("/").rpartition("/")[2])))
    return found - {""}
