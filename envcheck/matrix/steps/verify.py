"""Verify: before a package is blamed, whether what was installed is what it published.

Installers link files out of their cache and do not read them. A damaged cache would make a good
package fail; so where installing, importing or the smoke script fails, the files are compared with
RECORD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.errors import TargetError
from envcheck.matrix.execution import execute, island
from envcheck.matrix.session import Faulty

if TYPE_CHECKING:
    from envcheck.matrix.session import Session

SECONDS = 60.0


def run(session: Session) -> None:
    """Raises Faulty if files are not what they should be: the cell is tried again, once. A package
    that changes its own files (which it cannot where it is isolated) fails all the same.
    """
    session.watch("verify")
    paths = session.room.paths
    words = [*paths.script, "-c", island("verifying"), paths.environment, paths.uv_cache]
    words += sorted(locked.name for locked in session.known.locked)
    try:
        outcome = execute(session.room, words, name="verify", who="installer", seconds=SECONDS)
    except TargetError:  # it may have taken its room with it: that is an answer, too
        return
    wrong = outcome.text.splitlines() if outcome.ok else []
    if not wrong:
        return
    name = wrong[0].removeprefix(paths.environment).removeprefix(paths.uv_cache).lstrip("/\\")
    what = f"{name} is not what RECORD says"
    if session.attempt == 1:
        raise Faulty(f"{what}: the installer's cache was damaged, and is made anew")
    session.note(f"{what}, although it was installed anew: the package may have changed it")
