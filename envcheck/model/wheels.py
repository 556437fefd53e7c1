"""What releases of projects have for targets: the document of ``envcheck wheels``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

SCHEMA = "envcheck.wheels/1"

State = Literal["wheel", "generic", "sdist", "python", "yanked", "nothing", "unknown"]
#: state -> what it means, for legends
STATES: dict[State, str] = {
    "wheel": "a wheel for this platform",
    "generic": "a wheel for any platform",
    "sdist": "only an sdist: it would be built",
    "python": "Requires-Python excludes this Python",
    "yanked": "only files that were yanked",
    "nothing": "no file for this target",
    "unknown": "cannot be judged",
}
Way = Literal["own", "abi3", "generic"]
#: how a release has something -> what that means
WAYS: dict[Way, str] = {
    "own": "wheels made for it",
    "abi3": "by wheels of the stable ABI",
    "generic": "by wheels for any",
}
Now = Literal["newest", "dropped", "never"]


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A target. ``wanted``: the tag that it wants most."""

    id: str
    python: Annotated[str, Meta(description="Full version")]
    wanted: str
    libc: str = ""
    architecture: str = "x86_64"
    implementation: str = "cpython"
    free_threaded: bool = False
    system: str = "linux"
    release: Annotated[str, Meta(description="Of macOS, as 14.0")] = ""
    note: Annotated[str, Meta(description="Where these facts come from, of which day")] = ""


class Cell(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a release has for a target: what an installer that was given this version would take."""

    state: State
    file: Annotated[str, Meta(description="What would be taken")] = ""
    tag: Annotated[str, Meta(description="Of it, the tag that this target likes best")] = ""
    rank: Annotated[
        list[int],
        Meta(description="Places of that tag's ABI and platform in the target's lists, 0 is best"),
    ] = field(default_factory=list)
    uploaded: Annotated[str, Meta(description="When, ISO 8601; empty: the index does not say")] = ""
    reason: Annotated[str, Meta(description="Why there is nothing better, in a sentence")] = ""


class ReleaseSupport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A release. ``cells``: one for each of the document's targets."""

    version: str
    uploaded: Annotated[str, Meta(description="Of its first file, ISO 8601")] = ""
    cells: list[Cell]
    wheels: int = 0
    sdists: int = 0
    requires_python: str = ""
    prerelease: bool = False
    yanked: Annotated[str | None, Meta(description="The reason; null: it is not")] = None
    variants: Annotated[
        list[str],
        Meta(description="Wheels with a variant label (PEP 825), which count for nothing"),
    ] = field(default_factory=list)


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A release. ``uploaded``: of the first file there that is meant, ISO 8601."""

    version: str
    uploaded: str = ""


class Span(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Releases that follow one another by version. ``way``: how they have it."""

    first: Mark
    last: Mark
    releases: int
    way: Way = "own"


class Floor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From this release on wheels need at least ``needs``, as ``glibc 2.28`` or ``macOS 14.0``."""

    since: Mark
    needs: str


class Feature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that releases have or have not. ``first``: the one that had it first; ``last``: of
    those that have it the highest version. ``gaps``: those without it in between; their ``way``
    means nothing.
    """

    key: Annotated[str, Meta(description="As cp313, cp313t, pp311, musllinux_x86_64, abi3, sdist")]
    title: str
    kind: Literal["python", "platform", "file"]
    now: Now
    first: Mark | None = None
    last: Mark | None = None
    spans: list[Span] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)


class Project(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A project. ``problem``: why it could not be asked for; then there is nothing else."""

    name: str
    problem: str = ""
    newest: Annotated[Mark | None, Meta(description="Of the releases that count")] = None
    oldest: Annotated[Mark | None, Meta(description="Of the releases that count")] = None
    counted: Annotated[int, Meta(description="Releases that count in the timeline")] = 0
    listed: Annotated[int, Meta(description="All releases of the index")] = 0
    prereleases: Annotated[bool, Meta(description="Whether pre-releases count")] = False
    releases: Annotated[
        list[ReleaseSupport], Meta(description="Those that were asked for, newest version first")
    ] = field(default_factory=list)
    timeline: list[Feature] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class WheelsDocument(Struct, frozen=True, kw_only=True):
    """What an index has for targets, by file names and Requires-Python alone."""

    schema: Literal["envcheck.wheels/1"] = "envcheck.wheels/1"
    envcheck: str
    created: Annotated[str, Meta(description="UTC, as in RFC 3339")]
    targets: list[Place]
    projects: list[Project]
    exclude_newer: Annotated[
        str, Meta(description="Only files from before this day; empty: all")
    ] = ""
    notes: list[str] = field(default_factory=list)
