"""What is known of a file of an index without having fetched it: the cached, recorded facts."""

from __future__ import annotations

from msgspec import Struct, field


class Contents(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a wheel unpacks to, by its central directory. Bytes; ``allocated``: of ``site``, on a
    disk of blocks of 4 KiB. ``site``: what goes to the site directories, the rest is ``scripts``
    and ``other`` (``.data/scripts``, ``.data/data``, ``.data/headers``), which count besides.
    ``members``: of the archive, directories among them; ``files``: in the site directories.
    """

    members: int
    site: int
    allocated: int
    scripts: int = 0
    other: int = 0
    files: int = 0
    commands: int = 0  # programs that its entry points ask for; an installer writes them
    python: int = 0  # number of .py files in the site directories
    python_bytes: int = 0
    tests_bytes: int = 0  # of these, in modules and packages of tests: they compile to more
    paths_bytes: int = 0  # length of the paths of these files: installers write them down again
    python_slack: int = 0  # about what blocks add to the bytecode of these files
    libraries: list[tuple[str, int]] = field(default_factory=list)  # shared objects: path, bytes
    modules: list[str] = field(default_factory=list)  # at the top of the site directories
    sketch: list[int] = field(default_factory=list)  # smallest CRC-32s of paths: what overlaps
    estimated_from: str = ""  # the file whose directory was read instead of this one's


class WheelFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wheel. ``sources``: where ``size``, ``metadata`` and ``contents`` come from, in words.

    ``problem``: why something is missing, in a sentence.
    """

    size: int | None = None
    metadata: str = ""  # of METADATA, what says what it is and what it requires
    contents: Contents | None = None
    sources: dict[str, str] = field(default_factory=dict)
    problem: str = ""


class SdistFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An sdist. ``complete``: whether all of it was looked at, else its beginning only."""

    size: int | None = None
    metadata: str = ""  # PKG-INFO's headers
    static: bool = False  # whether its requirements are static: Metadata-Version 2.2, not Dynamic
    requires: list[str] | None = None  # as Requires-Dist, if its sources say them literally
    complete: bool = False
    backend: str = ""  # build-backend, `setuptools` where there is none
    build_requires: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)  # that are compiled: c, c++, rust, cuda …
    optional: list[str] = field(default_factory=list)  # … only if that works: pure without
    pure: bool | None = None  # None: cannot be told
    headers: list[str] = field(default_factory=list)  # of system libraries, as `libpq-fe.h`
    programs: list[str] = field(default_factory=list)  # as `pg_config`, `cmake`, `nvcc`
    needs: list[str] = field(default_factory=list)  # imported by its build and not declared: torch
    downloads: list[str] = field(default_factory=list)  # evidence that its build fetches something
    systems: list[str] = field(default_factory=list)  # the only ones on which it builds
    refuses: str = ""  # why it builds nowhere, by its own words or by what is wrong with it
    evidence: list[str] = field(default_factory=list)  # file: what was seen, for a person
    sources: dict[str, str] = field(default_factory=dict)
    problem: str = ""
