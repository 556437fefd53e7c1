"""The agent as one zipapp, cached under a name made from its content.

The archive holds the sources and, beside them, bytecode for this Python: another Python ignores it
(its magic number differs) and compiles the source. Stored, not compressed: it is read at each start.
"""

from __future__ import annotations

import os
import sys
from importlib.util import MAGIC_NUMBER
from zlib import crc32

PACKAGE = "envcheck_agent"
_AGENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "agent")


def path() -> str:
    """Path of the zipapp, written to the cache first if it is not there yet.

    Where nothing can be written, a private temporary file that lives as long as this process.
    """
    sources = read_sources()
    name = f"agent-{_digest(sources)}-{sys.implementation.cache_tag}.pyz"
    from envcheck.config import cache_dir

    folder = cache_dir()
    file = os.path.join(folder, name)
    if _trusted(file):
        return file
    data = build(sources, bytecode=True)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _write(file, data)
    except OSError:
        return _anonymous(data)
    return file


def read_sources() -> dict[str, bytes]:
    """The agent's modules: path below ``agent/`` -> source."""
    sources = {}
    for folder, prefix in ((_AGENT, ""), (os.path.join(_AGENT, "probes"), "probes/")):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as file:
                    sources[prefix + name] = file.read()
    return sources


def build(sources: dict[str, bytes], *, bytecode: bool) -> bytes:
    """The zipapp's bytes; with ``bytecode`` also ``.pyc`` for this Python (unchecked)."""
    import io
    import marshal
    import zipfile

    header = MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
    method = zipfile.ZIP_STORED if bytecode else zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, source in sources.items():
            inside = name if name == "__main__.py" else f"{PACKAGE}/{name}"
            _add(archive, inside, source)
            if bytecode:
                code = compile(source, f"<agent>/{inside}", "exec", dont_inherit=True)
                _add(archive, inside + "c", header + marshal.dumps(code))
    return buffer.getvalue()


def _add(archive: object, name: str, data: bytes) -> None:
    import zipfile

    assert isinstance(archive, zipfile.ZipFile)
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = archive.compression
    archive.writestr(info, data)


def _digest(sources: dict[str, bytes]) -> str:
    """Of all names and contents. Not cryptographic: the cache directory is the user's own."""
    low = high = 0
    for name, source in sources.items():
        low = crc32(name.encode() + source, low)
        high = crc32(source + name.encode(), high ^ len(source))
    return f"{high:08x}{low:08x}"


def _trusted(file: str) -> bool:
    """There, and nobody else could have written it."""
    try:
        status = os.stat(file)
    except OSError:
        return False
    return sys.platform == "win32" or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _write(file: str, data: bytes) -> None:
    """Atomically: two first runs at once must not see half a file."""
    temporary = f"{file}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
        os.replace(temporary, file)
    except OSError:
        os.unlink(temporary)
        raise


def _anonymous(data: bytes) -> str:
    """A file without a place: in memory on Linux, else in the temporary directory."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("envcheck-agent", 0)
        os.write(fd, data)
        return f"/proc/{os.getpid()}/fd/{fd}"
    import atexit
    import tempfile

    fd, name = tempfile.mkstemp(suffix=".pyz")
    atexit.register(os.unlink, name)
    with os.fdopen(fd, "wb") as stream:
        stream.write(data)
    return name
