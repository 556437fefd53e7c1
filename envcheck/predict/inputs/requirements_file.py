"""A requirements file as pip reads it, with what it includes, flattened into plain lines.

What it says about indexes becomes an ``Index``: cells get everything from our own gateway. Paths in
a file are relative to that file.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from envcheck.errors import DataError
from envcheck.model.matrix import Index
from envcheck.predict.inputs.addresses import url_problem
from envcheck.predict.inputs.requirement import ARCHIVES, Wanted, parse
from envcheck.tomlfile import printable, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 4 << 20  # bytes of one file
FILES = 100  # files that include each other
LINES = 20_000

_COMMENT = re.compile(r"(^|\s)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_OPTION = re.compile(r"\s(--?[a-z][a-z-]*)")
_HASH = re.compile(r"\s--hash[=\s]\s*(sha(?:256|384|512):[0-9a-f]{64,128})(?=\s|$)")
#: option -> what it is called alike
_ALIASES = {"-r": "--requirement", "-c": "--constraint", "-i": "--index-url", "-e": "--editable",
            "-f": "--find-links", "--pypi-url": "--index-url"}  # fmt: skip
_REMEDIES = {
    "--trusted-host": "say it in pip's configuration: it is about this machine",
    "--no-index": 'give `find-links`, and an index that is a directory: url = "file:///…"',
    "--prefer-binary": "name what must be a wheel by --only-binary",
    "--use-feature": "pip's experiments differ from version to version",
    "--config-settings": "settings of builds are not passed on",
    "--global-option": "settings of builds are not passed on",
}


class Local(NamedTuple):
    """A project, wheel or sdist of this machine."""

    path: str
    extras: tuple[str, ...]
    marker: str


class Untaken(ValueError):  # noqa: N818 - it may be no error
    """Something that pip would take, and envcheck does not: says what and why."""


class Flat(NamedTuple):
    """What the file and all that it includes say. ``requirements``: what is required, and its
    hashes as ``sha256:…``.
    """

    requirements: tuple[tuple[Wanted | Local, tuple[str, ...]], ...]
    constraints: tuple[str, ...]
    options: Index
    require_hashes: bool = False


def flatten(path: str, shown: str = "", base: str = "", *, constraint: bool = False) -> Flat:
    """The requirements file at ``path``. ``shown``: how messages call it; find-links directories
    become relative to ``base`` where they are below it. ``constraint``: what it names is not
    required. Raises DataError with all that is wrong.
    """
    reader = Reader(base or os.path.dirname(path))
    reader.read(path, shown or path, constraint=constraint)
    return Flat(
        tuple(reader.requirements), tuple(reader.constraints), reader.index, reader.require_hashes
    )


class Reader:
    """Lines as they come together. Subclasses take what this one refuses."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.requirements: list[tuple[Wanted | Local, tuple[str, ...]]] = []
        self.constraints: list[str] = []
        self.index = Index()
        self.require_hashes = False
        self.problems: list[str] = []
        self._files = 0

    def read(self, path: str, shown: str, *, constraint: bool = False) -> None:
        """A file with all that it includes. Raises DataError with all that is wrong."""
        self.file(path, shown, constraint=constraint, chain=())
        if self.problems:
            count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
            raise DataError(
                f"{printable(shown)} cannot be used: {count}", context=tuple(self.problems[:50])
            )

    def file(self, path: str, shown: str, *, constraint: bool, chain: tuple[str, ...]) -> None:
        """One file; ``chain``: the files that include it."""
        real = os.path.realpath(path)
        self._files += 1
        if real in chain:
            circle = " includes ".join(map(printable, (*map(os.path.basename, chain), shown)))
            raise DataError(f"requirements files include each other in a circle: {circle}")
        if self._files > FILES:
            raise DataError(f"more than {FILES} requirements files include one another")
        text = read(path, shown, LIMIT).decode("utf-8-sig", "replace")
        for number, line in logical_lines(text):
            self.line(f"{printable(shown)}:{number}")
            try:
                if line.startswith("-"):
                    self._option(line, path, shown, constraint, (*chain, real))
                else:
                    self.requirement(line, os.path.dirname(path), constraint)
            except Untaken as error:
                self.untaken(f"{printable(shown)}:{number}", str(error))
            except ValueError as error:
                self.problems.append(f"{printable(shown)}:{number}: {error}")

    def line(self, place: str) -> None:
        """The line at ``place``, as ``requirements.txt:3``, is read next."""

    def untaken(self, place: str, what: str) -> None:
        """Something is not taken."""
        self.problems.append(f"{place}: {what}")

    def requirement(self, line: str, folder: str, constraint: bool) -> None:
        """One requirement, or constraint. Raises ValueError."""
        if _VARIABLE.search(line):
            raise Untaken("variables are not replaced here: write the value")
        hashes = tuple(found[1] for found in _HASH.finditer(line))
        text = _HASH.sub("", line).strip()
        if option := _OPTION.search(text):
            raise Untaken(_unsupported(option[1]))
        if constraint:
            wanted = parse(text)
            if wanted.kind != "index" or wanted.extras:
                raise ValueError("a constraint has neither extras nor an address")
            self.constraints.append(" ".join([text, *(f"--hash={word}" for word in hashes)]))
        else:
            self.add(text, hashes, folder)
        if len(self.requirements) + len(self.constraints) > LINES:
            raise DataError(f"more than {LINES} requirements")

    def add(self, text: str, hashes: tuple[str, ...], folder: str) -> None:
        """What is required. Raises ValueError."""
        self.requirements.append((local_of(text, folder) or parse(text), hashes))

    def address(self, url: str) -> str:
        """The address of an index. Raises ValueError."""
        return _url(url)

    def _option(
        self, line: str, path: str, shown: str, constraint: bool, chain: tuple[str, ...]
    ) -> None:
        option, value = _split(line)
        if option == "--require-hashes":
            self.require_hashes = True
            return
        if option in ("--requirement", "--constraint"):
            self._include(option, value, path, shown, constraint, chain)
            return
        if option == "--editable":
            self.requirement(value, os.path.dirname(path), constraint)
            return
        take: dict[str, Callable[[Index, str], Index]] = {
            "--index-url": lambda index, url: replace(index, url=self.address(url)),
            "--extra-index-url": lambda index, url: replace(
                index, extra_urls=[*index.extra_urls, *map(self.address, url.split())]
            ),
            "--find-links": lambda index, place: replace(
                index,
                find_links=[*index.find_links, self._place(place, os.path.dirname(path))],
            ),
            "--pre": lambda index, _value: replace(index, pre=True),
            "--no-binary": lambda index, names: replace(
                index, no_binary=[*index.no_binary, *_names(names)]
            ),
            "--only-binary": lambda index, names: replace(
                index, only_binary=[*index.only_binary, *_names(names)]
            ),
        }
        if option not in take:
            raise Untaken(_unsupported(option))
        if not value and option != "--pre":
            raise ValueError(f"{option} needs a value")
        self.index = take[option](self.index, value)

    def _include(
        self,
        option: str,
        value: str,
        path: str,
        shown: str,
        constraint: bool,
        chain: tuple[str, ...],
    ) -> None:
        if not value or "://" in value:
            raise Untaken(f"{option} needs a file of this machine: download it first")
        inner = os.path.join(os.path.dirname(path), value)
        if not os.path.isfile(inner):
            raise ValueError(f"there is no file {printable(value)}")
        self.file(
            inner,
            os.path.normpath(os.path.join(os.path.dirname(shown), value)),
            constraint=constraint or option == "--constraint",
            chain=chain,
        )

    def _place(self, place: str, folder: str) -> str:
        """A find-links page, or a directory as seen from the base."""
        if place.startswith("file:"):
            place = unquote(urlsplit(place).path)
        if "://" in place:
            return self.address(place)
        path = os.path.join(folder, os.path.expanduser(place))
        if not os.path.isdir(path):
            raise Untaken(f"there is no directory {printable(place)}")
        relative = os.path.relpath(path, self.base)
        return os.path.abspath(path) if relative.startswith(os.pardir) else relative


