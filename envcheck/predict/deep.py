"""What installs and will not import: judged from members of wheels, read by ranges.

Shared objects say which libraries and versions of symbols they need; sources say which objects and
libraries an import loads. A library is missing if neither the closure nor the image has it. Only
what an import certainly meets is said to be certain.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from envcheck.errors import IndexTrouble
from envcheck.index.remote_elf import OutOfBudgetError
from envcheck.predict.imports.site import ASIDE, Artefact, Site
from envcheck.predict.loading import Loader, leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from envcheck.index.pages import File
    from envcheck.index.remote_elf import RemoteWheel
    from envcheck.model.artifact import WheelFacts
    from envcheck.model.target import Target
    from envcheck.predict.imports.importer import Importer, Outcome
    from envcheck.predict.loading import Lack

_NVIDIA = re.compile(r"(nvidia|cuda|tensorrt(-|_)(cu\d+_)?libs)[-_]")
_WORDS = re.compile(rb"find_library|\bdlopen\b|\bCDLL\b|\bLoadLibrary\b|\bcdll\b")
_IMPORTS = re.compile(rb"^(?:import|from)[ \t]+([\w.]+)", re.MULTILINE)
_FOREIGN = re.compile(r"\.dll$|\.dylib$|\\|^lib.*-\d+$")
#: These load what others ask them to, none of it for themselves.
_LOADING = frozenset({"cffi", "pycparser"})
_READ = 2 << 20  # bytes of a wheel's sources, as they are unpacked, that are searched for words
_ASKED, _OTHER = 40 << 20, 16 << 20  # bytes of objects of wheels asked for, and of others
_SLACK, _HEADER = 64 << 10, 512  # bytes besides: of a wheel, of a member
_THREADS = 8
_TOPS = 4  # modules of a distribution that are tried


class DeepFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``kind``: missing-library, generic-wheel (it lacks what wheels for platforms bring), symbol-version, architecture, libc, missing-module, dependency,
    driver. ``module``: what does not import. ``libraries``: what is lacking, by soname or by the
    name that the code looks for. ``certain``: that the import fails, else that it may.
    """

    distribution: str
    version: str
    kind: str
    certain: bool
    module: str
    sentence: str
    libraries: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    remedy: str = ""


class Examined(NamedTuple):
    """``unseen``: sentences on what was not looked at."""

    findings: list[DeepFinding]
    unseen: list[str]


def examine(
    target: Target,
    artefacts: Sequence[tuple[str, File, WheelFacts]],
    read: Callable[[File], RemoteWheel],
    *,
    asked: Collection[str] = (),
    listing: Callable[[str], Sequence[File]] | None = None,
    only: Collection[str] | None = None,
) -> Examined:
    """What of a closure will not import on a target. ``artefacts``: its wheels, with normalized
    names; ``asked``: those that were asked for, looked at first. ``listing``: the
    files of a project on the index. Raises nothing: what cannot be read is unseen.
    """
    if target.system != "linux":
        form = {"macos": "Mach-O", "windows": "PE"}.get(target.system, "other")
        return Examined([], [f"libraries for {target.system} ({form}) are not read"])
    wheels = [Artefact(*one) for one in artefacts if one[1].is_wheel]
    wheels.sort(key=lambda one: one.name not in asked)
    return _Examination(target, wheels, read, asked, listing, only).done()


