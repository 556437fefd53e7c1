"""The agent as one file, cached under a name made from its content.

For any Python a zipapp of sources, with bytecode for this Python beside them: another ignores that
(its magic number differs) and compiles. Stored, not compressed: it is read at each start. For the
interpreter that runs envcheck a ``.pyc``, which saves it the steps of importing from an archive.
"""

from __future__ import annotations

import os
import sys
import time
from zlib import crc32

from envcheck.config import cache_dir
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType

PACKAGE = "envcheck_agent"
_AGENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "agent")


def path(executable: str, more: dict[str, bytes] | None = None) -> str:
    """Path of the agent for ``executable``, written to the cache first if it is not there yet.

    Empty where there is no cache that is this user's alone: the agent then goes by standard input.
    ``more``: modules that go along, as ``read_sources`` has them.
    """
    sources = {**read_sources(), **(more or {})}
    own = os.path.realpath(executable) == os.path.realpath(sys.executable)
    name = f"agent-{_digest(sources)}-{sys.hexversion:x}.{'pyc' if own else 'pyz'}"
    folder = cache_dir()
    file = os.path.join(folder, name)
    home = os.path.expanduser("~")
    homeless = folder.startswith(home + os.sep) and not os.path.isdir(home)
    if homeless or not os.path.isabs(folder):  # no home directory, and it is not made either
        return ""
    if _private(folder) and _private(file) and os.path.isfile(file):
        return file
    try:
        if not _may_create(folder):
            return ""
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _private(folder):
            return ""
        _write(file, bytecode(sources) if own else archive(sources))
        _remove_old(folder)
    except OSError:
        return ""
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


def archive(sources: dict[str, bytes]) -> bytes:
    """The zipapp: the sources, and ``.pyc`` for this Python (unchecked) beside them."""
    import io
    import marshal
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as zipped:
        for name, source in sources.items():
            inside = name if name == "__main__.py" else f"{PACKAGE}/{name}"
            code = marshal.dumps(_compiled(inside, source))
            for file, data in ((inside, source), (inside + "c", _header() + code)):
                zipped.writestr(zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def bytecode(sources: dict[str, bytes]) -> bytes:
    """One ``.pyc``: ``boot.py``, and every module as marshalled code for it to import."""
    import marshal

    modules: dict[str, bytes | str] = {
        name: marshal.dumps(_compiled(name, source)) for name, source in sources.items()
    }
    # what the agent passes to another Python as `-c` stays text
    modules.update({name: sources[name].decode() for name in sources if name.endswith("_child.py")})
    start = f"\nrun({modules!r}, 0, sys.argv[1:])\n"
    return _header() + marshal.dumps(_compiled("boot.py", sources["boot.py"] + start.encode()))


def _compiled(name: str, source: bytes) -> CodeType:
    return compile(source, f"<agent>/{name}", "exec", dont_inherit=True)


def _header() -> bytes:
    from importlib.util import MAGIC_NUMBER

    return MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)


def _digest(sources: dict[str, bytes]) -> str:
    """Of all names and contents. Not cryptographic: the cache directory is the user's own."""
    low = high = 0
    for name, source in sources.items():
        low = crc32(name.encode() + source, low)
        high = crc32(source + name.encode(), high ^ len(source))
    return f"{high:08x}{low:08x}"


def _private(path: str) -> bool:
    """There, this user's, and nobody else could have written it."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return sys.platform == "win32" or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _may_create(folder: str) -> bool:
    """Whether the nearest directory that exists is this user's: as root, nobody else's home is
    written to.
    """
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return sys.platform == "win32" or os.stat(folder).st_uid == os.geteuid()


def _remove_old(folder: str) -> None:
    """Agents of other versions that nobody has written for a month."""
    for entry in os.scandir(folder):
        old = entry.stat().st_mtime < time.time() - 30 * 86400
        if old and entry.name.startswith("agent-") and entry.name.endswith((".pyz", ".pyc")):
            os.unlink(entry.path)


def _write(file: str, data: bytes) -> None:
    """Atomically: two first runs at once must not see half a file."""
    temporary = f"{file}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
