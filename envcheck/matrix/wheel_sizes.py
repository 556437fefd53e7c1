"""How much a wheel takes once it is unpacked, read from the directory at its end."""

from __future__ import annotations

import zipfile
from functools import lru_cache

BLOCK = 4096  # bytes that a file takes at least, and in steps of which it grows


class WheelError(ValueError):
    """No wheel that can be unpacked, in one sentence."""


@lru_cache(maxsize=4096)
def unpacked(path: str) -> int:
    """Bytes on a disk of blocks of 4 KiB. Raises WheelError, OSError.

    The directory is only a claim of the wheel: installers unpack no more than it says.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            return sum(-(-entry.file_size // BLOCK) * BLOCK for entry in wheel.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        name = path.rpartition("/")[2]
        raise WheelError(f"{name} cannot be unpacked: {error}") from error
