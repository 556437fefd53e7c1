"""Two predictions of one matrix, as of two days: which versions moved, what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.dated import CellsMoved, Dated, Moved

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult, Installed, Run


def dated(old: Run, new: Run, before: str, after: str) -> Dated:
    """What changed from ``old`` to ``new``. What moved most stands first."""
    later = {result.cell.id: result for result in new.results}
    groups: dict[tuple[object, ...], list[str]] = {}
    found: dict[tuple[object, ...], CellsMoved] = {}
    same = []
    for result in old.results:
        cell = _cell(result, later[result.cell.id])
        if cell.before == cell.after and not cell.moved:
            same.append(result.cell.id)
            continue
        key = (cell.before, cell.after, tuple((m.name, m.before, m.after) for m in cell.moved))
        groups.setdefault(key, []).append(result.cell.id)
        found.setdefault(key, cell)
    return Dated(
        new.header.matrix,
        before,
        after,
        tuple(found[key]._replace(cells=tuple(cells)) for key, cells in groups.items()),
        tuple(same),
    )


def _cell(old: CellResult, new: CellResult) -> CellsMoved:
    before = {one.name: one for one in old.distributions}
    after = {one.name: one for one in new.distributions}
    moved = [_moved(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    changed = [one for one in moved if one.before != one.after]
    changed.sort(key=lambda one: (not (one.before and one.after), -abs(one.disk or 0), one.name))
    return CellsMoved(
        (old.cell.id,),
        _said(old),
        _said(new),
        tuple(changed),
        _difference(_download(old), _download(new)),
        _difference(
            old.disk.allocated if old.disk else None, new.disk.allocated if new.disk else None
        ),
        new.sentence if _said(old) != _said(new) else "",
    )


def _moved(name: str, old: Installed | None, new: Installed | None) -> Moved:
    return Moved(
        name,
        old.version if old else "",
        new.version if new else "",
        _difference(*((one.download_size if one else 0) for one in (old, new))),
        _difference(*(_disk(one) for one in (old, new))),
    )


def _disk(one: Installed | None) -> int | None:
    if one is None:
        return 0
    return one.disk.allocated if one.disk else None


def _download(result: CellResult) -> int | None:
    return result.download.upstream if result.download else None


def _difference(old: int | None, new: int | None) -> int | None:
    return None if old is None or new is None else new - old


def _said(result: CellResult) -> str:
    return f"{result.status} ({result.cause})" if result.cause else result.status
