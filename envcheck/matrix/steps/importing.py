"""Import: the modules that the matrix names, or those of the distributions that it requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.matrix import disk
from envcheck.matrix.import_trace import slowest
from envcheck.matrix.importing import time_imports
from envcheck.matrix.session import ENVIRONMENT, Ended
from envcheck.model.matrix import size

if TYPE_CHECKING:
    from envcheck.matrix.session import Session


def run(session: Session) -> None:
    """Leave `known.imports`. Raises Ended where one fails."""
    session.watch("import")
    cell, measured = session.cell, session.known.measured
    modules = list(cell.test.imports)
    if not modules and measured is not None:
        modules = disk.import_names(measured, list(session.order))
    done = time_imports(
        session.room,
        modules,
        settled=cell.steps.imports,
        seconds=cell.limits.seconds.import_,
        log_bytes=size(cell.limits.log),
        env=ENVIRONMENT,
        keep_log=session.keep_log,
    )
    outcome = session.add(done.outcome)
    session.known.imports = done.imports
    session.known.error = done.error
    if not done.imports and not done.error:
        session.note("there is nothing to import: no module belongs to what is required")
    session.must(outcome)
    if any(imported.error for imported in done.imports):
        raise Ended(outcome)


def trace(session: Session) -> None:
    """Complete what is known of the first module: what takes long in it."""
    imports = session.known.imports
    if not imports or imports[0].error or not session.cell.steps.imports:
        return
    seconds = session.cell.limits.seconds.import_
    found = slowest(session.room, imports[0].module, seconds=seconds, env=ENVIRONMENT)
    session.known.imports[0] = replace(imports[0], slowest=found)
