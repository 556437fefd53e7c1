"""Pages of a package index: PEP 503 HTML and PEP 691 JSON, read and written.

Also PEP 592 (yanked), 629 (version), 658 and 714 (metadata), 700 (size, upload time), and the
attribute ``data-upload-time`` that some mirrors put into HTML.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
ENDINGS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")


class File(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an index says of one file. ``url`` is absolute and without credentials.

    ``metadata``: empty if the index does not offer it beside the file (PEP 658), else its SHA-256
    or ``true``. ``yanked``: None if it is not, else the reason or an empty text.
    """

    filename: str
    url: str
    sha256: str = ""
    hashes: dict[str, str] = field(default_factory=dict)  # those that are not SHA-256
    requires_python: str = ""
    yanked: str | None = None
    uploaded: str = ""  # ISO 8601, as the index says it
    size: int | None = None
    metadata: str = ""

    @property
    def is_wheel(self) -> bool:
        """Whether it can be installed without building."""
        return self.filename.endswith(".whl")

    @property
    def project(self) -> str:
        """Normalized name of its project, empty if its own name does not tell."""
        return name_and_version(self.filename)[0]

    @property
    def version(self) -> str:
        """As written in its name, empty if that does not tell."""
        return name_and_version(self.filename)[1]


def normalized(name: str) -> str:
    """PEP 503's form of a project's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_and_version(filename: str) -> tuple[str, str]:
    """Normalized project and version that a file's name says; an sdist's last hyphen tells."""
    if filename.endswith(".whl"):
        parts = filename.split("-")
        return (normalized(parts[0]), parts[1]) if len(parts) in (5, 6) else ("", "")
    for ending in ENDINGS[1:]:
        if filename.endswith(ending):
            name, hyphen, version = filename[: -len(ending)].rpartition("-")
            return (normalized(name), version) if hyphen else ("", "")
    return "", ""


def parse(body: bytes, content_type: str, url: str) -> list[File]:
    """The files that a page at ``url`` links to. Raises ValueError saying what is wrong with it."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        return list(_from_json(body, url))
    if kind in ("text/html", "application/xhtml+xml", "application/vnd.pypi.simple.v1+html", ""):
        return list(_from_html(body.decode("utf-8", "replace"), url))
    raise ValueError(f"it is of type {kind[:80]}, neither HTML nor JSON")


class _JsonFile(Struct, rename="kebab"):
    filename: str
    url: str
    hashes: dict[str, str] = field(default_factory=dict)
    requires_python: str | None = None
    yanked: bool | str = False
    upload_time: str | None = None
    size: int | None = None
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None


class _JsonPage(Struct):
    files: list[_JsonFile]
    meta: dict[str, Any] = field(default_factory=dict)


def _from_json(body: bytes, url: str) -> Iterator[File]:
    try:
        page = msgspec.json.decode(body, type=_JsonPage)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no JSON page of an index: {error}") from error
    _check_version(str(page.meta.get("api-version", "1.0")))
    for entry in page.files:
        offered = (
            entry.core_metadata if entry.core_metadata is not None else (entry.dist_info_metadata)
        )
        link = _link(url, entry.url, entry.filename)
        if link:
            yield _file(
                entry.filename,
                link,
                entry.hashes,
                requires_python=entry.requires_python or "",
                yanked=_reason(entry.yanked),
                uploaded=entry.upload_time or "",
                size=entry.size,
                metadata=_offer(offered),
            )


def _reason(yanked: bool | str) -> str | None:
    if isinstance(yanked, str):
        return yanked
    return "" if yanked else None


def _offer(offered: bool | dict[str, str] | None) -> str:
    if isinstance(offered, dict):
        return _hex(offered.get("sha256", "")) or "true"
    return "true" if offered else ""


