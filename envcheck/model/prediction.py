"""What the index says that a target will do: part of a cell's result, and of ``envcheck why``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

#: class -> what it means. The question is about the newest release that a requirement names.
CLASSES: dict[str, str] = {
    "wheel": "installs from wheels",
    "older-release": "no file of the newest release fits; an older one has a wheel for it",
    "pre-release": "only a pre-release has a file that fits",
    "yanked": "installs, but its publisher has withdrawn it",
    "sdist-pure": "something must be built, which needs no compiler",
    "sdist-build": "something must be compiled",
    "requires-python": "Requires-Python excludes this Python",
    "no-file": "no file of it fits this target",
    "blocked": "it fits, but not something that it depends on",
    "will-not-import": "it installs, but will not import",
    "not-found": "the index has no such project or release",
    "unknown": "it could not be judged",
}


class Blocker(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is needed and cannot be had. ``path``: from the requirement to it, as
    ``accelerate 1.15.0``.
    """

    name: str
    requirement: str
    kind: Annotated[str, Meta(description="A key of CLASSES, or `conflict`")]
    sentence: str
    path: list[str] = field(default_factory=list)
    remedy: str = ""
    cause: Annotated[str, Meta(description="A key of cell.CAUSES, where `kind` does not tell")] = ""


class Build(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An sdist that would be built. ``pure``: None if that cannot be told."""

    name: str
    version: str
    file: str
    pure: bool | None = None
    languages: list[str] = field(default_factory=list)
    summary: str = ""
    problem: Annotated[str, Meta(description="Why it will not build there, if that is known")] = ""
    cause: Annotated[str, Meta(description="A key of cell.CAUSES")] = ""
    remedy: Annotated[str, Meta(description="What would bring what its build needs")] = ""


class Older(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an installer takes instead of the newest release."""

    version: str
    uploaded: str = ""
    behind: Annotated[int, Meta(description="Final releases between it and the newest")] = 0
    kind: Annotated[str, Meta(description="wheel, generic (for any platform) or sdist")] = ""


class Parts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes that a closure takes. None: not known of everything."""

    download: int | None = None
    files: int | None = None
    logical: int | None = None
    allocated: int | None = None
    logical_with_bytecode: int | None = None
    allocated_with_bytecode: int | None = None
    unknown: Annotated[
        list[str], Meta(description="Distributions of which something is not known")
    ] = field(default_factory=list)
    sources: Annotated[list[str], Meta(description="Where the numbers come from")] = field(
        default_factory=list
    )


class Prediction(Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """One target. ``class_``: a key of CLASSES; ``lines``: at most three, for a person."""

    target: str
    platform: Annotated[str, Meta(description="The target in words")] = ""
    class_: Annotated[str, Meta(description="A key of CLASSES")] = field(name="class")
    requirement: str = ""
    release: Annotated[str, Meta(description="The newest release, or the named one")] = ""
    uploaded: str = ""
    lines: list[str] = field(default_factory=list)
    remedy: str = ""
    blockers: list[Blocker] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)
    older: Older | None = None
    status: Annotated[str, Meta(description="Of the cell, as a run would have it")] = ""
    cause: Annotated[str, Meta(description="A key of cell.CAUSES")] = ""
    pins: Annotated[
        list[str], Meta(description="What would be installed, as `name==version`, sorted")
    ] = field(default_factory=list)
    parts: Parts | None = None
    unread: Annotated[list[str], Meta(description="What could not be known on the way")] = field(
        default_factory=list
    )
