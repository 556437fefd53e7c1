"""Command lines of uv and pip: the same three acts, resolve, build and install, by either.

Nothing of a user's configuration is read in a cell: where distributions come from is said by
options, and it is always the gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from envcheck.matrix import locks

if TYPE_CHECKING:
    from envcheck.index.gateway import IndexOptions
    from envcheck.matrix.backends.base import Paths
    from envcheck.matrix.locks import Locked
    from envcheck.model.matrix import Index
    from envcheck.model.target import Target


class Asked(NamedTuple):
    """Files in the cell that say what is wanted, or what was decided."""

    requirements: str
    constraints: str = ""


class Installer(Protocol):
    """How one installer is told what to do. All words are for the cell."""

    lock: str  # file below scratch in which the resolver leaves its decision

    def version(self, paths: Paths) -> list[str]:
        """Prints name and version."""

    def resolve(self, paths: Paths, asked: Asked, where: IndexOptions, index: Index) -> list[str]:
        """Decide, as a user's `install` would, and write the lock."""

    def read(self, text: str, target: Target) -> list[Locked]:
        """The lock. Raises LockError."""

    def build(self, paths: Paths, source: str, where: IndexOptions, out: str) -> list[str]:
        """Make a wheel of an sdist or a project directory, in ``out``."""

    def install(self, paths: Paths, asked: Asked, where: IndexOptions) -> list[str]:
        """Install wheels with these hashes and nothing else."""


class Uv:
    """uv, whose cache is shared by all cells of a store."""

    lock = "pylock.toml"
    # of extra indexes the best match counts, as for pip: people write them down as for pip
    _common = (
        "--no-config", "--color", "never", "--no-progress", "--no-python-downloads",
        "--index-strategy", "unsafe-best-match",
    )  # fmt: skip

    def version(self, paths: Paths) -> list[str]:
        """``uv 0.13.8 (…)``."""
        return [paths.uv, "--version"]

    def resolve(self, paths: Paths, asked: Asked, where: IndexOptions, index: Index) -> list[str]:
        """``uv pip compile``: what it locks is what ``uv pip install`` would install."""
        words = [paths.uv, "pip", "compile", asked.requirements, *self._common]
        words += ["--format", "pylock.toml", "--output-file", f"{paths.scratch}/{self.lock}"]
        words += ["--no-header", "--no-annotate", "--python", paths.python]
        words += ["--cache-dir", f"{paths.scratch}/uv-cache", *_where(where, "--default-index")]
        words += ["--constraints", asked.constraints] if asked.constraints else []
        words += ["--prerelease", "allow"] if index.pre else []
        return words + _binary(index, "--only-binary", "--no-binary")

    def read(self, text: str, target: Target) -> list[Locked]:
        """Of ``pylock.toml``."""
        return locks.of_uv(text, target)

    def build(self, paths: Paths, source: str, where: IndexOptions, out: str) -> list[str]:
        """``uv build --wheel``, in isolation as ever."""
        words = [paths.uv, "build", "--wheel", source, "--out-dir", out, *self._common]
        words += ["--python", paths.python, "--cache-dir", f"{paths.scratch}/uv-cache"]
        return words + _where(where, "--default-index")

    def install(self, paths: Paths, asked: Asked, where: IndexOptions) -> list[str]:
        """``uv pip install``: files are links to those of the cache."""
        words = [paths.uv, "pip", "install", "--requirements", asked.requirements, *self._common]
        words += ["--python", paths.python, "--no-deps", "--require-hashes", "--no-build"]
        words += ["--cache-dir", paths.uv_cache, "--link-mode", "hardlink"]
        return words + _where(where, "--default-index")


class Pip:
    """The pip of the interpreter that the environment is made of."""

    lock = "report.json"

    def _pip(self, paths: Paths) -> list[str]:
        words = [paths.base, "-I", "-m", "pip", "--python", paths.python]
        return [*words, "--disable-pip-version-check", "--no-input", "--no-color"]

    def version(self, paths: Paths) -> list[str]:
        """``pip 24.0 from …``."""
        return [paths.base, "-I", "-m", "pip", "--version"]

    def resolve(self, paths: Paths, asked: Asked, where: IndexOptions, index: Index) -> list[str]:
        """``pip install --dry-run --report``."""
        words = [*self._pip(paths), "install", "--dry-run", "--ignore-installed", "--no-cache-dir"]
        words += ["--report", f"{paths.scratch}/{self.lock}", "--progress-bar", "off"]
        words += ["--requirement", asked.requirements, *_where(where, "--index-url")]
        words += ["--constraint", asked.constraints] if asked.constraints else []
        words += ["--pre"] if index.pre else []
        return words + _binary(index, "--only-binary", "--no-binary")

    def read(self, text: str, target: Target) -> list[Locked]:  # noqa: ARG002  # pip has chosen
        """Of the report."""
        return locks.of_pip(text)

    def build(self, paths: Paths, source: str, where: IndexOptions, out: str) -> list[str]:
        """``pip wheel``."""
        words = [*self._pip(paths), "wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", out]
        return [*words, "--progress-bar", "off", source, *_where(where, "--index-url")]

    def install(self, paths: Paths, asked: Asked, where: IndexOptions) -> list[str]:
        """``pip install``, which compiles bytecode as it does for everybody."""
        words = [*self._pip(paths), "install", "--no-deps", "--require-hashes", "--no-cache-dir"]
        words += ["--only-binary", ":all:", "--progress-bar", "off"]
        return [*words, "--requirement", asked.requirements, *_where(where, "--index-url")]


INSTALLERS: dict[str, Installer] = {"uv": Uv(), "pip": Pip()}


def _where(where: IndexOptions, first: str) -> list[str]:
    words = [first, where.index_url] if where.index_url else ["--no-index"]
    for url in where.extra_index_urls:
        words += ["--extra-index-url", url]
    for place in where.find_links:
        words += ["--find-links", place]
    return words


def _binary(index: Index, only: str, none: str) -> list[str]:
    words = []
    for option, names in ((only, index.only_binary), (none, index.no_binary)):
        for name in names:
            words += [option, name]
    return words