#: A tag that never ends is not searched for its end: everything has a length.
_ANCHOR = re.compile(
    r"<a\s([^<>\"']{0,999}(?:(?:\"[^\"]{0,9999}\"|'[^']{0,9999}')[^<>\"']{0,999}){0,40})>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_BASE = re.compile(r"<base\s[^>]*?href\s*=\s*[\"']?([^\"'>\s]+)", re.IGNORECASE)
_VERSION = re.compile(
    r"<meta\s[^>]*name=[\"']pypi:repository-version[\"'][^>]*content=[\"']([^\"']+)", re.IGNORECASE
)


def _from_html(text: str, url: str) -> Iterator[File]:
    if "<!--" in text:
        text = "".join(_without_comments(text))
    head = text[: 1 << 14]
    version = _VERSION.search(head)
    if version:
        _check_version(version[1])
    base = _BASE.search(head)
    if base:
        url = urljoin(url, html.unescape(base[1]))
    for attributes in _ANCHOR.findall(text):
        named = {name.lower(): _plain(value) for name, value in _ATTRIBUTE.findall(attributes)}
        href, _, fragment = named.get("href", "").partition("#")
        filename = unquote(href.partition("?")[0].rpartition("/")[2])
        link = _link(url, href, filename)
        if not link:
            continue
        algorithm, _, digest = fragment.partition("&")[0].partition("=")
        offered = named.get("data-core-metadata", named.get("data-dist-info-metadata"))
        size = named.get("data-size", "")
        yield _file(
            filename,
            link,
            {algorithm: digest} if digest else {},
            requires_python=named.get("data-requires-python", ""),
            yanked=named.get("data-yanked"),
            uploaded=named.get("data-upload-time", ""),
            size=int(size) if size.isdigit() else None,
            metadata=_offered_in_html(offered),
        )


def _without_comments(text: str) -> Iterator[str]:
    start = 0
    while (at := text.find("<!--", start)) >= 0:
        yield text[start:at]
        end = text.find("-->", at)
        if end < 0:
            return
        start = end + 3
    yield text[start:]


def _plain(value: str) -> str:
    if value[:1] in "\"'":
        value = value[1:-1]
    return html.unescape(value) if "&" in value else value


def _offered_in_html(offered: str | None) -> str:
    if offered is None or offered == "false":
        return ""
    return _hex(offered.removeprefix("sha256=")) or "true"


def _check_version(version: str) -> None:
    if version.partition(".")[0] != "1":
        raise ValueError(
            f"it is of version {version[:20]} of the protocol, which is not known here"
        )


def _link(page: str, href: str, filename: str) -> str:
    """``href`` made absolute; empty if it is no distribution or leads where it must not.

    A page from the network never leads to a file of this machine.
    """
    if not filename.endswith(ENDINGS) or "/" in filename or "\\" in filename or "\0" in href:
        return ""
    if href.startswith(("https://", "http://")) and "#" not in href:  # nearly all, on big pages
        host = href.partition("//")[2].partition("/")[0]
        if not any(mark in host for mark in "@?["):
            return href
    try:
        link = urljoin(page, href).partition("#")[0]
        parts = urlsplit(link)
        scheme, login = parts.scheme, "@" in parts.netloc
    except ValueError:
        return ""
    if scheme not in ("http", "https") and not (scheme == "file" and page.startswith("file:")):
        return ""
    if login:
        link = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return link


def _file(filename: str, url: str, hashes: dict[str, str], **more: Any) -> File:
    known = {name.lower(): _hex(digest, 0) for name, digest in hashes.items()}
    sha256 = _hex(known.pop("sha256", ""))
    return File(
        filename=filename, url=url, sha256=sha256,
        hashes={name: digest for name, digest in known.items() if digest}, **more,
    )  # fmt: skip


def _hex(text: str, length: int = 64) -> str:
    """``text`` in lower case if it is a hash in hexadecimal (of ``length`` digits), else empty."""
    text = text.lower()
    good = text and not text.strip("0123456789abcdef") and len(text) in (length or len(text),)
    return text if good else ""


def before(files: Iterable[File], day: str) -> tuple[list[File], int]:
    """Those that were uploaded before ``day`` (ISO 8601; empty: all), and of how many that is not
    known: these are kept.
    """
    if not day:
        return list(files), 0
    kept = [file for file in files if file.uploaded[: len(day)] < day]
    return kept, sum(not file.uploaded for file in kept)


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
