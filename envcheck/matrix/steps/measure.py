"""Measure: how much the environment has grown, in all and by distribution.

Directly after the installation: what later steps do changes nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.matrix import disk

if TYPE_CHECKING:
    from envcheck.matrix.session import Session


def run(session: Session) -> None:
    """Leave `known.measured`, `known.disk` and the sizes of `known.distributions`."""
    session.watch("measure")
    known = session.known
    seconds = session.cell.limits.seconds.measure
    done = disk.measure(session.room, seconds=seconds, keep_log=session.keep_log)
    session.add(done.outcome)
    known.measured = done
    known.disk = done.total
    known.distributions = [
        replace(one, disk=done.by_name.get(one.name)) for one in known.distributions
    ]
