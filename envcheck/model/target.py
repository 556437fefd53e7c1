"""Where something would be installed: an interpreter on a platform, described by data alone."""

from __future__ import annotations

from typing import Literal, NamedTuple

Implementation = Literal["cpython", "pypy"]
System = Literal["linux", "macos", "windows"]


class Target(NamedTuple):
    """An interpreter as the specifications of wheel tags and environment markers see it.

    ``id`` reads like an image tag (``3.12-alpine``). ``libc``: ``glibc 2.36``, ``musl 1.2``; empty
    where there is none or it is not known. ``release``: of macOS, as ``14.0``. ``compilers``: what
    can build there, of ``c``, ``c++``, ``rust``, ``fortran``, ``cuda``, ``cmake``; None: not known.
    ``image``: what it stands for, as ``python:3.12-slim``. ``note``: where these facts come from,
    and of which day. ``implementation_version``: of PyPy, as ``8.0.1``: its ABI changes with it.
    ``platforms``: its platform tags, where it says others itself than follow from the rest.
    """

    id: str
    python: str  # full version, as 3.12.13
    libc: str = ""
    architecture: str = "x86_64"
    implementation: Implementation = "cpython"
    free_threaded: bool = False
    system: System = "linux"
    release: str = ""
    compilers: frozenset[str] | None = frozenset()
    distribution: str = ""  # of Linux, as os-release has it: `debian`, `alpine`
    image: str = ""
    note: str = ""
    implementation_version: str = ""
    platforms: tuple[str, ...] = ()

    @property
    def minor(self) -> str:
        """As ``3.12``."""
        return ".".join(self.python.split(".")[:2])

    @property
    def version(self) -> tuple[int, int]:
        """As ``(3, 12)``."""
        major, minor = self.python.split(".")[:2]
        return int(major), int(minor)

    @property
    def words(self) -> str:
        """As ``CPython 3.13t``, ``PyPy 3.11``."""
        name = "PyPy" if self.implementation == "pypy" else "CPython"
        return f"{name} {self.minor}{'t' if self.free_threaded else ''}"

    @property
    def interpreter(self) -> str:
        """As the id begins: ``3.12``, ``3.12.4``, ``3.13t``, ``pypy3.11``."""
        name = "pypy" if self.implementation == "pypy" else ""
        usual = f"{name}{self.minor}{'t' if self.free_threaded else ''}"
        head = self.id.partition("-")[0]
        return head if head in (usual, f"{name}{self.python}") else usual

    @property
    def place(self) -> str:
        """The rest of the id, as ``slim-aarch64``; all of it, where it is the name of a place."""
        head, _, rest = self.id.partition("-")
        return rest if head == self.interpreter else self.id

    @property
    def family(self) -> str:
        """``glibc``, ``musl`` or empty."""
        return self.libc.partition(" ")[0]
