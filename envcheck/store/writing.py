"""Writing a run: atomically where a file is new, a whole line at a time where it grows."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from envcheck.errors import EnvcheckError, UsageError
from envcheck.store.layout import JOURNAL, LOCK, LOGS, RUN, Entry, RunFile, run_ids
from envcheck.store.layout import number_of as _number
from envcheck.store.reading import journal, read_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.cell import CellResult, RunHeader
    from envcheck.model.matrix import Plan

_ATTEMPTS = 1000


class StoreError(EnvcheckError):
    """The store cannot be written: nothing that was stored before is lost."""

    reference = "store"
    exit_code = 3


class RunWriter:
    """A run that is under way, held by this process alone. Safe to use from several threads."""

    def __init__(self, folder: str, header: RunHeader, plan: Plan) -> None:
        self.folder = folder
        self.header = header
        self.plan = plan
        self._lock = threading.Lock()
        self._held = _hold(folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._journal = os.open(os.path.join(folder, JOURNAL), flags, 0o600)
        _complete_last_line(os.path.join(folder, JOURNAL), self._journal)

    @property
    def id(self) -> str:
        """As ``accelerate-7``."""
        return os.path.basename(self.folder)

    def begin(self, cell_id: str) -> None:
        """Note that a cell is under way."""
        self._append([Entry(begun=cell_id)], sync=False)

    def append(self, result: CellResult) -> None:
        """Store a cell's result. Raises StoreError; then it is not stored."""
        self.append_all([result])

    def append_all(self, results: Iterable[CellResult]) -> None:
        """Store several at once. Raises StoreError; then none of them is stored."""
        self._append([Entry(done=result) for result in results], sync=True)

    def end(self) -> None:
        """Note that every cell is done."""
        self._append([Entry(ended=utc())], sync=True)

    def write_log(self, cell_id: str, step: str, text: str) -> str:
        """Keep a step's log; returns its path below the run's directory. Raises StoreError."""
        relative = f"{LOGS}/{cell_id}/{step}.log"
        path = os.path.join(self.folder, relative)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            _write(path, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise _refused(self.folder, error) from error
        return relative

    def close(self) -> None:
        """Let go of the run."""
        for fd in (self._journal, self._held):
            if fd >= 0:
                os.close(fd)
        self._journal = self._held = -1

    def _append(self, entries: list[Entry], *, sync: bool) -> None:
        data = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        with self._lock:
            before = os.fstat(self._journal).st_size
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._journal, view) :]
                if sync:
                    os.fsync(self._journal)
            except OSError as error:
                os.ftruncate(self._journal, before)
                raise _refused(self.folder, error) from error


def create(root: str, header: RunHeader, plan: Plan) -> RunWriter:
    """A new run, numbered after the last one of its matrix. Raises StoreError."""
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        folder = _new_folder(root, header.matrix)
        header = msgspec.structs.replace(header, id=os.path.basename(folder))
        content = msgspec.json.encode(RunFile(header=header, plan=plan))
        _write(os.path.join(folder, RUN), content)
        return RunWriter(folder, header, plan)
    except OSError as error:
        raise _refused(root, error) from error


def resume(root: str, run_id: str) -> tuple[RunWriter, dict[str, CellResult]]:
    """A run to be continued, and what is done. Raises UsageError if it is still running."""
    header, plan = read_plan(root, run_id)
    try:
        writer = RunWriter(os.path.join(root, run_id), header, plan)
    except OSError as error:
        raise _refused(root, error) from error
    return writer, journal(writer.folder)[0]


def utc() -> str:
    """Now, as documents say it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _new_folder(root: str, matrix: str) -> str:
    """Made by whoever comes first: two runs that start at once get two numbers."""
    number = max((_number(run_id) for run_id in run_ids(root, matrix)), default=0)
    for _ in range(_ATTEMPTS):
        number += 1
        folder = os.path.join(root, f"{matrix}-{number}")
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue
        return folder
    raise OSError(errno.EEXIST, "there is no free number for another run")


def _hold(folder: str) -> int:
    """The run's lock, which the kernel frees however this process ends. Raises UsageError."""
    fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:  # Windows: nothing is held there
        return fd
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise UsageError(
            f"the run {os.path.basename(folder)} is under way in another process",
            hint="wait for it, or end that process; `envcheck matrix show` looks at it meanwhile",
        ) from error
    return fd


def _complete_last_line(path: str, fd: int) -> None:
    """A line that was cut off must not spoil the next one."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            os.write(fd, b"\n")


def _write(path: str, data: bytes) -> None:
    """A whole file or none."""
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def _refused(folder: str, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the store: {error.strerror or error}",
        context=(folder,),
        hint="make room there or choose another directory with --store; then `--resume` continues",
    )
