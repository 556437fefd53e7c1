"""Pages of a package index: PEP 503 HTML and PEP 691 JSON, read.

Also PEP 592 (yanked), 629 (version), 658 and 714 (metadata), 700 (size, upload time), and the
attribute ``data-upload-time`` that some mirrors put into HTML.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
FILES = 100_000  # of one page; the longest known lists a third of that
_TOO_MANY = f"it lists more than {FILES:,} files"
_LONGEST_NAME = 255  # of any file system; what a wheel's name lists multiplies
_RUNS = re.compile(r"[-_.]+")
ENDINGS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")


class File(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
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

    @property
    def variant(self) -> str:
        """Label of a wheel variant (PEP 825, a draft), empty if it is an ordinary file."""
        return variant(self.filename)


@lru_cache(maxsize=4096)
def normalized(name: str) -> str:
    """PEP 503's form of a project's name."""
    return _RUNS.sub("-", name).lower()


def name_and_version(filename: str) -> tuple[str, str]:
    """Normalized project and version that a file's name says; an sdist's last hyphen tells."""
    if filename.endswith(".whl"):
        parts = filename.split("-")
        return (normalized(parts[0]), parts[1]) if _label_at(parts) >= 0 else ("", "")
    for ending in ENDINGS[1:]:
        if filename.endswith(ending):
            name, hyphen, version = filename[: -len(ending)].rpartition("-")
            return (normalized(name), version) if hyphen else ("", "")
    return "", ""


def variant(filename: str) -> str:
    """Label of a variant in a wheel's name, empty if there is none.

    ``name-version(-build)?-python-abi-platform(-label)?.whl``: a build begins with a digit, and
    what an interpreter is called does not. Installers of today pass over wheels with a label.
    """
    parts = filename.removesuffix(".whl").split("-")
    return parts[at] if filename.endswith(".whl") and (at := _label_at(parts)) > 0 else ""


def _label_at(parts: list[str]) -> int:
    """Which part of a wheel's name is a variant's label; 0 if none is, negative if it is no name
    of a wheel.
    """
    count = len(parts)
    built = count > 5 and parts[2][:1].isdigit()
    plain = 6 if built else 5
    return 0 if count == plain else plain if count == plain + 1 else -1


def parse(body: bytes, content_type: str, url: str) -> list[File]:
    """The files that a page at ``url`` links to. Raises ValueError saying what is wrong with it."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        found = _from_json(body, url)
    elif kind in ("text/html", "application/xhtml+xml", "application/vnd.pypi.simple.v1+html", ""):
        found = _from_html(body, url)
    else:
        raise ValueError(f"it is of type {kind[:80]}, neither HTML nor JSON")
    files = list(islice(found, FILES + 1))
    if len(files) > FILES:
        raise ValueError(_TOO_MANY)
    return files


class _JsonFile(Struct, rename="kebab", gc=False):
    filename: str
    url: str
    hashes: dict[str, str] = field(default_factory=dict)
    requires_python: str | None = None
    yanked: bool | str = False
    upload_time: str | None = None
    size: int | None = None
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None


class _JsonMeta(Struct, rename="kebab"):
    api_version: str = "1.0"


class _JsonPage(Struct):
    files: list[_JsonFile]
    meta: _JsonMeta = field(default_factory=_JsonMeta)