class _Examination:
    def __init__(
        self,
        target: Target,
        wheels: list[Artefact],
        read: Callable[[File], RemoteWheel],
        asked: Collection[str],
        listing: Callable[[str], Sequence[File]] | None,
        only: Collection[str] | None,
    ) -> None:
        self.only = only
        self.target, self.wheels, self.asked = target, wheels, asked
        self.read, self.listing = read, listing
        self.site = Site(target, wheels, read)
        self.loader = Loader(target, self.site)
        self.suspects: dict[str, list[str]] = {}  # distribution -> objects that do not load
        self.broken: dict[str, tuple[str, list[Lack]]] = {}  # module -> object, why

    def done(self) -> Examined:
        from envcheck.predict.imports.importer import Importer

        numbers = [
            number
            for number, wheel in enumerate(self.wheels)
            if not _NVIDIA.match(wheel.name)
            and wheel.name not in _LOADING
            and (self.only is None or wheel.name in self.only)
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self.site.files, numbers))
            self._share(numbers)
            for number, broken in zip(numbers, pool.map(self._suspicion, numbers), strict=True):
                if broken is not None:
                    self.suspects[self.wheels[number].name] = broken
        findings: list[DeepFinding] = []
        if self.suspects:
            opaque = {wheel.name for wheel in self.wheels} - set(self.suspects)
            importer = Importer(self.target, self.site, self.loader, opaque)
            for number, wheel in enumerate(self.wheels):
                if wheel.name in self.suspects:
                    findings += self._judged(number, importer)
            failing = {one.distribution for one in findings if one.certain}
            findings += self._dependents(failing)
        for number in numbers:
            self.site.wheel(number).forget()
        return Examined(findings, self._unseen())

    # -- suspicion ---------------------------------------------------------------------------------

    def _share(self, numbers: Sequence[int]) -> None:
        """Bytes for each wheel: sources first, then objects, those of small wheels before others.

        So that it does not depend on threads what is seen.
        """
        left = self.site.wheel(numbers[0]).left if numbers else 0
        shares = dict.fromkeys(numbers, 0)
        for number in numbers:
            shares[number] = min(left, sum(map(self.site.size, self._near(number))) + _SLACK)
            left -= shares[number]
        objects = {
            one: sum(self.site.size(path) + _HEADER for path in self.site.objects(one))
            for one in numbers
        }
        asked = [one for one in numbers if self.wheels[one].name in self.asked]
        others = sorted(set(numbers) - set(asked), key=lambda one: (objects[one], one))
        for number in (*asked, *others):
            share = min(_ASKED if number in asked else _OTHER, objects[number], left)
            shares[number] += share
            left -= share
        for number, share in shares.items():
            wheel = self.site.wheel(number)
            wheel.allow(wheel.spent + share)

    def _suspicion(self, number: int) -> list[str] | None:
        """Objects of a wheel that do not load; None if nothing gives reason to look closer."""
        broken = self._broken(number)
        return broken if broken or self._mentions(number) else None

    def _broken(self, number: int) -> list[str]:
        """Shared objects of a wheel that do not load by themselves; the small ones first."""
        objects = self.site.objects(number)
        self.site.ahead(number, objects)
        return [
            path
            for path in objects
            if ".libs/" not in path
            and not leaf(path.rpartition("/")[2])
            and self.loader.lacks(path)
        ]

    def _mentions(self, number: int) -> bool:
        """Whether the sources near the top look for libraries, or import what is gone."""
        wheel = self.wheels[number]
        contents = wheel.facts.contents
        if contents is not None and not contents.python:
            return False
        sources = self.site.sources(number, self._near(number))
        gone = self._gone()
        return any(
            _WORDS.search(text) or not gone.isdisjoint(_IMPORTS.findall(text))
            for text in sources.values()
        )

    def _near(self, number: int) -> list[str]:
        """The sources that are searched: those nearest to the top."""
        files = self.site.files(number)
        if not files:
            return []
        members = self.site.wheel(number).members()
        paths = [path for path in files if path.endswith(".py") and not ASIDE.search(path)]
        paths.sort(key=lambda path: (path.count("/"), members[files[path].member].offset))
        chosen, size = [], 0
        for path in paths:
            size += members[files[path].member].size
            if size > _READ:
                break
            chosen.append(path)
        return chosen

    def _gone(self) -> set[bytes]:
        from envcheck.predict.imports.importer import removed

        names = {*removed(self.target.version), *self.loader.image.modules}
        return {name.encode() for name in names if not self.site.holders(name)[0]}

    # -- judgement ---------------------------------------------------------------------------------

    def _judged(self, number: int, importer: Importer) -> list[DeepFinding]:
        wheel = self.wheels[number]
        broken = self.suspects[wheel.name]
        outcomes = {name: importer.outcome(name) for name in self._tops(number)}
        for name, outcome in outcomes.items():
            if outcome.works is False and outcome.searches:
                working = [one for one, other in outcomes.items() if other.works]
                return [self._failed(wheel, name, outcome, working)]
        reached = {path for outcome in outcomes.values() for path in outcome.reached}
        found = []
        for path in broken:
            if path in reached:
                continue
            top, _, rest = path.partition("/")
            lacks = [lack for lack in self.loader.lacks(path) if lack.certain]
            own = rest.partition(".")[0] == top or not rest  # as cv2/cv2.abi3.so: it is the package
            if lacks and own and top.partition(".")[0] in outcomes:
                self.broken[top.partition(".")[0]] = path, lacks
                found.append(self._unloadable(wheel, top.partition(".")[0], path, certain=True))
        if not found:
            unclear = [path for path in broken if path not in reached]
            undecided = any(outcome.works is None for outcome in outcomes.values())
            if unclear and undecided:
                found.append(self._unloadable(wheel, unclear[0], unclear[0], certain=False))
        return found[:1]

    def _tops(self, number: int) -> list[str]:
        """The modules of a distribution that are meant to be imported, the namesake first."""
        contents = self.wheels[number].facts.contents
        files = self.site.files(number) or {}
        names = contents.modules if contents else sorted({_top(path) for path in files})
        good = [
            name
            for name in dict.fromkeys(names)
            if name.isidentifier()
            and name[:1] != "_"
            and not ASIDE.search(name)
            and self._is_module(name)
        ]
        wanted = self.wheels[number].name.replace("-", "_")
        good.sort(key=lambda name: (name.lower() != wanted, name))
        return good[:_TOPS]

    def _is_module(self, name: str) -> bool:
        """Whether it is more than a folder."""
        endings = ("/__init__.py", ".py", *self.site.suffixes)
        return any(self.site.find(f"{name}{ending}") for ending in endings)

    def _failed(
        self, wheel: Artefact, module: str, outcome: Outcome, working: Sequence[str] = ()
    ) -> DeepFinding:
        """``working``: other modules of the distribution that do import."""
        found = self._reason(wheel, module, outcome)
        if not working:
            return found
        more = f"; `import {working[0]}` works"
        return replace(found, certain=False, sentence=found.sentence + more)

    def _reason(self, wheel: Artefact, module: str, outcome: Outcome) -> DeepFinding:
        from envcheck.predict import remedies

        last = outcome.searches[-1]
        if last.kind == "module":
            return DeepFinding(
                distribution=wheel.name,
                version=wheel.file.version,
                kind="missing-module",
                certain=True,
                module=module,
                libraries=[],
                sentence=f"`import {module}` fails: it imports {last.name}, which nothing brings",
                evidence=[f"{outcome.module} imports {last.name}"],
            )
        if last.kind == "object" and last.lacks:
            return self._unloadable(wheel, module, last.name, certain=True)
        names = _names(outcome)
        sentence = f"`import {module}` fails: it looks for the library {names[0]}, "
        sentence += f"which neither {self._image()} nor any wheel has"
        evidence = [f"{one.place or module} looks for {one.name}" for one in outcome.searches[:5]]
        evidence += [f"it says: {outcome.text[:200]}"] if outcome.text else []
        other, brought = self._bundled(wheel)
        if other:
            sentence += f"; {wheel.file.filename}, which fits any platform, does not bring it"
            evidence.append(f"{other} brings {brought}")
        return DeepFinding(
            distribution=wheel.name,
            version=wheel.file.version,
            kind="generic-wheel" if other else "missing-library",
            certain=True,
            module=module,
            libraries=names,
            sentence=sentence,
            evidence=evidence,
            remedy=remedies.for_libraries(self.target, names),
        )

    def _unloadable(self, wheel: Artefact, module: str, path: str, *, certain: bool) -> DeepFinding:
        from envcheck.predict import remedies

        lacks = self.loader.lacks(path)
        first = next((lack for lack in lacks if lack.certain), lacks[0])
        alike = [lack for lack in lacks if lack.kind == first.kind and lack.certain]
        alike = alike or [first]
        names = list(dict.fromkeys(lack.name for lack in alike))
        where = f", which {self._image()} does not have" if first.kind == "missing-library" else ""
        remedy = ""
        if first.kind == "missing-library":
            every = [lack.name for lack in lacks if lack.kind == first.kind]
            remedy = remedies.for_libraries(self.target, every)
            remedy = self._headless(wheel, remedy)
        fails = f"`import {module}` fails" if certain else f"{path} may not load"
        return DeepFinding(
            distribution=wheel.name,
            version=wheel.file.version,
            kind=first.kind,
            certain=certain and first.certain,
            module=module if certain else "",
            libraries=names,
            sentence=f"{fails}: {first.sentence}{where}",
            evidence=[" -> ".join((*lack.path, lack.name)) for lack in alike[:8]],
            remedy=remedy,
        )

    def _headless(self, wheel: Artefact, remedy: str) -> str:
        """With the distribution that is the same without windows, if the index has one."""
        name = f"{wheel.name}-headless"
        if "headless" in wheel.name or not self._files(name):
            return remedy
        use = f"use {name}, the same without windows"
        return f"{use}; or {remedy}" if remedy else use

    def _files(self, name: str) -> Sequence[File]:
        """Files of a project on the index; none if that is not known."""
        try:
            return self.listing(name) if self.listing else ()
        except IndexTrouble:
            return ()

    def _bundled(self, wheel: Artefact) -> tuple[str, str]:
        """Of a wheel for any platform: one of the same release for some platform, and a library
        that it brings and this one does not. Empty if there is none.
        """
        if not wheel.file.filename.endswith("-any.whl"):
            return "", ""
        own = {path.rpartition("/")[2] for path in self.site.objects(self.wheels.index(wheel))}
        fitting = [
            file
            for file in self._files(wheel.name)
            if file.is_wheel
            and file.version == wheel.file.version
            and "linux" in file.filename
            and file.filename.endswith(f"_{self.target.architecture}.whl")
        ]
        for file in fitting[:1]:
            try:
                members = self.read(file).members()
            except (IndexTrouble, OutOfBudgetError):
                continue
            for path in sorted(members):
                name = path.rpartition("/")[2]
                if re.search(r"\.so(\.[\w.]+)?$", name) and name not in own:
                    return file.filename, name
        return "", ""

    def _image(self) -> str:
        return self.loader.image.name or self.target.image or self.target.id

    def _dependents(self, failing: set[str]) -> list[DeepFinding]:
        """What imports something that fails. All that may lead there is followed."""
        if not failing:
            return []
        from envcheck.predict.imports.importer import Importer

        above = _above(self.wheels, failing) - failing
        opaque = {wheel.name for wheel in self.wheels} - above - failing
        importer = Importer(self.target, self.site, self.loader, opaque)
        importer.broken.update(self.broken)
        found = []
        for number, wheel in enumerate(self.wheels):
            if wheel.name not in above:
                continue
            for module in self._tops(number)[:1]:
                outcome = importer.outcome(module)
                if outcome.works is not False or not outcome.searches:
                    continue
                inner = self._failed(wheel, module, outcome)
                found.append(inner)
        return found

    def _unseen(self) -> list[str]:
        """One sentence for each wheel."""
        objects: dict[str, list[str]] = {}
        for path in self.loader.unseen:
            place = self.site.find(path)
            name = self.wheels[place.artefact].name if place else "?"
            objects.setdefault(name, []).append(path)
        found = []
        for name, paths in sorted(objects.items()):
            size = sum(map(self.site.size, paths)) / 1e6
            some = ", ".join(path.rpartition("/")[2] for path in sorted(paths)[:2])
            more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
            found.append(f"{name}: {some}{more} ({size:.0f} MB packed) were not read")
        found += [f"{name}: {text}" for name, text in sorted(self.site.unseen.items())]
        if not self.loader.image.complete:
            found.append(f"which libraries {self.target.image or self.target.id} has is not known")
        return found


def _names(outcome: Outcome) -> list[str]:
    """Libraries that were looked for, those of other systems left out."""
    names = [one.name for one in outcome.searches if one.kind != "module"]
    here = [name for name in names if not _FOREIGN.search(name)]
    return list(dict.fromkeys(here or names))


def _top(path: str) -> str:
    return path.partition("/")[0].partition(".")[0]


def _above(wheels: Iterable[Artefact], failing: set[str]) -> set[str]:
    """Distributions that require one of ``failing``, or one that does, by their METADATA."""
    from envcheck.index.pages import normalized

    needs = {
        wheel.name: {
            normalized(name)
            for name in re.findall(
                r"^Requires-Dist:\s*([\w.-]+)", wheel.facts.metadata, re.MULTILINE | re.IGNORECASE
            )
        }
        for wheel in wheels
    }
    found = set(failing)
    while True:
        more = {name for name, wanted in needs.items() if wanted & found} - found
        if not more:
            return found
        found |= more
