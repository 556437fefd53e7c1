"""The pages of the tests' package index: PEP 503 HTML, PEP 691 JSON, the old JSON."""

from __future__ import annotations

import hashlib
import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index_server import IndexServer
    from wheels import File


def projects(projects: list[str]) -> dict[str, object]:
    listed = [{"name": name} for name in projects]
    return {"meta": {"api-version": "1.1"}, "projects": listed}


def projects_html(projects: list[str]) -> str:
    links = "".join(f'<a href="/simple/{name}/">{name}</a><br>\n' for name in projects)
    return f"<!DOCTYPE html><html><body>\n{links}</body></html>\n"


def project(server: IndexServer, files: list[File]) -> dict[str, object]:
    """PEP 691, with what PEP 700 and 658 add."""
    listed = []
    for file in files:
        hashes = {"sha256": file.sha256} if server.hashes else {}
        entry = {"filename": file.name, "url": server.files_url + file.name, "hashes": hashes}
        entry["size"] = len(file.data)
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.yanked is not None:
            entry["yanked"] = file.yanked or True
        if server.upload_times:
            entry["upload-time"] = file.uploaded
        if server.metadata and file.name.endswith(".whl"):
            entry["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        listed.append(entry)
    versions = sorted({file.version for file in files})
    meta = {"api-version": "1.1"}
    return {"meta": meta, "name": files[0].project, "files": listed, "versions": versions}


def project_html(server: IndexServer, files: list[File]) -> str:
    lines = []
    for file in files:
        mark = f"#sha256={file.sha256}" if server.hashes else ""
        named = {"href": server.files_url + file.name + mark}
        if file.requires_python:
            named["data-requires-python"] = file.requires_python
        if file.yanked is not None:
            named["data-yanked"] = file.yanked
        if server.upload_times:
            named["data-upload-time"] = file.uploaded
        if server.metadata and file.name.endswith(".whl"):
            digest = f"sha256={hashlib.sha256(file.metadata).hexdigest()}"
            named.update({"data-core-metadata": digest, "data-dist-info-metadata": digest})
        attributes = " ".join(f'{key}="{html.escape(value)}"' for key, value in named.items())
        lines.append(f"<a {attributes}>{file.name}</a><br>\n")
    return f"<!DOCTYPE html><html><body>\n{''.join(lines)}</body></html>\n"


def legacy(server: IndexServer, files: list[File]) -> dict[str, object]:
    releases: dict[str, list[dict[str, object]]] = {}
    for file in files:
        entry = {
            "filename": file.name,
            "url": server.files_url + file.name,
            "size": len(file.data),
            "digests": {"sha256": file.sha256},
            "upload_time_iso_8601": file.uploaded,
            "yanked": file.yanked is not None,
            "requires_python": file.requires_python or None,
        }
        releases.setdefault(file.version, []).append(entry)
    return {"info": {"name": files[0].project}, "releases": releases}
