"""The files of a closure as they would lie in one site directory, known without unpacking."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import IndexTrouble
from envcheck.index.remote_elf import OutOfBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from envcheck.index.elf import Elf
    from envcheck.index.pages import File
    from envcheck.index.remote_elf import RemoteWheel
    from envcheck.model.artifact import WheelFacts
    from envcheck.model.target import Target

#: What lies below the environment's own folder, as ``.data/data`` of wheels does.
PREFIX = "@prefix"
#: Folders of what is not imported in use.
ASIDE = re.compile(r"(^|/)(tests?|testing|docs?|examples?|benchmarks?|__pycache__)(/|$)")
_OBJECT = re.compile(r"\.so(\.[\w.]+)?$")


class Artefact(NamedTuple):
    """A wheel of a closure."""

    name: str  # of the distribution, normalized
    file: File
    facts: WheelFacts


class Place(NamedTuple):
    """A file: of which artefact, and where in its wheel."""

    artefact: int
    member: str


class Site:
    """``unseen``: sentences on wheels that could not be looked into, by distribution."""

    def __init__(
        self, target: Target, artefacts: Sequence[Artefact], read: Callable[[File], RemoteWheel]
    ) -> None:
        self.artefacts = list(artefacts)
        self.unseen: dict[str, str] = {}
        self._read = read
        self._files: dict[int, dict[str, Place] | None] = {}
        self._tops: dict[str, list[int]] = {}
        self._vague: list[int] = []  # of which the modules are not known
        self._names: dict[str, list[str]] = {}
        self.suffixes = _suffixes(target)
        for number, artefact in enumerate(self.artefacts):
            contents = artefact.facts.contents
            if contents is None:
                self._vague.append(number)
                continue
            tops = {module.partition(".")[0] for module in contents.modules}
            tops |= {path.partition("/")[0].partition(".")[0] for path, _ in contents.libraries}
            tops |= {PREFIX} if contents.other else set()
            for top in tops:
                self._tops.setdefault(top, []).append(number)
            for path, _ in contents.libraries:
                path = _placed(path)
                self._names.setdefault(path.rpartition("/")[2], []).append(path)

    def wheel(self, number: int) -> RemoteWheel:
        """The wheel of an artefact."""
        return self._read(self.artefacts[number].file)

    def files(self, number: int) -> dict[str, Place] | None:
        """What an artefact puts into the site directory; None if it cannot be looked into."""
        if number not in self._files:
            try:
                members = self.wheel(number).members()
                self._files[number] = {_placed(member): Place(number, member) for member in members}
            except (IndexTrouble, OutOfBudgetError) as error:
                text = _why(error)
                self.unseen[self.artefacts[number].name] = text
                self._files[number] = None
        return self._files[number]

    def holders(self, top: str) -> tuple[list[int], bool]:
        """Artefacts with a module or folder ``top``, and whether these are all that there are."""
        found = list(self._tops.get(top, []))
        complete = True
        for number in self._vague:
            files = self.files(number)
            if files is None:
                complete = False
            elif any(path.partition("/")[0].partition(".")[0] == top for path in files):
                found.append(number)
        return found, complete

    def find(self, path: str) -> Place | None:
        """The file at ``path`` below the site directory."""
        for number in self.holders(path.partition("/")[0].partition(".")[0])[0]:
            place = (self.files(number) or {}).get(path)
            if place:
                return place
        return None

    def known(self, path: str) -> bool:
        """Whether all that may lie at ``path`` could be looked into."""
        numbers, complete = self.holders(path.partition("/")[0].partition(".")[0])
        return complete and all(self.files(number) is not None for number in numbers)

    def below(self, folder: str) -> set[str]:
        """Names in a folder."""
        numbers = self.holders(folder.partition("/")[0].partition(".")[0])[0]
        start = f"{folder}/"
        return {
            path[len(start) :].partition("/")[0]
            for number in numbers
            for path in self.files(number) or {}
            if path.startswith(start)
        }

    def where(self, name: str) -> list[str]:
        """Paths of the shared objects called ``name``."""
        return self._names.get(name, [])

    def objects(self, number: int) -> list[str]:
        """The shared objects of an artefact, small ones first."""
        contents = self.artefacts[number].facts.contents
        if contents is not None and not contents.libraries and not contents.other:
            return []
        files = self.files(number) or {}
        found = [path for path in files if _OBJECT.search(path) and not ASIDE.search(path)]
        return sorted(found, key=self.size)

    def ahead(self, number: int, paths: Iterable[str]) -> None:
        """Fetch objects that will be asked for."""
        files = self.files(number) or {}
        try:
            self.wheel(number).ahead(files[path].member for path in paths if path in files)
        except (IndexTrouble, OutOfBudgetError) as error:
            self.unseen[self.artefacts[number].name] = _why(error)

    def size(self, path: str) -> int:
        """Bytes that a file takes in its wheel."""
        place = self.find(path)
        if place is None:
            return 0
        return self.wheel(place.artefact).members()[place.member].compressed

    def elf(self, path: str) -> Elf:
        """The shared object at ``path``. Raises as RemoteWheel."""
        place = self.find(path)
        if place is None:
            raise IndexTrouble("unfit", f"{path} is not in the wheel that should have it")
        return self.wheel(place.artefact).elf(place.member)

    def source(self, place: Place) -> bytes | None:
        """A source file; None if it could not be read."""
        try:
            return self.wheel(place.artefact).sources([place.member]).get(place.member)
        except (IndexTrouble, OutOfBudgetError) as error:
            text = _why(error)
            self.unseen[self.artefacts[place.artefact].name] = text
            return None

    def sources(self, number: int, paths: Iterable[str]) -> dict[str, bytes]:
        """Source files of one artefact by their path."""
        files = self.files(number) or {}
        members = {files[path].member: path for path in paths if path in files}
        try:
            found = self.wheel(number).sources(members)
        except (IndexTrouble, OutOfBudgetError) as error:
            text = _why(error)
            self.unseen[self.artefacts[number].name] = text
            return {}
        return {members[member]: data for member, data in found.items()}


def _why(error: IndexTrouble | OutOfBudgetError) -> str:
    if isinstance(error, IndexTrouble):
        return error.message
    return "more of it would have to be read than is allowed"


def _placed(member: str) -> str:
    """Where a member goes: what is below ``.data/purelib`` and ``.data/platlib`` as at the top."""
    top, _, rest = member.partition("/")
    if top.endswith(".data"):
        kind, _, inner = rest.partition("/")
        if kind in ("purelib", "platlib"):
            return inner
        if kind == "data":
            return f"{PREFIX}/{inner}"
    return member


def _suffixes(target: Target) -> tuple[str, ...]:
    """Endings of extension modules, as the interpreter tries them."""
    digits = "".join(target.python.split(".")[:2])
    system = "musl" if target.family == "musl" else "gnu"
    machine = target.architecture
    if target.implementation == "pypy":
        return (f".pypy{digits}-pp73-{machine}-linux-{system}.so", ".so")
    threads = "t" if target.free_threaded else ""
    own = f".cpython-{digits}{threads}-{machine}-linux-{system}.so"
    return (own, ".so") if threads else (own, ".abi3.so", ".so")
