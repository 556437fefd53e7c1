"""What an installer in a cell gets of the user's own files: archives, and lines that name them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envcheck.errors import DataError
from envcheck.matrix import git_source, source_tree
from envcheck.matrix.meaning import SMOKE
from envcheck.predict.inputs.requirement import Wanted, parse
from envcheck.predict.inputs.requirements_file import Flat, Local, flatten
from envcheck.predict.inputs.static_metadata import metadata
from envcheck.tomlfile import printable, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.matrix import Cell, Subject

PLACE = "\0"  # stands for the directory in the cell, in lines that are not yet for one
MOST_BYTES = 2 << 30  # of one wheel or sdist
SCRIPT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files for a cell, and what to require. Each line is one of a requirements file."""

    order: tuple[str, ...] = ()  # canonical names as required, as far as they can be known
    script: str = ""  # text of the matrix's own smoke script, empty without one
    require_hashes: bool = False  # the user's file asks for hashes of everything
    _lines: tuple[str, ...] = ()
    _constraints: tuple[str, ...] = ()
    _files: dict[str, bytes] = field(default_factory=dict)

    @property
    def requested(self) -> frozenset[str]:
        """Canonical names of what is required, as far as they can be known."""
        return frozenset(self.order)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(name, content) of each file that has to lie in the cell's inputs."""
        yield from self._files.items()

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file, by its name: what a lock has to say of it."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self._files.items()}

    def requirements(self, place: str) -> list[str]:
        """What is required, for a cell where the files lie in ``place``."""
        return [line.replace(PLACE, place) for line in self._lines]

    def constraints(self, place: str) -> list[str]:
        """The constraints."""
        return [line.replace(PLACE, place) for line in self._constraints]


def prepare(cell: Cell, folder: str) -> Inputs:
    """The inputs of a cell. Paths are relative to ``folder``, where the matrix lies.

    Projects are read and repositories fetched now: cells whose ``test`` is the same can share what
    this returns. Raises DataError for what is not there or cannot be handed over.
    """
    return of_subject(cell.test, folder)


def of_subject(test: Subject, folder: str) -> Inputs:
    """The same of what is tested."""
    made = _Collected()
    if test.project:
        path = os.path.join(folder, os.path.expanduser(test.project))
        made.add(Local(os.path.normpath(path), tuple(test.extras), ""))
    flat = of_file(test, folder)
    by_file = flat.requirements if flat else ()
    hashes = {wanted.text: found for wanted, found in by_file if isinstance(wanted, Wanted)}
    for text in test.requirements:  # in a plan those of the file are among them
        made.add(_parsed(text), hashes.pop(text, ()))
    for wanted, found in by_file:
        if isinstance(wanted, Local) or wanted.text in hashes:
            made.add(wanted, found)
    return Inputs(
        order=tuple(dict.fromkeys(made.names)),
        script=_script(test, folder),
        require_hashes=flat is not None and flat.require_hashes,
        _lines=tuple(made.lines),
        _constraints=tuple(dict.fromkeys([*test.constraints, *(flat.constraints if flat else ())])),
        _files=made.files,
    )


def of_file(test: Subject, folder: str) -> Flat | None:
    """What the requirements file says, None if there is none. Raises DataError."""
    if not test.requirements_file:
        return None
    path = os.path.join(folder, os.path.expanduser(test.requirements_file))
    return flatten(path, test.requirements_file, folder)


def _script(test: Subject, folder: str) -> str:
    """The text of the smoke script beside the matrix."""
    if test.smoke in SMOKE:
        return ""
    path = os.path.join(folder, test.smoke)
    return read(path, path, SCRIPT_BYTES).decode("utf-8", "surrogateescape")


def _parsed(text: str) -> Wanted:
    try:
        return parse(text)
    except ValueError as error:
        raise DataError(f"`{printable(text)}`: {error}") from error


class _Collected:
    """Lines and files as they come together."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lines: list[str] = []
        self.files: dict[str, bytes] = {}

    def add(self, wanted: Wanted | Local, hashes: tuple[str, ...] = ()) -> None:
        """One requirement, as a line and, if it is local, a file."""
        if isinstance(wanted, Local):
            line = self._local(wanted)
        elif wanted.kind == "git":
            with tempfile.TemporaryDirectory(prefix="envcheck-git-") as folder:
                project = git_source.fetch(wanted, folder)
                if source_tree.wants_scm(project):
                    inner = os.path.join(folder, ".history")
                    os.mkdir(inner)
                    project = git_source.fetch(wanted, inner, history=True)
                name, file, data = source_tree.archive(project)
            line = self._line(wanted.name or name, file, data, wanted.extras, wanted.marker)
        else:
            self.names.append(wanted.name)
            line = wanted.text
        self.lines.append(" ".join([line, *(f"--hash={word}" for word in hashes)]))

    def _local(self, local: Local) -> str:
        if os.path.isdir(local.path):
            name, file, data = source_tree.archive(local.path)
        else:
            name, file = _archive_name(local.path), os.path.basename(local.path)
            data = _content(local.path)
        return self._line(name, file, data, local.extras, local.marker)

    def _line(self, name: str, file: str, data: bytes, extras: tuple[str, ...], marker: str) -> str:
        if self.files.setdefault(file, data) != data:
            raise DataError(f"two different files are called {printable(file)}")
        bracket = f"[{','.join(extras)}]" if extras else ""
        condition = f" ; {marker}" if marker else ""
        if not name:
            return f"{PLACE}/{file}{bracket}{condition}"
        self.names.append(name)
        return f"{name}{bracket} @ file://{PLACE}/{quote(file)}{condition}"


def _archive_name(path: str) -> str:
    """The canonical name of a wheel or sdist. Raises DataError for a name that tells none."""
    file = os.path.basename(path)
    if not file.endswith(".whl"):
        try:
            return parse_sdist_filename(file)[0]
        except InvalidSdistFilename:
            return canonicalize_name(metadata(path).get("Name", ""))
    try:
        return parse_wheel_filename(file)[0]
    except InvalidWheelFilename as error:
        raise DataError(
            f"{printable(path)} is no wheel: {error}",
            hint="a wheel's name says what it is for: NAME-VERSION-PYTHON-ABI-PLATFORM.whl",
        ) from error


def _content(path: str) -> bytes:
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise DataError(f"{printable(path)} is larger than {MOST_BYTES >> 30} GiB")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise DataError(f"cannot read {printable(path)}: {error.strerror}") from error
