"""A requirements file as a question. What only pip would take is noted instead of refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from envcheck.errors import DataError
from envcheck.index.pages import normalized
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import Asked, Pin
from envcheck.predict.inputs.files import elsewhere, file_of, project_in
from envcheck.predict.inputs.requirement import ARCHIVES, Wanted, parse
from envcheck.predict.inputs.requirements_file import Local, Reader, Untaken, local_of
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(path: str, shown: str, *, constraint: bool = False) -> Asked:
    """The file and what it includes. Raises DataError with all that is wrong."""
    reader = _Noting(os.path.dirname(path))
    reader.read(path, shown, constraint=constraint)
    return reader.asked("requirements", printable(shown))


def of_words(words: Iterable[str], folder: str, place: str) -> Asked:
    """What ``pip install`` is given besides files. ``place``: file and line, for notes."""
    reader = _Noting(folder)
    for word in words:
        reader.where = place
        try:
            reader.add(word, (), folder)
        except ValueError as error:
            reader.untaken(place, f"`{printable(word)}` is not taken: {error}")
    return reader.asked("requirements", place)


class _Noting(Reader):
    """``where``: file and line of what is being read."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.notes: list[str] = []
        self.pins: list[Pin] = []
        self.projects: list[Asked] = []
        self.where = ""

    def line(self, place: str) -> None:
        """The next line is read."""
        self.where = place

    def untaken(self, place: str, what: str) -> None:
        """A note says so."""
        self.notes.append(f"{place}: {what}")

    def address(self, url: str) -> str:
        """Without credentials, of which a note tells."""
        plain = without_credentials(url)
        if plain != url:
            what = "the credentials of an index were left out: leave them to netrc"
            self.untaken(self.where, what)
        return super().address(plain)

    def add(self, text: str, hashes: tuple[str, ...], folder: str) -> None:
        """One requirement: of the index, or a pin."""
        if "git+" in text and (plain := without_credentials(text)) != text:
            text = plain
        wanted: Wanted | Local | None
        try:
            wanted = local_of(text, folder)
        except Untaken as error:
            raise Untaken(f"{error}: it is not judged") from error
        if wanted is None and (pin := _by_address(text)):
            self._pin(pin)
            return
        wanted = wanted or parse(text)
        if isinstance(wanted, Local):
            self._local(wanted)
        elif wanted.kind == "git":
            place = without_credentials(wanted.url)
            self._pin(Pin(wanted.name, marker=wanted.marker, source="git", place=place))
        else:
            self.requirements.append((wanted, hashes))

    def _pin(self, pin: Pin) -> None:
        self.pins.append(pin)
        self.notes.append(elsewhere(self.where, 0, pin.name, pin.source, pin.place))

    def _local(self, local: Local) -> None:
        """A project gives what it requires; an archive is a pin."""
        if not os.path.isdir(local.path):
            file = file_of(os.path.basename(local.path))
            if not local.path.endswith(ARCHIVES) or file is None:
                raise Untaken(f"{printable(local.path)} is no wheel, sdist or project")
            self._pin(
                Pin(file.project, file.version, local.marker, "local", files=(file,),
                    place=os.path.basename(local.path))
            )  # fmt: skip
            return
        from envcheck.predict.inputs import project

        shown = os.path.relpath(local.path, self.base) or "."
        found = project_in(local.path, shown)
        if found is None:
            raise Untaken(f"{printable(shown)} has no pyproject.toml: what it needs is not known")
        asked = project.read(*found, local.extras)
        if local.marker:
            asked = replace(
                asked, requirements=[with_marker(one, local.marker) for one in asked.requirements]
            )
        self.projects.append(asked)

    def asked(self, kind: str, path: str) -> Asked:
        """All of it."""
        found: list[Wanted] = [w for w, _ in self.requirements if isinstance(w, Wanted)]
        hashes = {
            wanted.text: words
            for wanted, words in self.requirements
            if isinstance(wanted, Wanted) and words
        }
        inner = [text for one in self.projects for text in one.requirements]
        return Asked(
            kind=kind,
            path=path,
            requirements=list(dict.fromkeys([wanted.text for wanted in found] + inner)),
            constraints=[line.partition(" --hash=")[0] for line in self.constraints],
            hashes=hashes,
            pins=[*self.pins, *(pin for one in self.projects for pin in one.pins)],
            requires_python=next((p.requires_python for p in self.projects), ""),
            index=self.index,
            indexes={k: v for one in self.projects for k, v in one.indexes.items()},
            notes=[*self.notes, *(note for one in self.projects for note in one.notes)],
        )


def with_marker(text: str, marker: str) -> str:
    """A requirement that counts only where ``marker`` holds too."""
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise DataError(f"`{printable(text)}` is no requirement") from error
    both = f"({found.marker}) and ({marker})" if found.marker else marker
    found.marker = None
    return f"{found} ; {both}"


def _by_address(text: str) -> Pin | None:
    """What a line requires by the address of one file, None if it does not."""
    text, _, marker = text.partition(" ;")
    name, at, url = text.partition("@")
    if not at or "://" in name or "://" not in url:
        name, url = "", text
    url = url.strip()
    if url.partition("://")[0].lower() not in ("http", "https") or "://" not in url:
        return None
    file = file_of("", url)
    stem, _, extras = name.partition("[")
    if not stem.strip() and (file is None or not file.project):
        return None
    found = file if file and file.project else None
    words = [word.strip() for word in extras.strip(" ]").split(",")]
    return Pin(
        normalized(stem.strip()) or (found.project if found else ""),
        found.version if found else "",
        marker.strip(),
        "url",
        files=(found,) if found else (),
        extras=tuple(normalized(word) for word in words if word),
        place=without_credentials(url),
    )
