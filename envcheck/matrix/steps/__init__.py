"""The steps of a cell, the same on every backend, in three phases.

``settle`` brings the packages into the environment: create, resolve (with download and build),
install, measure. ``observe`` times imports, and must run alone. ``examine`` is the rest: smoke, and
what the doctor says.

==========  ====================================================================================
step        what its seconds are
==========  ====================================================================================
create      opening the room (a container) and making an empty virtual environment in it
resolve     the installer's own resolution from an empty cache of its own; pages and metadata
            come through the gateway
download    fetching the decided files into the store, all at once; 0 where they are there
build       making wheels of sdists and of projects, each in isolation
install     the installer's own installation of wheels that are all on this machine by then
compile     where the matrix asks for it: writing bytecode of everything that was installed
measure     reading sizes, see ``matrix/disk.py``
import      all imports together, see ``matrix/importing.py``
smoke       the script, or the training
==========  ====================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.errors import TargetError
from envcheck.matrix.session import Ended
from envcheck.matrix.steps import (
    create,
    doctor,
    importing,
    install,
    measure,
    resolve,
    smoke,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.matrix.session import Session
    from envcheck.model.matrix import Cell


def settle(session: Session) -> None:
    """Create, resolve, install. Raises Ended where a step fails."""
    with session.lane():
        create.run(session)
        resolve.decide(session)
    resolve.download(session)  # waits for the network: others may compute meanwhile
    with session.lane():
        resolve.build(session)
        _or_verify(install.run, session)
        if session.known.distributions and _wants_measure(session.cell):
            measure.run(session)


def _wants_measure(cell: Cell) -> bool:
    """It tells what there is to be imported, too."""
    imports = "import" not in cell.steps.skip and not cell.test.imports
    return imports or "measure" not in cell.steps.skip


def observe(session: Session) -> None:
    """Import, with nothing else running. Raises Ended where it fails."""
    if "import" not in session.cell.steps.skip:
        _or_verify(importing.run, session)


def _or_verify(step: Callable[[Session], None], session: Session) -> None:
    try:
        step(session)
    except Ended:
        verify.run(session)
        raise


def examine(session: Session) -> None:
    """What is left to be done, as far as there is something to do it with."""
    with session.lane():
        _examine(session)


def _examine(session: Session) -> None:
    known = session.known
    if known.ended is None and "smoke" not in session.cell.steps.skip:
        smoke.run(session)
        if known.ended is not None:
            verify.run(session)
    try:
        importing.trace(session)
        if session.created and session.cell.steps.facts:
            doctor.run(session)
    except TargetError as error:
        if known.ended is None:
            raise
        session.note(f"it was not examined further: {error}")  # what ended it stays its answer
