"""Where the matrices and Dockerfiles lie that come with envcheck."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shipped(folder: str) -> str:
    """The directory ``matrices`` or ``dockerfiles``: in a wheel below the package, in a checkout
    (and where that is installed as editable) beside it.
    """
    inside = os.path.join(_PACKAGE, folder)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), folder)


def names() -> tuple[str, ...]:
    """The shipped matrices, sorted."""
    folder = shipped("matrices")
    found = os.listdir(folder) if os.path.isdir(folder) else []
    return tuple(sorted(name[: -len(".toml")] for name in found if name.endswith(".toml")))
