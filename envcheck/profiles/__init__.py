"""Requirement profiles: the ones that are shipped, and the loader for anybody's.

``load`` gives what ``evaluate`` takes. Nothing heavy is imported before a profile is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envcheck.config import working_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.profile import Profile

FOLDER = os.path.dirname(os.path.abspath(__file__))
SHOWN = "envcheck/profiles"  # how reports call that folder, wherever it is installed


def names() -> tuple[str, ...]:
    """The names of the shipped profiles, sorted."""
    return tuple(sorted(n[: -len(".toml")] for n in os.listdir(FOLDER) if n.endswith(".toml")))


def load(references: Sequence[str], cwd: str = "") -> Profile:
    """The profiles called ``references`` combined: a shipped one's name, or a TOML file's path
    (relative to ``cwd``, by default the working directory). A ``pyproject.toml`` stands for its
    ``[tool.envcheck.profile]``.

    Raises DataError, with all problems of the first file that has any.
    """
    from envcheck.profiles.resolve import combine

    return combine(references, cwd or working_directory())


def loads(text: str, path: str = "profile.toml") -> Profile:
    """The profile written in ``text``; it may extend shipped ones. Raises DataError."""
    from envcheck.profiles.resolve import from_text

    return from_text(text, path)