def local_of(text: str, folder: str) -> Local | None:
    """The project, wheel or sdist that a line means by a path or a ``file:`` address, if it does.

    Raises ValueError if there is no such thing.
    """
    text, _, marker = text.partition(" ;")
    named = re.match(r"^[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@\s*(file:\S+)$", text.strip())
    extras_text = (named[1] or "").strip("[]") if named else ""
    place = named[2] if named else text.strip()
    if place.startswith("file:"):
        place = unquote(urlsplit(place).path)
    elif "://" in place or not _looks_like_path(place):
        return None
    if not named and (found := re.match(r"^(.*?)\[([^\]]*)\]$", place)):
        place, extras_text = found[1], found[2]
    path = os.path.normpath(os.path.join(folder, os.path.expanduser(place)))
    if not os.path.exists(path):
        raise Untaken(f"there is no {printable(place)}")
    extras = tuple(canonicalize_name(part.strip()) for part in extras_text.split(",") if part)
    return Local(path, extras, marker.strip())


def _looks_like_path(text: str) -> bool:
    bare = text.partition("[")[0]
    return bare.startswith((".", "/", "~")) or bare.endswith(ARCHIVES) or "/" in bare


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, line) without comments, continued lines joined."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        is_comment = line.lstrip().startswith("#")
        first = first or number
        if line.endswith("\\") and not is_comment:
            joined += line[:-1]
            continue
        joined += "" if is_comment and joined else line
        stripped = _COMMENT.sub("", joined).strip()
        if stripped:
            yield first, stripped
        joined, first = "", 0
    if joined.strip():
        yield first, _COMMENT.sub("", joined).strip()


def _split(line: str) -> tuple[str, str]:
    """An option and its value."""
    if editable := re.match(r"(?:-e|--editable[ =])\s*(.*)", line):
        return "--editable", editable[1]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"cannot be read: {error}") from error
    option, equals, value = words[0].partition("=")
    if not equals and len(option) > 2 and option[:2] in ("-r", "-c", "-i", "-e", "-f"):
        option, value = option[:2], option[2:]  # -rfile
    rest = words[1:]
    return _ALIASES.get(option, option), " ".join([*([value] if value else []), *rest])


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _url(url: str) -> str:
    if _VARIABLE.search(url):
        what = "variables are not replaced here"
        raise Untaken(f"{what}: leave credentials to netrc, or to the configuration of pip")
    if problem := url_problem(url, ("http", "https", "file")):
        raise Untaken(problem)
    return url


def _unsupported(option: str) -> str:
    remedy = _REMEDIES.get(option, "leave it out")
    return f"the option {printable(option)} is not supported: {remedy}"
