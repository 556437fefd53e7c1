"""Which backend, when none is named: containers where an engine answers, else this machine."""

from __future__ import annotations

from envcheck.errors import TargetError
from envcheck.matrix.backends.interpreters import WARNING
from envcheck.targets import engine

_PATIENCE = 10.0  # seconds for the engine to say that it is there


def choose(wanted: str = "") -> tuple[str, str]:
    """The backend's name, and a sentence to be said (empty where it was asked for and isolates).

    ``wanted``: a key of BACKENDS, or empty.
    """
    if wanted == "interpreters":
        return wanted, f"interpreters of this machine: {WARNING}"
    if wanted:
        return wanted, ""
    try:
        engine.connect(_PATIENCE).close()
    except TargetError as error:
        why = ": ".join([error.message, *error.context[:1]])
        return "interpreters", f"{why}; so interpreters of this machine are used: {WARNING}"
    return "docker", ""
