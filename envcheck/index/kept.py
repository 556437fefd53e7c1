"""Small files of the cache: written at once or not at all, and believed only if they are whole."""

from __future__ import annotations

import hashlib
import os
import threading

from envcheck.index.wheels import remove


def write(path: str, content: bytes) -> None:
    """Replace a file; that it cannot be written is no error."""
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}.part"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        os.replace(temporary, path)
    except OSError:
        remove(temporary)


def read(path: str) -> bytes | None:
    """What was written; None if there is nothing, or something else than was written."""
    try:
        with open(path, "rb") as file:
            digest, _, content = file.read().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        remove(path)
        return None
    return content
