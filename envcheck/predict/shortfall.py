"""In words: what a release has no wheel for, and what would be the nearest that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.predict.offered import minors, pythons, systems
from envcheck.predict.projects import numbers

if TYPE_CHECKING:
    from envcheck.model.target import Target
    from envcheck.predict.projects import Project


def no_wheel(
    target: Target, project: Project, number: int, *, instead: bool = True
) -> tuple[str, str]:
    """Sentence and remedy for a release without a wheel that fits and without a usable sdist.

    ``instead``: whether the newest release that has a wheel made for the target may be a remedy.
    """
    release = project.releases[number]
    wheels = [file.filename for file in release.wheels]
    made = minors(pythons(wheels, free_threaded=target.free_threaded))
    here, everywhere = systems(wheels, interpreter=target), systems(wheels)
    what, remedy = f"wheel of {project.name} {release.version}", ""
    near = "manylinux" in here and target.architecture in here
    kind = {"musl": "musllinux", "glibc": "manylinux"}.get(target.family, "")
    if kind and wheels and not here and kind not in everywhere:  # of no Python
        what = f"{kind} {what}"
        has = f"it has {everywhere} for CPython {made}" if made else f"it has {everywhere}"
        near = target.family == "musl" and "manylinux" in everywhere
        if near:
            remedy = f"use a glibc image and Python {made}" if made else "use a glibc image"
    elif not here:  # nothing for this Python, wherever it runs
        has = f"it has wheels for CPython {made}" if made else "it has no wheel at all"
        remedy = f"use Python {made}" if made else ""
    elif target.family == "musl":
        has = f"it has {here}"
        what = f"musllinux {what}" if near else f"musllinux {target.architecture} {what}"
        remedy = f"use a glibc image such as python:{target.minor}-slim" if near else ""
    else:
        has = f"it has {here}"
        what = f"{what} for {target.libc} {target.architecture} and"
        remedy = "use an image with a newer glibc" if near else ""
    if instead and (last := _newest_made_for(target, project)):
        use = f"use {project.name} {last}, the newest with a wheel for this cell"
        remedy = f"{remedy}, or {use}" if remedy else use
    sdist = "there is no sdist"
    if release.sdist:
        sdist = "building its sdist is not allowed (index.only-binary)"
    what = what if what.endswith(" and") else f"{what} for"
    return f"no {what} {target.words} ({has}) and {sdist}", remedy


def _newest_made_for(target: Target, project: Project) -> str:
    """The newest final release with a wheel that is made for the target; empty if there is none."""
    for number in reversed(numbers(project.final & project.standing)):
        if project.choice(number, target).kind == "wheel":
            return str(project.versions[number])
    return ""


def python_wanted(requires_python: str) -> str:
    """``Python 3.10 or newer`` of ``>=3.10.0``; else ``a Python that is …``."""
    if match := re.fullmatch(r">=\s*(\d+\.\d+)(?:\.0|\.\*)?", requires_python.strip()):
        return f"Python {match[1]} or newer"
    return f"a Python that is {requires_python}"
