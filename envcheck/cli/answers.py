"""Answers that still hold: the same question, asked again while nothing that it rests on changed.

What an index said holds for some minutes (its pages say how long). Until then a command that only
asks indexes and files need not be worked out again: what it wrote is kept, with the files that it
has read and how they looked, and given again if they look the same. Nothing of envcheck but this is
loaded for it.
"""

from __future__ import annotations

import os
import sys
import time

from envcheck import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

#: First words of commands whose answers are kept.
KEPT = (("matrix", "predict"), ("why",), ("wheels",))
_MOST = 200  # answers that are kept
_LONGEST = 1 << 20  # characters of one


class Basis:
    """What an answer rests on: set by a command as ``arguments.basis``. ``until``: Unix time;
    ``files``: besides what this process opened itself, such as files that are not there.
    """

    def __init__(self, until: float, files: Iterable[str]) -> None:
        self.until = until
        self.files = tuple(files)


def may_be_kept(words: list[str]) -> bool:
    """Whether the answer to this command line may be given twice: it writes to no file."""
    known = any(tuple(words[: len(first)]) == first for first in KEPT)
    writes = ("--report", "--record", "-o", "--output", "--refresh")
    return known and not any(word.partition("=")[0] in writes for word in words)


def given(words: list[str]) -> int | None:
    """Write the kept answer. Returns its exit status; None if there is none that holds."""
    import json

    try:
        with open(_place(words), encoding="utf-8") as file:
            kept = json.load(file)
        if time.time() >= kept["until"] or kept["files"] != _looks(kept["files"]):
            return None
        status, texts = int(kept["status"]), (str(kept["stderr"]), str(kept["stdout"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # there is none, or it is damaged
    sys.stderr.write(texts[0])
    sys.stdout.write(texts[1])
    return status


def keep(words: list[str], arguments: argparse.Namespace, run: Callable[[], int]) -> int:
    """Run a command, and keep what it writes if it says what that rests on."""
    streams = sys.stdout, sys.stderr
    copies = _Copy(sys.stdout), _Copy(sys.stderr)
    sys.stdout, sys.stderr = copies
    opened = _listen()
    try:
        status = run()
    finally:
        sys.stdout, sys.stderr = streams
        _opened.clear()
    basis = getattr(arguments, "basis", None)
    if isinstance(basis, Basis) and basis.until > time.time():
        files = {*basis.files, *_of_others(opened)}
        _write(words, Basis(basis.until, files), status, copies[0].text, copies[1].text)
    return status


#: Where what this process opens is noted, while an answer is worked out.
_opened: list[set[str]] = []
_listening: list[bool] = []
_PLACES = ("/proc", "/sys", "/dev")  # change without being changed


def _listen() -> set[str]:
    """Paths that are read from now on. A hook cannot be taken away: there is one."""
    _opened[:] = [set()]
    if not _listening:
        _listening.append(True)
        sys.addaudithook(_heard)
    return _opened[0]


def _heard(event: str, values: tuple[Any, ...]) -> None:
    if _opened and event in ("open", "os.listdir", "os.scandir"):
        path = values[0]
        if isinstance(path, str) or hasattr(path, "__fspath__"):
            _opened[0].add(os.fspath(path))


def _of_others(paths: Iterable[str]) -> set[str]:
    """Those that are neither envcheck's and Python's own nor in the cache."""
    from envcheck.config import cache_dir

    own = {cache_dir(), os.path.dirname(os.path.dirname(__file__)), *_PLACES}
    own |= {os.path.dirname(os.__file__), *(path for path in sys.path if path)}
    own.discard(os.getcwd())
    mine = tuple(f"{os.path.abspath(path)}{os.sep}" for path in own if path != os.sep)
    found = {os.path.abspath(path) for path in list(paths) if "\0" not in path}
    found -= set(map(os.path.abspath, sys.path))  # were listed for modules
    return {path for path in found if not f"{path}{os.sep}".startswith(mine)}


def _write(words: list[str], basis: Basis, status: int, stdout: str, stderr: str) -> None:
    """That it cannot be kept is no error."""
    import json

    if len(stdout) + len(stderr) > _LONGEST:
        return
    answer = {
        "until": basis.until,
        "files": _looks(basis.files),
        "status": status,
        "stdout": stdout,
        "stderr": stderr,
    }
    path = _place(words)
    part = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(part, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.replace(part, path)
        _forget_old(os.path.dirname(path))
    except OSError:
        return


def _forget_old(folder: str) -> None:
    entries = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime)
    for entry in entries[:-_MOST]:
        os.remove(entry.path)


def _place(words: list[str]) -> str:
    """File of the answer to these words, asked here and now, to be shown there."""
    from hashlib import blake2b

    from envcheck.config import cache_dir, that_matters, working_directory

    here = [__version__, sys.executable, sys.version]
    asked = [here, words, working_directory(), that_matters(), _shown_on()]
    return os.path.join(
        cache_dir(), "answers", blake2b(repr(asked).encode(), digest_size=16).hexdigest()
    )


def _shown_on() -> list[Any]:
    """What the text depends on besides."""
    shown: list[Any] = [sys.stdout.isatty(), sys.stderr.isatty(), sys.stdout.encoding]
    try:
        shown.append(tuple(os.get_terminal_size(sys.stdout.fileno())))
    except (OSError, ValueError):
        shown.append(None)
    return shown


def _looks(files: Iterable[str]) -> dict[str, Any]:
    """How each file or directory looks without being read: what would change if it did."""
    looks: dict[str, Any] = {}
    for path in files:
        try:
            stat = os.stat(path)
            looks[path] = [stat.st_mtime_ns, stat.st_size, stat.st_ino]
        except OSError:
            looks[path] = None
    return looks


class _Copy:
    """A stream that remembers what went through it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def write(self, text: str) -> int:
        self._parts.append(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
