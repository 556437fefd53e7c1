"""``uv sync``, ``poetry install`` and their like: which lock, extras and groups a command means."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from envcheck.predict.inputs.choice import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from envcheck.predict.inputs.asked import Asked
    from envcheck.predict.inputs.installs import Install

#: tool -> (its lock, the module that reads it)
_LOCKS = {
    "uv": ("uv.lock", "uv_lock"),
    "poetry": ("poetry.lock", "poetry_lock"),
    "pdm": ("pdm.lock", "pdm_lock"),
    "pipenv": ("Pipfile.lock", "pipfile_lock"),
}
#: groups that a tool installs unless it is told not to; `:all:` is all that are there
_DEFAULTS = {"uv": ("dev",), "poetry": (ALL,), "pdm": ("dev",), "pipenv": ()}
_DEVELOPMENT = {"pipenv": ("develop",)}


def read(install: Install, host: Callable[[str], str | None]) -> Asked | None:
    """The question of a command; None if neither lock nor project is there.

    ``host``: path here of a file beside it in the image, None if it is not there.
    """
    name, module = _LOCKS[install.manager]
    path = host(name)
    shown = name
    if path is None:
        path, module, shown = host("pyproject.toml"), "project", "pyproject.toml"
        if path is None:
            return None
    reader = import_module(f"envcheck.predict.inputs.{module}").read
    everything: Asked = reader(path, shown, [ALL] if module != "pipfile_lock" else [], [ALL])
    extras = _extras(install, everything.extras)
    found: Asked = reader(path, shown, extras, _groups(install, everything.groups))
    return found


def _extras(install: Install, offered: Collection[str]) -> list[str]:
    if install.has("all-extras"):
        return [ALL]
    said = {word for value in install.values("extra") for word in value.replace(",", " ").split()}
    if install.manager == "pdm":  # its -G is for both
        said |= set(install.values("group"))
    return [word for word in offered if word in said or ALL in said]


def _groups(install: Install, offered: Sequence[str]) -> list[str]:
    """Names that the file does not have are those of other tools' habits, and left out."""
    only = install.values("only")
    if install.has("no-dev") or only:
        chosen = set()
    else:
        chosen = set(_DEFAULTS[install.manager])
    if install.has("dev"):
        chosen |= set(_DEVELOPMENT.get(install.manager, ("dev",)))
    if install.has("all-groups"):
        chosen.add(ALL)
    chosen |= {*install.values("group"), *only}
    left_out = set(install.values("no-group"))
    return [word for word in offered if (word in chosen or ALL in chosen) and word not in left_out]
