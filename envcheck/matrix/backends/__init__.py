"""Backends: what hosts cells. One: a module with ``backend(...)``, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.matrix.backends.base import Backend, Surroundings

#: name -> (module, what it is)
BACKENDS: dict[str, tuple[str, str]] = {
    "docker": ("docker", "containers of a Docker engine (or podman's socket), isolated"),
    "interpreters": ("interpreters", "the interpreters found here, a venv each, not isolated"),
    "replay": ("replay", "a recorded run, given out again"),
}


def load(name: str, surroundings: Surroundings) -> Backend:
    """The backend called ``name`` (of BACKENDS). Raises TargetError if it cannot work here."""
    module = import_module(f"envcheck.matrix.backends.{BACKENDS[name][0]}")
    backend: Backend = module.backend(surroundings)
    return backend
