"""Addresses that users write: whether they can be taken, and how they are shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from envcheck.tomlfile import printable

_CREDENTIALS = re.compile(r"(?<=://)[^/\s?#]*@")


def url_problem(url: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with the address of an index, empty if nothing is (or it is empty)."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        credentials = parts.username is not None
    except ValueError as error:
        return f"no address: {error}"
    if credentials:
        what = "has credentials, and would be written into every report"
        return f"{what}: leave them to netrc, or to the configuration of pip or uv"
    if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "file"):
        return f"`{printable(url)}` is no address: {', '.join(f'{s}://' for s in schemes)}…"
    return ""


def without_credentials(url: str) -> str:
    """``url`` without user and password, and without the parameters in which tokens are sent."""
    return _CREDENTIALS.sub("", url).partition("?")[0]
