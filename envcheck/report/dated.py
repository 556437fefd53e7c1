"""What moved between two days, as text, Markdown and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envcheck.model.dated import SCHEMA
from envcheck.report.matrix_markdown import prose
from envcheck.report.matrix_text import finished
from envcheck.report.matrix_values import size
from envcheck.report.printable import line, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.dated import CellsMoved, Dated, Moved
    from envcheck.report.matrix import View

_MOST = 20  # distributions that are listed


def render(found: Dated, view: View) -> str:
    """Cells in which the same changed, one below the other."""
    return finished(_text(found, view), view)


def _text(found: Dated, view: View) -> Iterator[str]:
    head = f"{line(found.subject)}: as of {found.before} → as of {found.after}"
    yield from wrap(head, view.width, 0, cell_len)
    for group in found.groups:
        yield ""
        yield from wrap(_head(group), view.width, 0, cell_len)
        for text in _told(group):
            first, *rest = wrap(text, view.width - 4, 0, cell_len)
            yield f"  {first}"
            yield from (f"    {part}" for part in rest)
    if found.same:
        yield ""
        yield from wrap(
            f"nothing changed: {', '.join(map(line, found.same))}", view.width, 0, cell_len
        )


def _head(group: CellsMoved) -> str:
    cells = ", ".join(map(line, group.cells))
    status = line(group.after)
    if group.before != group.after:
        status = f"{line(group.before)} → {status}"
    parts = [f"{cells}: {status}"]
    if group.download:
        parts.append(f"download {signed(group.download)}")
    if group.disk:
        parts.append(f"disk {signed(group.disk)}")
    return ", ".join(parts)


def _told(group: CellsMoved) -> Iterator[str]:
    if group.why:
        yield line(group.why)
    yield from (moved(one) for one in group.moved[:_MOST])
    if len(group.moved) > _MOST:
        yield f"and {len(group.moved) - _MOST} more distributions"


def moved(one: Moved) -> str:
    """``torch 2.10.0 → 2.11.0: disk -2.3G``."""
    name = line(one.name)
    versions = f"{name} {line(one.before)} → {line(one.after)}"
    if not one.before:
        versions = f"{name} {line(one.after)} is new"
    if not one.after:
        versions = f"{name} {line(one.before)} is gone"
    sizes = [("disk", one.disk), ("download", one.download)]
    said = [f"{what} {signed(count)}" for what, count in sizes if count]
    return f"{versions}: {', '.join(said)}" if said else versions


def signed(count: int) -> str:
    """``-2.3G``."""
    return f"{'-' if count < 0 else '+'}{size(abs(count))}"


def render_markdown(found: Dated, view: View) -> str:  # noqa: ARG001  # one shape for all
    """The same for a repository."""
    lines = [f"# {prose(found.subject)}: as of {found.before} → as of {found.after}", ""]
    for group in found.groups:
        lines += [f"- {prose(_head(group))}", *(f"  - {prose(text)}" for text in _told(group))]
    if found.same:
        lines += [f"- nothing changed: {prose(', '.join(found.same))}"]
    return "\n".join(lines) + "\n"


def render_json(found: Dated, view: View) -> str:  # noqa: ARG001
    """All of it."""
    groups = [
        {**group._asdict(), "moved": [one._asdict() for one in group.moved]}
        for group in found.groups
    ]
    document = {"schema": SCHEMA, **found._asdict(), "groups": groups}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


FORMATS = {"text": render, "markdown": render_markdown, "json": render_json}
