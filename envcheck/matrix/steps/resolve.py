"""Resolve: what the installer decides, its files downloaded, what has no wheel built."""

from __future__ import annotations

import os
import posixpath
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble
from envcheck.index import stored_wheel
from envcheck.index.gateway import CLIENT_ENVIRONMENT
from envcheck.matrix.causes.base import Verdict
from envcheck.matrix.execution import StepOutcome
from envcheck.matrix.installers import INSTALLERS, Asked
from envcheck.matrix.locks import LockError
from envcheck.matrix.session import Ended
from envcheck.model.cell import StepResult
from envcheck.model.matrix import size
from envcheck.model.target import Target

if TYPE_CHECKING:
    from envcheck.index.gateway import IndexOptions
    from envcheck.matrix.locks import Locked
    from envcheck.matrix.session import Session

DOWNLOADS = 8  # files at once


def decide(session: Session) -> None:
    """Leave `known.locked`: what the installer would install. Raises Ended."""
    session.watch("resolve")
    _decide(session, _ask(session), _where(session))


def _where(session: Session) -> IndexOptions:
    base = session.room.open_index()
    return session.door.index_options(base)


def _ask(session: Session) -> Asked:
    """Bring what is wanted into the room."""
    room, inputs = session.room, session.inputs
    for name, data in inputs.files():
        room.put(name, data)
    place = room.paths.inputs
    requirements = "".join(f"{line}\n" for line in inputs.requirements(place))
    constraints = "".join(f"{line}\n" for line in inputs.constraints(place))
    asked = Asked(room.put("requirements.txt", requirements.encode()))
    if constraints:
        asked = asked._replace(constraints=room.put("constraints.txt", constraints.encode()))
    return asked


def _decide(session: Session, asked: Asked, where: IndexOptions) -> None:
    cell, paths = session.cell, session.room.paths
    installer = INSTALLERS[cell.installer]
    lock = f"{paths.scratch}/{installer.lock}"
    outcome = session.must(
        session.execute(
            installer.resolve(paths, asked, where, cell.index),
            name="resolve",
            who="package",
            seconds=cell.limits.seconds.resolve,
            env=CLIENT_ENVIRONMENT,
            read=[lock],
        )
    )
    try:
        text = outcome.files.get(lock) or b""
        session.known.locked = installer.read(text.decode("utf-8", "replace"), _target(session))
        for locked in session.known.locked:
            if locked.kind != "local" and _unheard(session, locked):
                raise LockError(
                    f"the lock names a file of {locked.name} {locked.version}"
                    " that the index does not have"
                )
    except LockError as error:
        step = StepResult(name="resolve", status="failed", detail=str(error))
        verdict = Verdict("hash", str(error), "nothing was installed; read the log of `resolve`")
        raise Ended(outcome._replace(step=step), verdict) from error


def _target(session: Session) -> Target:
    """The cell's interpreter, as wheels see it."""
    cell, known = session.cell, session.known
    return Target(
        cell.id,
        known.python or cell.python.rstrip("t"),
        known.libc,
        cell.axes["architecture"],
        free_threaded=cell.python.endswith("t"),
    )


def _unheard(session: Session, locked: Locked) -> bool:
    """Whether no index has told us of this file."""
    return session.gateway.known(locked.sha256, locked.name, session.cell.index) is None


def download(session: Session) -> None:
    """Fetch what was decided into the store of this machine, through this cell's door.

    Raises Ended where that fails, or where it is more than the cell has room for.
    """
    session.watch("download")
    began = time.monotonic()
    files = [locked for locked in session.known.locked if locked.kind != "local"]
    paths, errors = {}, []
    with ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="download") as pool:
        coming = {pool.submit(session.door.fetch, one.sha256, one.name): one for one in files}
        for future, locked in coming.items():
            try:
                paths[locked] = future.result()
                session.known.sizes[locked.sha256] = os.path.getsize(paths[locked])
            except IndexTrouble as error:
                errors.append(str(error))
    seconds = round(time.monotonic() - began, 3)
    step = StepResult(name="download", status="failed" if errors else "ok", seconds=seconds)
    outcome = session.add(StepOutcome(step, "\n".join(errors)))
    if errors:
        raise Ended(outcome)
    _fits(session, [path for locked, path in paths.items() if locked.kind == "wheel"], outcome)


def _fits(session: Session, wheels: list[str], outcome: StepOutcome) -> None:
    """A small wheel can unpack to more than there is of a disk. Raises Ended."""
    limit = session.cell.limits.disk
    try:
        needed = sum(map(stored_wheel.unpacked, wheels))
    except IndexTrouble as error:
        raise Ended(outcome, Verdict("install-failed", str(error))) from error
    if needed > size(limit):
        sentence = f"it takes {needed / (1 << 30):.1f} GiB of disk, the limit is {limit}"
        raise Ended(outcome, Verdict("disk", sentence, "raise `disk` in [limits] of the matrix"))


def build(session: Session) -> None:
    """Make wheels of sdists and projects; one of the user's own is one already. Raises Ended."""
    sources = [locked for locked in session.known.locked if locked.kind != "wheel"]
    if sources:
        session.watch("build")
        _build(session, sources, _where(session))


def _build(session: Session, sources: list[Locked], where: IndexOptions) -> None:
    cell, paths, known = session.cell, session.room.paths, session.known
    installer = INSTALLERS[cell.installer]
    out = f"{paths.scratch}/wheels"
    for locked in sources:
        if locked.file.endswith(".whl"):
            name = posixpath.basename(locked.file)
            known.own[posixpath.join(paths.inputs, name)] = session.inputs.digests()[name]
            continue
        outcome = session.execute(
            installer.build(paths, _source(session, locked), where, out),
            name="build",
            who="package",
            seconds=cell.limits.seconds.resolve,
            env=CLIENT_ENVIRONMENT,
        )
        session.must(outcome)
        known.built.append(locked.name)


def _source(session: Session, locked: Locked) -> str:
    """Path in the cell of what a wheel is to be made of."""
    if locked.kind == "local":
        return posixpath.join(session.room.paths.inputs, posixpath.basename(locked.file))
    with open(session.door.fetch(locked.sha256, locked.name), "rb") as file:
        return session.room.put(f"sdists/{locked.file}", file.read())
