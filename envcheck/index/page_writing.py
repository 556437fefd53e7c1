"""Pages of a package index, written: PEP 691 JSON and PEP 503 HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.index.pages import File


def to_json(project: str, files: Iterable[tuple[str, File, str]]) -> bytes:
    """A page with, for each file, its address, what is known of it, and the offer of metadata."""
    entries = []
    versions: dict[str, None] = {}
    sizes = True
    for href, file, offer in files:
        entry: dict[str, Any] = {"filename": file.filename, "url": href}
        entry["hashes"] = {"sha256": file.sha256} if file.sha256 else dict(file.hashes)
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.yanked is not None:
            entry["yanked"] = file.yanked or True
        if file.uploaded:
            entry["upload-time"] = file.uploaded
        if file.size is not None:
            entry["size"] = file.size
        if offer:
            entry["core-metadata"] = {"sha256": offer} if offer != "true" else True
        sizes = sizes and file.size is not None
        versions[file.version] = None
        entries.append(entry)
    page: dict[str, Any] = {"meta": {"api-version": "1.1" if sizes else "1.0"}, "name": project}
    if sizes:
        page["versions"] = [version for version in versions if version]
    return msgspec.json.encode({**page, "files": entries})


def to_html(project: str, files: Iterable[tuple[str, File, str]]) -> bytes:
    """The same as PEP 503 says it."""
    lines = [
        "<!DOCTYPE html>",
        f"<html><head><title>{html.escape(project)}</title>"
        '<meta name="pypi:repository-version" content="1.0"></head><body>',
    ]
    for href, file, offer in files:
        hashes = {"sha256": file.sha256} if file.sha256 else file.hashes
        fragment = next((f"#{name}={digest}" for name, digest in hashes.items()), "")
        more = ""
        if file.requires_python:
            more += f' data-requires-python="{html.escape(file.requires_python)}"'
        if file.yanked is not None:
            more += f' data-yanked="{html.escape(file.yanked)}"'
        if file.uploaded:
            more += f' data-upload-time="{html.escape(file.uploaded)}"'
        if offer:
            said = f"sha256={offer}" if offer != "true" else "true"
            more += f' data-core-metadata="{said}" data-dist-info-metadata="{said}"'
        name = html.escape(file.filename)
        lines.append(f'<a href="{html.escape(href + fragment)}"{more}>{name}</a><br>')
    return "\n".join([*lines, "</body></html>", ""]).encode()


def href(file: File, key: str) -> str:
    """Address of a file relative to the page that lists it."""
    return f"{key}/{quote(file.filename)}"
