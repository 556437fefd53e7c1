"""What installs and will not import: judged from members of wheels, read by ranges.

Shared objects say which libraries and versions of symbols they need; sources say which objects and
libraries an import loads. A library is missing if neither the closure nor the image has it. Only
what an import certainly meets is said to be certain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from envcheck.predict.imports.site import Artefact, Site
from envcheck.predict.loading import SKIPPED, Loader

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
#: These load what others ask them to, none of it for themselves.
_LOADING = frozenset({"cffi", "pycparser"})
_ASIDE = re.compile(r"(^|/)(tests?|testing|docs?|examples?|benchmarks?|__pycache__)(/|$)")
_READ = 768 << 10  # bytes of a wheel's sources, as they are unpacked, that are searched for words
_TOPS = 4  # modules of a distribution that are tried


class DeepFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``kind``: missing-library, symbol-version, architecture, libc, missing-module, dependency,
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
    siblings: Callable[[str], bool] | None = None,
) -> Examined:
    """What of a closure will not import on a target. ``artefacts``: its wheels, with normalized
    names; ``asked``: those that were asked for, looked at first. ``siblings``: whether the index
    has a project. Raises nothing: what cannot be read is unseen.
    """
    if target.system != "linux":
        form = {"macos": "Mach-O", "windows": "PE"}.get(target.system, "other")
        return Examined([], [f"libraries for {target.system} ({form}) are not read"])
    wheels = [Artefact(*one) for one in artefacts if one[1].is_wheel]
    wheels.sort(key=lambda one: one.name not in asked)
    return _Examination(target, wheels, read, siblings).done()


class _Examination:
    def __init__(
        self,
        target: Target,
        wheels: list[Artefact],
        read: Callable[[File], RemoteWheel],
        siblings: Callable[[str], bool] | None,
    ) -> None:
        self.target, self.wheels, self.siblings = target, wheels, siblings
        self.site = Site(target, wheels, read)
        self.loader = Loader(target, self.site.where, self.site.elf)
        self.suspects: dict[str, list[str]] = {}  # distribution -> objects that do not load

    def done(self) -> Examined:
        from envcheck.predict.imports.importer import Importer

        for number, wheel in enumerate(self.wheels):
            if _NVIDIA.match(wheel.name) or wheel.name in _LOADING:
                continue
            broken = self._broken(number)
            if broken or self._mentions(number):
                self.suspects[wheel.name] = broken
        findings: list[DeepFinding] = []
        if self.suspects:
            opaque = {wheel.name for wheel in self.wheels} - set(self.suspects)
            importer = Importer(self.target, self.site, self.loader, opaque)
            for number, wheel in enumerate(self.wheels):
                if wheel.name in self.suspects:
                    findings += self._judged(number, importer)
            failing = {one.distribution for one in findings if one.certain}
            findings += self._dependents(failing)
        return Examined(findings, self._unseen())

    # -- suspicion ---------------------------------------------------------------------------------

    def _broken(self, number: int) -> list[str]:
        """Shared objects of a wheel that do not load by themselves; the small ones first."""
        files = self._objects(number)
        bundled = {one for one in files if ".libs/" in one}
        return [path for path in files if path not in bundled and self.loader.lacks(path)]

    def _objects(self, number: int) -> list[str]:
        contents = self.wheels[number].facts.contents
        if contents is not None and not contents.libraries:
            return []
        files = self.site.files(number) or {}
        members = self.site.wheel(number).members() if files else {}
        found = [
            path
            for path in files
            if re.search(r"\.so(\.[\w.]+)?$", path)
            and not SKIPPED.match(path.rpartition("/")[2])
            and not _ASIDE.search(path)
        ]
        return sorted(found, key=lambda path: members[files[path].member].compressed)

    def _mentions(self, number: int) -> bool:
        """Whether the sources near the top look for libraries, or import what is gone."""
        wheel = self.wheels[number]
        contents = wheel.facts.contents
        if contents is not None and not contents.python:
            return False
        files = self.site.files(number)
        if files is None:
            return False
        members = self.site.wheel(number).members()
        paths = [path for path in files if path.endswith(".py") and not _ASIDE.search(path)]
        paths.sort(key=lambda path: (path.count("/"), members[files[path].member].offset))
        chosen, size = [], 0
        for path in paths:
            size += members[files[path].member].size
            if size > _READ:
                break
            chosen.append(path)
        sources = self.site.sources(number, chosen)
        gone = self._gone()
        return any(
            _WORDS.search(text) or not gone.isdisjoint(_IMPORTS.findall(text))
            for text in sources.values()
        )

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
                return [self._failed(wheel, name, outcome)]
        reached = {path for outcome in outcomes.values() for path in outcome.reached}
        found = []
        for path in broken:
            if path in reached:
                continue
            top, _, rest = path.partition("/")
            lacks = [lack for lack in self.loader.lacks(path) if lack.certain]
            own = rest.partition(".")[0] == top or not rest  # as cv2/cv2.abi3.so: it is the package
            if lacks and own and top.partition(".")[0] in outcomes:
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
            for name in dict.fromkeys(name.partition(".")[0] for name in names)
            if name.isidentifier() and name[:1] != "_" and not _ASIDE.search(name)
        ]
        wanted = self.wheels[number].name.replace("-", "_")
        good.sort(key=lambda name: (name.lower() != wanted, name))
        if good and good[0].lower() == wanted:
            return good[:1]
        return good[:_TOPS]

    def _failed(self, wheel: Artefact, module: str, outcome: Outcome) -> DeepFinding:
        from envcheck.predict import remedies

        last = outcome.searches[-1]
        lacks = [lack for search in outcome.searches for lack in search.lacks if lack.certain]
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
        names = list(dict.fromkeys(one.name for one in outcome.searches if one.kind != "module"))
        return DeepFinding(
            distribution=wheel.name,
            version=wheel.file.version,
            kind="missing-library",
            certain=True,
            module=module,
            libraries=names,
            sentence=f"`import {module}` fails: it looks for the library {names[0]}, "
            f"which neither {self._image()} nor any wheel has",
            evidence=[f"{one.place or module} looks for {one.name}" for one in outcome.searches[:5]]
            + ([f"it says: {outcome.text[:200]}"] if outcome.text else []),
            remedy=remedies.for_libraries(self.target, names) if not lacks else "",
        )

    def _unloadable(self, wheel: Artefact, module: str, path: str, *, certain: bool) -> DeepFinding:
        from envcheck.predict import remedies

        lacks = self.loader.lacks(path)
        first = next((lack for lack in lacks if lack.certain), lacks[0])
        alike = [lack for lack in lacks if lack.kind == first.kind]
        names = list(dict.fromkeys(lack.name for lack in alike))
        where = f", which {self._image()} does not have" if first.kind == "missing-library" else ""
        remedy = ""
        if first.kind == "missing-library":
            remedy = remedies.for_libraries(self.target, names)
            headless = f"{wheel.name}-headless"
            if self.siblings and "headless" not in wheel.name and self.siblings(headless):
                remedy = f"use {headless}, which needs none of it, or {remedy}" if remedy else (
                    f"use {headless}"
                )  # fmt: skip
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
        found = [f"{name}: {text}" for name, text in self.site.unseen.items()]
        found += [f"{path}: {text}" for path, text in self.loader.unseen.items()]
        if not self.loader.image.complete:
            found.append(f"which libraries {self.target.image or self.target.id} has is not known")
        return list(dict.fromkeys(found))


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
