"""What installs and will not import: judged from members of wheels, read by ranges.

Shared objects say which libraries and versions of symbols they need; sources say which objects and
libraries an import loads. A library is missing if neither the closure nor the image has it. Only
what an import certainly meets is said to be certain.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from envcheck.index.pages import normalized
from envcheck.predict.import_findings import Findings
from envcheck.predict.imports.importer import Importer
from envcheck.predict.imports.outcome import stem
from envcheck.predict.imports.site import ASIDE, Artefact, Site
from envcheck.predict.loading import Loader
from envcheck.predict.suspicion import Suspicion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from envcheck.index.pages import File
    from envcheck.index.remote_elf import RemoteWheel
    from envcheck.model.artifact import WheelFacts
    from envcheck.model.deep_finding import DeepFinding
    from envcheck.model.target import Target
    from envcheck.predict.imports.outcome import Outcome
    from envcheck.predict.loading import Lack

_NVIDIA = re.compile(r"(nvidia|cuda|tensorrt(-|_)(cu\d+_)?libs)[-_]")
#: These load what others ask them to, none of it for themselves.
_LOADING = frozenset({"cffi", "pycparser"})
_THREADS = 8
_ROUNDS = 12  # libraries that an import may look for one after the other
_BARE = 400  # bytes, packed, of a source that says next to nothing
_TOPS = 4  # modules of a distribution that are tried


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
        self.site = Site(target, wheels, read)
        self.loader = Loader(target, self.site)
        self.findings = Findings(self.site, self.loader, read, listing)
        self.suspects: dict[str, list[str]] = {}  # distribution -> objects that do not load
        self.broken: dict[str, tuple[str, list[Lack]]] = {}  # module -> object, why
        self.undecided: list[str] = []

    def done(self) -> Examined:
        numbers = [
            number
            for number, wheel in enumerate(self.wheels)
            if not _NVIDIA.match(wheel.name)
            and wheel.name not in _LOADING
            and (self.only is None or wheel.name in self.only)
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self.site.files, numbers))
            suspicion = Suspicion(self.site, self.loader)
            suspicion.share(numbers, self.asked)
            for number, broken in zip(numbers, pool.map(suspicion.of, numbers), strict=True):
                if broken is not None:
                    self.suspects[self.wheels[number].name] = broken
        findings: list[DeepFinding] = []
        if self.suspects:
            opaque = {wheel.name for wheel in self.wheels} - set(self.suspects)
            importer = Importer(self.target, self.site, self.loader, opaque)
            for number, wheel in enumerate(self.wheels):
                if wheel.name in self.suspects:
                    findings += self._judged(number, importer)
            findings += self._dependents(
                {one.distribution for one in findings if one.certain},
                {one.distribution for one in findings if one.module},
            )
        for number in numbers:
            self.site.wheel(number).forget()
        return Examined(findings, self.findings.unseen() + self.undecided)

    def _judged(self, number: int, importer: Importer) -> list[DeepFinding]:
        wheel = self.wheels[number]
        broken = self.suspects[wheel.name]
        outcomes = {name: importer.outcome(name) for name in self._tops(number)}
        aside: list[DeepFinding] = []
        if not any(outcome.works for outcome in outcomes.values()):
            aside = self.findings.wrong_tag(number, broken)
        for name, outcome in outcomes.items():
            if outcome.works is False and outcome.searches:
                working = [one for one, other in outcomes.items() if other.works]
                if name == self._main(number, outcomes):
                    working = []
                more = self._further(importer, name, outcome)
                failed = self.findings.failed(wheel, name, outcome, working=working, more=more)
                return [failed, *aside]
        if wheel.name in self.asked and None in {one.works for one in outcomes.values()}:
            self.undecided.append(f"{wheel.name}: its import could not be followed to its end")
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
                found.append(
                    self.findings.unloadable(wheel, top.partition(".")[0], path, certain=True)
                )
        if not found and any(outcome.works is None for outcome in outcomes.values()):
            unclear = [path for path in self.site.objects(number) if ".libs/" not in path]
            if broken and reached.isdisjoint(broken) and set(unclear) == set(broken):
                found.append(self.findings.unloadable(wheel, broken[0], broken[0], certain=False))
        return found[:1] + aside

    def _main(self, number: int, modules: Iterable[str]) -> str:
        """The one with the most source: beside it others are aliases and tools."""
        files = self.site.files(number) or {}

        def size(module: str) -> int:
            top = module.partition(".")[0]
            return sum(
                self.site.size(path) for path in files if path.startswith((f"{top}/", f"{top}."))
            )

        return max(modules, key=size)

    def _further(self, importer: Importer, module: str, outcome: Outcome) -> list[str]:
        """What an import looks for when it has the libraries that it failed for: a remedy that
        names the first only would be followed by the next failure.
        """
        found: list[str] = []
        for _ in range(_ROUNDS):
            if outcome.works is not False or not outcome.searches:
                break
            if outcome.searches[-1].kind != "library":
                break
            importer.granted |= {stem(name) for name in outcome.libraries()}
            outcome = importer.outcome(module)
            found += outcome.libraries() if outcome.searches else []
        importer.granted.clear()
        return found

    def _tops(self, number: int) -> list[str]:
        """The modules of a distribution that are meant to be imported, the namesake first."""
        contents = self.wheels[number].facts.contents
        files = self.site.files(number) or {}
        names = contents.modules if contents else sorted({_top(path) for path in files})
        good = [
            name
            for name in dict.fromkeys(names)
            if name.isidentifier() and name[:1] != "_" and not ASIDE.search(name)
        ]
        good = [module for name in good for module in self._modules(number, name)]
        wanted = self.wheels[number].name.replace("-", "_")
        good.sort(key=lambda name: (name.lower() != wanted, name))
        return good[:_TOPS]

    def _modules(self, number: int, name: str) -> list[str]:
        """``name``; of a folder without a source of its own, the extension modules in it; of a
        package that says next to nothing itself, the namesake in it, as ``pyzbar.pyzbar``.
        """
        start = f"{name}/__init__.py"
        if self.site.find(f"{name}/{name}.py") and self.site.size(start) < _BARE:
            return [f"{name}.{name}"]
        endings = ("/__init__.py", ".py", *self.site.suffixes)
        if any(self.site.find(f"{name}{ending}") for ending in endings):
            return [name]
        found = []
        for path in self.site.objects(number):
            top, _, rest = path.partition("/")
            stem = rest.partition(".")[0]
            if top == name and rest[len(stem) :] in self.site.suffixes and stem[:1] != "_":
                found.append(f"{name}.{stem}")
        return sorted(found)

    def _dependents(self, failing: set[str], judged: set[str]) -> list[DeepFinding]:
        """What imports something that fails, and of what was asked for also what may import a part
        that does: a package may work as long as nobody imports the module that looks for a library.
        """
        above = _above(self.wheels, failing) - failing
        if self.only is None:
            above |= (_above(self.wheels, set(self.suspects)) & set(self.asked)) - failing
        way = _above(self.wheels, set(self.suspects))
        opaque = {wheel.name for wheel in self.wheels} - way
        importer = Importer(self.target, self.site, self.loader, opaque)
        importer.broken.update(self.broken)
        found = []
        for number, wheel in enumerate(self.wheels):
            if wheel.name not in above - judged:
                continue
            for module in self._tops(number)[:1]:
                outcome = importer.outcome(module)
                if outcome.works is False and outcome.searches:
                    found.append(self.findings.failed(wheel, module, outcome))
        return found


def _top(path: str) -> str:
    return path.partition("/")[0].partition(".")[0]


def _above(wheels: Iterable[Artefact], failing: set[str]) -> set[str]:
    """Distributions that require one of ``failing``, or one that does, by their METADATA."""
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