def _from_json(body: bytes, url: str) -> Iterator[File]:
    if body.count(b":") > 30 * FILES or body.count(b"{") + body.count(b"[") > 5 * FILES:
        raise ValueError(_TOO_MANY)  # before it fills the memory
    try:
        page = msgspec.json.decode(body, type=_JsonPage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON page of an index: {error}") from error
    _check_version(page.meta.api_version)
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
                size=entry.size if entry.size is not None and 0 <= entry.size < 10**15 else None,
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


#: An anchor's attributes. First as the large indexes write them, which are nearly all that are
#: read: to go the general way for all takes twice as long, and says the same. A tag that never ends
#: is not searched for its end: everything has a length. For texts of bytes as characters.
_ANCHOR = re.compile(
    r'<a href="(https?://[^"#?&%@\[\\\0-\x20\x7f-\xff]{1,9000})(?:#sha256=([0-9a-f]{64}))?"'
    r'(?: data-requires-python="([^"]{0,9999})")?'
    r'(?: data-dist-info-metadata="sha256=([0-9a-f]{64})")?'
    r'(?: data-core-metadata="sha256=([0-9a-f]{64})")?'
    r'(?: data-yanked=("[^"]{0,9999}"))?(?: data-upload-time="([^"&\x80-\xff]{0,9999})")?>'
    "|"
    r"<[aA]\s([^<>\"']{0,999}(?:(?:\"[^\"]{0,9999}\"|'[^']{0,9999}')[^<>\"']{0,999}){0,40})>",
    re.ASCII,
)
_ATTRIBUTE = re.compile(
    r"([a-zA-Z-]+)(?:\s{0,99}=\s{0,99}(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?", re.ASCII
)
_BASE = re.compile(
    r"<base\s[^>]{0,200}?href\s{0,9}=\s{0,9}[\"']?([^\"'>\s]+)", re.IGNORECASE | re.ASCII
)
_VERSION = re.compile(
    r"<meta\s[^>]{0,200}?name=[\"']pypi:repository-version[\"']"
    r"[^>]{0,200}?content=[\"']([^\"']+)",
    re.IGNORECASE | re.ASCII,
)


def _from_html(body: bytes, url: str) -> Iterator[File]:
    text = body.decode("latin-1")  # one byte for each character, whatever it says
    if "<!--" in text:
        text = "".join(_without_comments(text))
    head = text[: 1 << 14]
    version = _VERSION.search(head)
    if version:
        _check_version(version[1])
    base = _BASE.search(head)
    if base:
        url = urljoin(url, _plain(base[1]))
    unescaped: dict[str, str] = {}  # what many files have in common
    for anchor in _ANCHOR.finditer(text):
        link, sha256, requires, beside, offered, yanked, uploaded, general = anchor.groups("")
        if not link:
            yield from _of_anchor(general, url)
            continue
        filename = link[link.rfind("/") + 1 :]
        if filename.endswith(ENDINGS) and len(filename) <= _LONGEST_NAME:
            if requires not in unescaped:
                unescaped[requires] = _plain(requires)
            yield File(
                filename=filename,
                url=link,
                sha256=sha256,
                requires_python=unescaped[requires],
                yanked=_plain(yanked) if yanked else None,
                uploaded=uploaded,
                metadata=offered or beside,
            )


def _of_anchor(attributes: str, url: str) -> Iterator[File]:
    """The file that an anchor of any form on the page at ``url`` links to, if it is one."""
    named = {name.lower(): _plain(value) for name, value in _ATTRIBUTE.findall(attributes)}
    href, _, fragment = named.get("href", "").partition("#")
    filename = unquote(href.partition("?")[0].rpartition("/")[2])
    link = _link(url, href, filename)
    if link:
        algorithm, _, digest = fragment.partition("&")[0].partition("=")
        size = named.get("data-size", "")
        offered = named.get("data-core-metadata", named.get("data-dist-info-metadata"))
        yield _file(
            filename,
            link,
            {algorithm: digest} if digest else {},
            requires_python=named.get("data-requires-python", ""),
            yanked=named.get("data-yanked"),
            uploaded=named.get("data-upload-time", ""),
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 16 else None,
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
    """What an attribute says, of bytes as characters: without quotes, decoded, unescaped."""
    if value[:1] in ('"', "'"):
        value = value[1:-1]
    if not value.isascii():
        value = value.encode("latin-1").decode("utf-8", "replace")
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
    if not filename.endswith(ENDINGS) or not href.isprintable() or not filename.isprintable():
        return ""
    if "/" in filename or "\\" in filename or len(filename) > _LONGEST_NAME:
        return ""
    if href.startswith(("https://", "http://")) and "#" not in href:  # nearly all, on big pages
        host = href.partition("//")[2].partition("/")[0]
        if "@" not in host and "?" not in host and "[" not in host:
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
    sha256 = known.pop("sha256", "")
    if len(sha256) != 64:
        sha256 = ""
    others = {name: digest for name, digest in known.items() if digest} if known else known
    return File(filename=filename, url=url, sha256=sha256, hashes=others, **more)


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
