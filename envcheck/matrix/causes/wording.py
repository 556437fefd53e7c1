"""Pieces of sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.index.pages import normalized

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure
    from envcheck.model.cell import StepResult

_ARCHIVE = re.compile(r"(?P<name>.+?)-(?P<version>\d[^-]*?)(?:\.tar\.\w+|\.zip|\.tgz|-.*\.whl)$")


def subject(text: str) -> str:
    """``psutil 7.2.2`` of ``psutil==7.2.2`` and ``/in/psutil-7.2.2.tar.gz``."""
    text = text.strip().rstrip(";")
    if " @ " in text:
        text = text.partition(" @ ")[0]
    name = text.rstrip("/").rpartition("/")[2]
    if match := _ARCHIVE.match(name):
        return f"{normalized(match['name'])} {match['version']}"
    name, _, version = name.partition("==")
    name = re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]
    return f"{normalized(name)} {version.partition(';')[0].strip()}".strip()


def platform_words(failure: Failure) -> str:
    """``musl x86_64, CPython 3.12``."""
    target = failure.target
    return f"{target.libc or failure.cell.os} {target.architecture}, {target.words}"


def ended(step: StepResult) -> str:
    """`` (exit status 1)``, `` (SIGKILL)`` or nothing."""
    if step.signal:
        return f" ({step.signal})"
    return f" (exit status {step.exit})" if step.exit else ""


def listed(items: list[str], most: int = 6) -> str:
    """``a, b and c``."""
    shown = items[:most]
    if len(items) > most:
        shown.append(f"{len(items) - most} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


#: step -> how it is called as the subject of a sentence
PLACES = {
    "create": "making the environment",
    "resolve": "the resolver",
    "download": "downloading",
    "build": "the build of an sdist",
    "install": "the installation",
    "compile": "compiling bytecode",
    "import": "the import",
    "smoke": "the smoke script",
    "measure": "measuring",
}
