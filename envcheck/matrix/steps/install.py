"""Install: wheels only, by a user who never executes code of a package.

In one go: once something is installed, starting the environment's interpreter executes code of
packages (``.pth`` files), so the installer does not start it a second time.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from envcheck.index.gateway import CLIENT_ENVIRONMENT
from envcheck.matrix import locks
from envcheck.matrix.execution import island
from envcheck.matrix.installers import INSTALLERS, Asked
from envcheck.model.cell import Installed

if TYPE_CHECKING:
    from envcheck.matrix.session import Session


def run(session: Session) -> None:
    """Leave the packages in the environment and the cell without a network. Raises Ended."""
    session.watch("install")
    room, cell, known = session.room, session.cell, session.known
    wheels = dict(known.own)
    if known.built:
        wheels |= _collect(session)
        room.renew()
    text = locks.requirements(known.locked, wheels)
    if text:
        where = session.door.index_options(room.open_index())
        asked = Asked(room.put("locked.txt", text.encode()))
        words = INSTALLERS[cell.installer].install(room.paths, asked, where)
        session.must(
            session.execute(
                words,
                name="install",
                who="installer",
                seconds=cell.limits.seconds.install,
                env=CLIENT_ENVIRONMENT,
            )
        )
    session.close_door()
    known.distributions = _installed(session)
    if cell.steps.bytecode == "compiled":
        _compile(session)


def _collect(session: Session) -> dict[str, str]:
    """Path -> sha256 of the wheels that were built, brought out of the reach of whatever their
    builds may have left behind.
    """
    paths = session.room.paths
    target = f"{paths.environment}.wheels"
    words = [*paths.script, "-c", island("collecting")]
    outcome = session.must(
        session.execute(
            [*words, f"{paths.scratch}/wheels", target], name="build", who="installer", seconds=120
        )
    )
    found = {}
    for line in outcome.text.splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) == 64 and name.endswith(".whl"):
            found[posixpath.join(target, name)] = digest
            distribution, *_rest, platform = name.removesuffix(".whl").split("-")
            session.known.compiled[locks.canonical(distribution)] = platform != "any"
    return found


def _installed(session: Session) -> list[Installed]:
    known = session.known
    return [
        Installed(
            name=locked.name,
            version=locked.version,
            artifact="sdist" if locked.name in known.built else "wheel",
            file=locked.file.rpartition("/")[2],
            sha256=locked.sha256,
            download_size=known.sizes.get(locked.sha256),
            requested=locked.name in session.order,
            compiled=known.compiled.get(locked.name),
        )
        for locked in known.locked
    ]


def _compile(session: Session) -> None:
    """By the base interpreter, which executes nothing of what is installed."""
    paths = session.room.paths
    words = [*paths.script, "-c", island("compiling"), paths.environment]
    seconds = session.cell.limits.seconds.install
    session.must(session.execute(words, name="compile", who="installer", seconds=seconds))
