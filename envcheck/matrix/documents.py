"""Runs as files: what ``--report json`` wrote, read back."""

from __future__ import annotations

import msgspec

from envcheck.errors import DataError
from envcheck.model.cell import Run

LIMIT = 1 << 30  # bytes


def read(path: str) -> Run:
    """The run in ``path``. Raises DataError: it cannot be read, or is no envcheck.run/1."""
    try:
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read the run {path}: {reason}") from error
    if len(data) > LIMIT:
        raise DataError(f"the run {path} is larger than {LIMIT >> 30} GiB")
    try:
        return msgspec.json.decode(data, type=Run)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is no run of a matrix (envcheck.run/1)",
            context=(str(error),),
            hint="`envcheck matrix show RUN --report json:FILE` writes one",
        ) from error
