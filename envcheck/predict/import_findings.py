"""What does not import, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.errors import IndexTrouble
from envcheck.index.remote_elf import OutOfBudgetError
from envcheck.model.deep_finding import DeepFinding
from envcheck.predict import remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.index.pages import File
    from envcheck.index.remote_elf import RemoteWheel
    from envcheck.predict.imports.outcome import Outcome
    from envcheck.predict.imports.site import Artefact, Site
    from envcheck.predict.loading import Loader


class Findings:
    """Of one closure. ``listing``: the files of a project on the index."""

    def __init__(
        self,
        site: Site,
        loader: Loader,
        read: Callable[[File], RemoteWheel],
        listing: Callable[[str], Sequence[File]] | None,
    ) -> None:
        self.site, self.loader, self.target = site, loader, loader.target
        self.image = self.target.image or self.target.id
        self._read, self._listing = read, listing

    def failed(
        self,
        wheel: Artefact,
        module: str,
        outcome: Outcome,
        *,
        working: Sequence[str] = (),
        more: Sequence[str] = (),
    ) -> DeepFinding:
        """An import fails. ``working``: other modules of the distribution that do import; ``more``:
        libraries that it looks for when it has those.
        """
        found = self._reason(wheel, module, outcome, more)
        if not working:
            return found
        sentence = f"{found.sentence}; `import {working[0]}` works"
        return replace(found, certain=False, sentence=sentence)

    def _reason(
        self, wheel: Artefact, module: str, outcome: Outcome, more: Sequence[str]
    ) -> DeepFinding:
        last = outcome.searches[-1]
        if last.kind == "module":
            return self._without_module(wheel, module, outcome)
        if last.kind == "object" and last.lacks:
            return self.unloadable(wheel, module, last.name, certain=True)
        names = outcome.libraries()
        names += [name for name in more if name not in names]
        sentence = f"`import {module}` fails: it looks for the library {names[0]}, "
        sentence += f"which neither {self.image} nor any wheel has"
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

    def _without_module(self, wheel: Artefact, module: str, outcome: Outcome) -> DeepFinding:
        names = list(dict.fromkeys(one.name for one in outcome.searches))
        what = f"it imports {names[-1]}, which nothing brings"
        if not outcome.text.startswith("No module named"):
            what = f"it finds none of {', '.join(names[:6])}"
            what += f" and says: {outcome.text[:100]}" if outcome.text else ""
        return DeepFinding(
            distribution=wheel.name,
            version=wheel.file.version,
            kind="missing-module",
            certain=True,
            module=module,
            sentence=f"`import {module}` fails: {what}",
            evidence=[f"{one.place} imports {one.name}" for one in outcome.searches[:5]],
        )

    def unloadable(self, wheel: Artefact, module: str, path: str, *, certain: bool) -> DeepFinding:
        """The object at ``path`` does not load."""
        lacks = self.loader.lacks(path)
        first = next((lack for lack in lacks if lack.certain), lacks[0])
        alike = [lack for lack in lacks if lack.kind == first.kind and lack.certain]
        alike = alike or [first]
        names = list(dict.fromkeys(lack.name for lack in alike))
        where = f", which {self.image} does not have" if first.kind == "missing-library" else ""
        remedy = ""
        if first.kind == "missing-library":
            every = [lack.name for lack in lacks if lack.kind == first.kind]
            remedy = remedies.for_libraries(self.target, every)
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

    def wrong_tag(self, number: int, broken: Sequence[str]) -> list[DeepFinding]:
        """A wheel says that it fits any platform, and some of its objects do not fit this one."""
        wheel = self.site.artefacts[number]
        if not for_any(wheel):
            return []
        lacks = [
            lack
            for path in broken
            for lack in self.loader.lacks(path)
            if lack.kind in ("libc", "architecture")
        ]
        if not lacks:
            return []
        objects = self.site.objects(number)
        count = f"{len(objects)} shared objects that do not"
        if len(objects) == 1:
            count = "a shared object that does not"
        return [
            DeepFinding(
                distribution=wheel.name,
                version=wheel.file.version,
                kind="wrong-tag",
                certain=False,
                module="",
                sentence=f"{wheel.file.filename} says that it fits any platform and holds {count}: "
                f"{lacks[0].sentence}",
                libraries=[lacks[0].name],
                evidence=[f"{lack.by}: {lack.sentence}" for lack in lacks[:5]],
            )
        ]

    def _files(self, name: str) -> Sequence[File]:
        """Files of a project on the index; none if that is not known."""
        try:
            return self._listing(name) if self._listing else ()
        except IndexTrouble:
            return ()

    def _bundled(self, wheel: Artefact) -> tuple[str, str]:
        """Of a wheel for any platform: one of the same release for some platform, and a library
        that it brings and this one does not. Empty if there is none.
        """
        if not for_any(wheel):
            return "", ""
        number = self.site.artefacts.index(wheel)
        own = {path.rpartition("/")[2] for path in self.site.objects(number)}
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
                members = self._read(file).members()
            except (IndexTrouble, OutOfBudgetError):
                continue
            for path in sorted(members):
                name = path.rpartition("/")[2]
                if re.search(r"\.so(\.[\w.]+)?$", name) and name not in own:
                    return file.filename, name
        return "", ""

    def unseen(self) -> list[str]:
        """One sentence for each wheel."""
        objects: dict[str, list[str]] = {}
        for path in self.loader.unseen:
            place = self.site.find(path)
            name = self.site.artefacts[place.artefact].name if place else "?"
            objects.setdefault(name, []).append(path)
        found = []
        for name, paths in sorted(objects.items()):
            size = sum(map(self.site.size, paths)) / 1e6
            some = ", ".join(path.rpartition("/")[2] for path in sorted(paths)[:2])
            more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
            found.append(f"{name}: {some}{more} ({size:.0f} MB packed) were not read")
        found += [f"{name}: {text}" for name, text in sorted(self.site.unseen.items())]
        if not self.loader.image.complete:
            found.append(f"which libraries {self.image} has is not known")
        return found


def for_any(wheel: Artefact) -> bool:
    """Whether a wheel says that it fits any platform."""
    return wheel.file.filename.endswith("-any.whl")
