"""Which Pythons are tested where nobody says: those that are supported, or that a project names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.knowledge import table
from envcheck.predict.inputs.static_metadata import metadata

if TYPE_CHECKING:
    import datetime as dt


def supported(today: dt.date) -> list[str]:
    """Releases of CPython that get security fixes on that day, as far as the table knows."""
    month = today.strftime("%Y-%m")
    rows = table("python_releases")["rows"]
    return [row["python"] for row in rows if row["released"] <= month < row["end_of_life"]]


def of_project(path: str, today: dt.date) -> tuple[list[str], str]:
    """(the Pythons that the project, wheel or sdist at ``path`` names, its Requires-Python).

    One that says how old a Python it takes is tested on all from there, supported or not. What is
    said in no static place, or in no comparable words, is as if it were not said.
    """
    said = metadata(path).get("Requires-Python", "")
    try:
        specifier = SpecifierSet(said)
    except InvalidSpecifier:
        specifier, said = SpecifierSet(), ""
    month = today.strftime("%Y-%m")
    released = [r["python"] for r in table("python_releases")["rows"] if r["released"] <= month]
    old = specifier.contains("3.6")  # older than any that could be tested: that is no claim
    candidates = supported(today) if old else released
    chosen = [python for python in candidates if _has_release(python, specifier)]
    return (chosen, said) if chosen else (supported(today), "")


def _has_release(python: str, specifier: SpecifierSet) -> bool:
    """Whether some patch release is allowed: ``>=3.10.5`` allows 3.10."""
    return any(specifier.contains(f"{python}.{patch}") for patch in (0, 1, 5, 10, 20, 99))
