"""What is measured: the cells, and how each competitor is told about them. Nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
SYSTEMS = ("slim", "alpine")
PACKAGES = ("numpy", "tokenizers", "more-itertools")
MODULES = ("numpy", "tokenizers", "more_itertools")
IMPORT = f"import {', '.join(MODULES)}"

DEFAULT_IMAGES = {"slim": "python:{python}-slim", "alpine": "python:{python}-alpine"}


class Cell(NamedTuple):
    """One combination. ``image``: what it is built from."""

    python: str
    os: str
    image: str

    @property
    def id(self) -> str:
        """As ``3.12-alpine``."""
        return f"{self.python}-{self.os}"


class Cells(NamedTuple):
    """``there``: cells whose image is on the engine; ``missing``: ids of the others."""

    there: list[Cell]
    missing: list[str]

    def sentence(self) -> str:
        """How many, and which of the ten are not among them."""
        if not self.missing:
            return f"{len(self.there)} cells"
        return (
            f"{len(self.there)} of {len(self.there) + len(self.missing)} cells, the same ones for "
            f"every competitor: there is no image for {', '.join(self.missing)}"
        )


def images(words: str) -> dict[str, str]:
    """Template of each os, from ``ENVCHECK_IMAGES`` (``slim=repo:{python}-slim,…``)."""
    said = dict(word.strip().split("=", 1) for word in words.split(",") if "=" in word)
    return {**DEFAULT_IMAGES, **said}


def cells(
    templates: Mapping[str, str],
    present: Callable[[str], bool],
    pythons: Sequence[str] = PYTHONS,
    systems: Sequence[str] = SYSTEMS,
) -> Cells:
    """The product of the axes, as far as there are images."""
    there, missing = [], []
    for python in pythons:
        for system in systems:
            cell = Cell(python, system, templates[system].replace("{python}", python))
            if present(cell.image):
                there.append(cell)
            else:
                missing.append(cell.id)
    return Cells(there, missing)


def dockerfile(certificates: bool) -> str:
    """What competitor (a) builds. ``certificates``: the context has a ``ca.pem`` to be trusted."""
    lines = ["ARG BASE", "FROM $BASE"]
    if certificates:
        lines += [
            "COPY ca.pem /etc/ssl/certs/ca-certificates.crt",
            "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
        ]
    lines += [
        f"RUN python3 -m pip install --no-cache-dir {' '.join(PACKAGES)}",
        f"RUN python3 -c '{IMPORT}'",
    ]
    return "\n".join(lines) + "\n"


def matrix(chosen: Sequence[Cell], steps: str = "") -> str:
    """The matrix file of these cells, for envcheck."""
    pythons = _each(cell.python for cell in chosen)
    systems = _each(cell.os for cell in chosen)
    there = {cell.id for cell in chosen}
    lines = [
        'schema = "envcheck.matrix/1"',
        "[test]",
        f"requirements = {_list(PACKAGES)}",
        f"imports = {_list(MODULES)}",
        'smoke = "none"',
        "[axes]",
        f"python = {_list(pythons)}",
        f"os = {_list(systems)}",
        steps,
    ]
    for python in pythons:
        for system in systems:
            if f"{python}-{system}" not in there:
                lines += ["[[exclude]]", f'python = "{python}"', f'os = "{system}"']
    return "\n".join(lines) + "\n"


#: Steps that do what others do: install, and import once.
BARE = '[steps]\nimports = 0\nfacts = false\nskip = ["measure"]'


def closure(pythons: Sequence[str] = PYTHONS) -> str:
    """The matrix file of the whole closure of accelerate, with torch's CUDA wheels: installed and
    imported once. As of a day on which four of the Pythons had one torch, as when pip was measured.
    """
    lines = [
        'schema = "envcheck.matrix/1"',
        "[test]",
        'requirements = ["accelerate"]',
        'imports = ["accelerate"]',
        'smoke = "none"',
        "[axes]",
        f"python = {_list(pythons)}",
        'os = ["slim"]',
        "[limits]",
        'memory = "6G"',
        'disk = "8G"',
        "[steps]",
        "imports = 0",
        "facts = false",
        "[index]",
        'exclude-newer = "2026-05-13"',
    ]
    return "\n".join(lines) + "\n"


def tox(pythons: Sequence[str]) -> str:
    """The ``tox.ini`` of these interpreters."""
    names = ",".join("py" + python.replace(".", "") for python in pythons)
    deps = "\n".join(f"    {package}" for package in PACKAGES)
    return (
        f"[tox]\nenv_list = {names}\nno_package = true\n"
        f"[testenv]\ndeps =\n{deps}\ncommands = python -c '{IMPORT}'\n"
        "pass_env =\n    PIP_*\n    UV_*\n    SSL_*\n    REQUESTS_CA_BUNDLE\n    *_proxy\n"
    )


def nox(pythons: Sequence[str]) -> str:
    """The ``noxfile.py`` of these interpreters; uv makes the environments and installs."""
    return (
        "import nox\n\nnox.options.default_venv_backend = 'uv'\n\n\n"
        f"@nox.session(python={list(pythons)!r})\n"
        "def imports(session):\n"
        f"    session.install({', '.join(map(repr, PACKAGES))})\n"
        f"    session.run('python', '-c', {IMPORT!r})\n"
    )


def _each(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _list(words: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
