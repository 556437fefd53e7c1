"""One requirement as the user writes it: of an index, of a git repository, at an address."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

Kind = Literal["index", "git"]
ARCHIVES = (".whl", ".tar.gz", ".zip")

_NAME_AT = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*@\s*(\S+)(?:\s+;\s*(.*))?$"
)
GIT_SCHEMES = ("https", "ssh", "http")


class Wanted(NamedTuple):
    """A requirement, read. ``name`` is canonical, empty if the repository has to tell it."""

    kind: Kind
    text: str
    name: str
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""  # of a git repository
    reference: str = ""  # tag, branch or commit; empty: the repository's default branch
    subdirectory: str = ""


def parse(text: str) -> Wanted:
    """``text`` read. Raises ValueError with what is wrong and what to write instead."""
    text = text.strip()
    if text.startswith("git+"):
        return _git(text, text, "", (), "")
    if found := _NAME_AT.match(text):
        name, extras, url, marker = found.groups(default="")
        if not url.startswith("git+"):
            raise ValueError(_refused(url))
        words = tuple(sorted(part.strip() for part in extras.split(",") if part.strip()))
        return _git(text, url, canonicalize_name(name), words, marker)
    if "://" in text:
        raise ValueError(_refused(text))
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"no PEP 508 requirement: {str(error).splitlines()[0]}") from error
    marker = str(requirement.marker or "")
    extras_ = tuple(sorted(requirement.extras))
    return Wanted("index", text, canonicalize_name(requirement.name), extras_, marker)


def _refused(url: str) -> str:
    scheme = url.partition("+")[0]
    if scheme in ("hg", "svn", "bzr"):
        return f"{scheme} repositories are not fetched; give a local directory as `project`"
    if url.startswith("file:"):
        return "a file of this machine: give its path as `project`, or its folder as `find-links`"
    what = "a file at an address: download it, and give its path as `project`,"
    return f"{what} or its folder as `find-links`"


def _git(text: str, url: str, name: str, extras: tuple[str, ...], marker: str) -> Wanted:
    try:
        parts = urlsplit(url.removeprefix("git+"))
        password = parts.password
    except ValueError as error:
        raise ValueError(f"no address: {error}") from error
    if parts.scheme == "file":
        raise ValueError("a repository of this machine: give its directory as `project`")
    if parts.scheme not in GIT_SCHEMES or not parts.hostname:
        raise ValueError("no address of a repository: write git+https://HOST/PATH@TAG")
    if password is not None or (parts.username and parts.scheme != "ssh"):
        raise ValueError("has credentials: leave them to git's credential helper")
    path, _, reference = parts.path.partition("@")
    if reference.startswith("-") or not re.fullmatch(r"[\w./+@-]*", reference):
        raise ValueError("no name of a tag, branch or commit after `@`")
    fragment = parse_qs(parts.fragment)
    subdirectory = fragment.get("subdirectory", [""])[0].strip("/")
    if ".." in subdirectory.split("/"):
        raise ValueError("the subdirectory is outside of the repository")
    if egg := fragment.get("egg", [""])[0]:
        egg_name, _, egg_extras = egg.partition("[")
        name = name or canonicalize_name(egg_name)
        extras = extras or tuple(filter(None, egg_extras.rstrip("]").split(",")))
    address = parts._replace(path=path, fragment="").geturl()
    return Wanted("git", text, name, extras, marker, address, reference, subdirectory)
