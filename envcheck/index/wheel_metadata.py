"""METADATA of a wheel: its headers, and whether they are of what the wheel's name says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.index.pages import normalized

if TYPE_CHECKING:
    from envcheck.index.pages import File

LONGEST = 16 << 20  # bytes; the largest known has 1 MB
_HEADERS = 4 << 20  # bytes of it without the description
_FIELD = re.compile(r"^(Name|Version):[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
#: What is kept: licences can have 60 KB, and nothing here asks for them.
_KEPT = re.compile(
    r"^(?:Metadata-Version|Name|Version|Requires-[A-Za-z]+|Provides-Extra|Dynamic):.*\n"
    r"(?:[ \t].*\n)*",
    re.MULTILINE | re.IGNORECASE,
)
_BLANK = re.compile(rb"\n\r?\n")


def headers(metadata: bytes) -> str:
    """Those that say what it is and what it requires. Raises ValueError."""
    blank = _BLANK.search(metadata)
    text = metadata[: blank.start() + 1 if blank else len(metadata)]
    if len(text) > _HEADERS:
        raise ValueError(f"its METADATA has more than {_HEADERS:,} bytes of headers")
    decoded = text.decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(_KEPT.findall(decoded if decoded[-1:] == "\n" else decoded + "\n"))


def check(text: str, file: File) -> None:
    """Raise ValueError if METADATA is another distribution's than ``file``'s."""
    said: dict[str, str] = {}
    for field, value in _FIELD.findall(text):
        said.setdefault(field.lower(), value.strip())
    name, version = said.get("name", ""), said.get("version", "")
    if not name or not version:
        raise ValueError(f"its METADATA has no {'version' if name else 'name'}")
    if normalized(name) != file.project or not _same(version, file.version):
        raise ValueError(f"it has another distribution's metadata, {name[:99]} {version[:99]}")


def commands(entry_points: bytes) -> int:
    """How many programs an installer makes of the entry points of a wheel."""
    count, counted = 0, False
    for line in entry_points.splitlines():
        line = line.strip()
        if line[:1] == b"[":
            counted = line in (b"[console_scripts]", b"[gui_scripts]")
        elif counted and b"=" in line and line[:1] not in (b"#", b";"):
            count += 1
    return count


def _same(version: str, other: str) -> bool:
    if version == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return normalized(version) == normalized(other)
