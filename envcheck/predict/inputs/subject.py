"""A project, wheel or sdist of the user's own, as a question: what it requires, read statically."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from envcheck.errors import DataError
from envcheck.index.pages import normalized
from envcheck.predict.inputs import project
from envcheck.predict.inputs.asked import FAILS, HOLDS, Asked, Pin, with_choice
from envcheck.predict.inputs.files import elsewhere, file_of, project_in
from envcheck.predict.inputs.static_metadata import of_archive
from envcheck.predict.requirements import headers
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def of_subject(path: str, extras: Sequence[str], folder: str) -> Asked:
    """``path``: a directory, wheel or sdist, relative to ``folder``. It is itself a pin of the
    result, except a directory: that is built, and a note says what is not known of that.

    Raises DataError for what cannot be read; what only a build would tell is in ``notes``.
    """
    place = os.path.normpath(os.path.join(folder, os.path.expanduser(path)))
    if os.path.isdir(place):
        return _directory(place, path, extras)
    if not os.path.isfile(place):
        raise DataError(f"there is no {printable(path)}")
    text = of_archive(place)
    if not text:
        raise DataError(f"{printable(path)} is no wheel or sdist: it has no metadata")
    return _archive(text, path, extras)


def _directory(place: str, shown: str, extras: Sequence[str]) -> Asked:
    found = project_in(place, shown)
    if found is None:
        what = "there is no pyproject.toml: what it requires, only a build tells"
        return Asked(kind="project", path=shown, notes=[f"{printable(shown)}: {what}"])
    return project.read(*found, extras)


def _archive(text: str, shown: str, extras: Sequence[str]) -> Asked:
    requirements: list[str] = []
    values: dict[str, str] = {}
    dynamic: list[str] = []
    for key, value in headers(text):
        if key == "requires-dist":
            requirements.append(value)
        elif key == "dynamic":
            dynamic.append(value.strip().lower())
        else:
            values.setdefault(key, value)
    notes = []
    is_sdist = not shown.endswith(".whl")
    if is_sdist and ("requires-dist" in dynamic or values.get("metadata-version", "1") < "2.2"):
        what = "what it requires, only a build tells for certain"
        notes.append(f"{printable(shown)}: {what}")
    file = file_of(os.path.basename(shown))
    pin = Pin(
        normalized(values.get("name", "")),
        values.get("version", ""),
        source="local",
        files=(file,) if file else (),
        extras=tuple(map(normalized, extras)),
        requires_python=values.get("requires-python", ""),
        place=os.path.basename(shown),
    )
    return Asked(
        kind="sdist" if is_sdist else "wheel",
        path=shown,
        requirements=_for_extras(requirements, pin.extras, shown, notes),
        pins=[pin],
        extras=pin.extras,
        requires_python=pin.requires_python,
        notes=notes,
    )


def _for_extras(
    lines: Sequence[str], extras: tuple[str, ...], shown: str, notes: list[str]
) -> list[str]:
    """Lines of METADATA for ``extras``, without the terms about extras in their markers."""
    found = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            notes.append(f"{printable(shown)}: `{printable(line)}` cannot be read: not judged")
            continue
        marker = with_choice(str(requirement.marker or ""), extras, ())
        if FAILS in marker and " or " not in marker:
            continue  # for another extra
        if requirement.url:
            notes.append(elsewhere(printable(shown), 0, requirement.name, "url", requirement.url))
            continue
        marker = marker.replace(f" and {HOLDS}", "").replace(f"{HOLDS} and ", "")
        requirement.marker = None
        found.append(f"{requirement} ; {marker}" if marker not in ("", HOLDS) else str(requirement))
    return found
