"""A Dockerfile as a question: what the stage that installs requires, and where that would go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envcheck.errors import UsageError, did_you_mean
from envcheck.predict.inputs import base_images, dockerfile_stages
from envcheck.predict.inputs.asked import Asked, Image
from envcheck.predict.inputs.stage_installs import Installed, of_stages
from envcheck.predict.words import ARCHITECTURES, parts
from envcheck.tomlfile import printable
from envcheck.tomlfile import read as read_bytes

if TYPE_CHECKING:
    from envcheck.predict.inputs.base_images import Base
    from envcheck.predict.inputs.dockerfile_stages import Stage

LIMIT = 1 << 20  # bytes
_PLATFORMS = {"386": "i686", "arm": "armv7l", "amd64": "x86_64"}


def read(path: str, shown: str, *, stage: str = "") -> Asked:
    """The question of a Dockerfile. ``stage``: the one that installs, by name or number; default:
    the last stage, or the one from which it takes what was installed.

    Raises DataError, UsageError for a stage that is not there.
    """
    text = read_bytes(path, shown, LIMIT).decode("utf-8", "replace")
    context = _context(path, shown, text)
    stages = dockerfile_stages.read(text, shown, context)
    installed = {one.number: of_stages([one], context, printable(shown)) for one in stages}
    final = _named(stages, stage, shown) if stage else stages[-1]
    chosen = final if stage else _installing(final, installed)
    found = of_stages(chosen.chain(), context, printable(shown))
    notes = [] if stage else list(_other_stages(final, chosen, installed, printable(shown)))
    return _asked(chosen, found, printable(shown), notes)


def _context(path: str, shown: str, text: str) -> str:
    """The build context: the Dockerfile's directory, or the working one that it is below, whichever
    has more of what is copied.
    """
    own = os.path.dirname(path) or "."
    folders = [own]
    outer = own
    for _ in range(os.path.normpath(os.path.dirname(shown)).replace("\\", "/").count("/") + 1):
        outer = os.path.dirname(outer)
        if os.path.dirname(shown) not in ("", "."):
            folders.append(outer)
    wanted = dockerfile_stages.sources(text)
    return max(
        folders,
        key=lambda one: sum(os.path.exists(os.path.join(one, path.lstrip("/"))) for path in wanted),
    )


def _named(stages: list[Stage], word: str, shown: str) -> Stage:
    for stage in reversed(stages):
        if word.lower() == stage.name or word == str(stage.number):
            return stage
    names = [stage.name or str(stage.number) for stage in stages]
    raise UsageError(
        f"{printable(shown)} has no stage `{printable(word)}`{did_you_mean(word, names)}",
        hint=f"it has {', '.join(names)}",
    )


def _installing(final: Stage, installed: dict[int, Installed]) -> Stage:
    """The stage in which what ``final`` has was installed: itself, or the last one that it copies
    from, directly or by others.
    """
    waiting, seen = [final], set[int]()
    candidates: list[Stage] = []
    while waiting:
        stage = waiting.pop(0)
        if stage.number in seen:
            continue
        seen.add(stage.number)
        if any(installed[one.number] for one in stage.chain()):
            candidates.append(stage)
            if stage is final:
                break
        waiting += [used for one in stage.chain() for used in one.uses]
    return max(candidates, key=lambda one: one.number, default=final) if candidates else final


def _other_stages(
    final: Stage, chosen: Stage, installed: dict[int, Installed], shown: str
) -> list[str]:
    """What is said about stages that were not chosen."""
    notes = []
    if chosen is not final and _image(chosen) != _image(final):
        what = f"it is installed in {chosen.shown} ({printable(_image(chosen))}) and runs in"
        notes.append(f"{shown}:{final.line}: {what} {printable(_image(final))}")
    own = {one.number for one in chosen.chain()}
    for number, found in installed.items():
        if found and number not in own:
            what = f"stage {number} installs too and was left out: choose it by its name or number"
            notes.append(f"{shown}:{found.line}: {what}")
    return notes


def _image(stage: Stage) -> str:
    return stage.chain()[0].image


def _asked(stage: Stage, found: Installed, shown: str, notes: list[str]) -> Asked:
    """``found``: of the stage with those that it is built on."""
    first = stage.chain()[0]
    base = base_images.base(first.image)
    if first.missing:
        names = ", ".join(sorted(set(first.missing)))
        what = f"{printable(first.image)} depends on the build argument {names}"
        base = base._replace(unknown=f"{what}, which has no value", compilers=None)
    platform = next((one.platform for one in reversed(stage.chain()) if one.platform), "")
    architecture = _architecture(platform)
    targets: list[str] = []
    python, why = _python(base, found)
    word = base.word(python, architecture)
    if platform and not architecture:
        why = f"the platform {printable(platform)} is not known"
    elif word and not why:
        try:
            parts(word)
            targets = [word]
        except UsageError as error:
            why = error.message
    if not targets:
        notes.append(f"{shown}:{first.line}: where it goes is not known: {why}")
    if base.note:
        notes.append(f"{shown}:{first.line}: {base.note}")
    asked = found.asked
    if asked.locked and asked.requirements:
        words = ", ".join(dict.fromkeys(asked.requirements))
        what = f"what is installed beside the lock is not judged: {printable(words)}"
        notes.append(f"{shown}:{found.line}: {what}")
    return Asked(
        kind="Dockerfile",
        path=shown,
        requirements=list(dict.fromkeys(asked.requirements)),
        constraints=list(dict.fromkeys(asked.constraints)),
        hashes=asked.hashes,
        pins=asked.pins,
        roots=asked.roots,
        locked=asked.locked,
        extras=asked.extras,
        groups=asked.groups,
        targets=targets,
        requires_python=asked.requires_python,
        environments=asked.environments,
        index=asked.index,
        indexes=asked.indexes,
        image=Image(
            first.image,
            stage.name or str(stage.number),
            base.official,
            base.distribution,
            found.compilers_of(base),
            tuple(sorted(found.packages)),
        ),
        notes=[*notes, *found.notes, *asked.notes],
    )


def _python(base: Base, found: Installed) -> tuple[str, str]:
    """(the Python that installs, why it is not known)."""
    if base.unknown:
        return "", base.unknown
    if found.python:
        return found.python, ""
    own = found.packaged_python(base.python)
    if base.installed or own:
        return own or base.python, ""
    if found.managers:
        what = f"which Python {found.managers[-1]} takes is not said: set UV_PYTHON or --python"
        return "", what
    return "", "no Python is installed that is known of"


def _architecture(platform: str) -> str:
    """Of ``linux/arm64``; empty if there is none or it is not known."""
    system, _, rest = platform.lower().partition("/")
    word = rest.partition("/")[0]
    if system != "linux":
        return ""
    return _PLATFORMS.get(word) or ARCHITECTURES.get(word, "")
