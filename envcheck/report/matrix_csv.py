"""One line a cell, for spreadsheets: seconds and bytes as plain numbers, empty where unknown."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from envcheck.report import matrix_values as values
from envcheck.report.matrix_rows import natural, table
from envcheck.report.printable import line

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult, Imported, Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Row

#: A spreadsheet takes what begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(run: Run, view: View) -> str:
    """RFC 4180 with a header; names of columns say the unit."""
    shown = table(run, view.freshness)
    notes = {note.number: note.text for note in shown.notes}
    axes = sorted({name for result in run.results for name in result.cell.axes}, key=natural)
    further = [line(name) for name in axes if name not in ("python", "os")]
    lines = [
        {
            "cell": row.id,
            **_seed(row),
            **{name: _axis(row, name) for name in further},
            **_further(row.result, run),
            **(_predicted(row.result) if shown.predicted else {}),
            "reason": " | ".join(notes[number] for number in row.marks.get("status", ())),
        }
        for row in shown.rows
    ]
    file = StringIO()
    writer = csv.DictWriter(file, list(lines[0]) if lines else ["cell"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in each.items()} for each in lines)
    return file.getvalue()


def _seed(row: Row) -> dict[str, Any]:
    """The columns that the public pages have, in their order."""
    result = row.result
    python, os = row.entries[0].text, row.entries[1].text
    install = result.step("install") if result else None
    imported = _first(result)
    return {
        "python": python,
        "os / libc": os,
        "status": row.status,
        "wheel": result.wheel if result else "",
        "install_seconds": install.seconds if install and install.status == "ok" else None,
        "import_seconds": imported and values.settled(imported),
        "disk_bytes": result.disk.allocated if result and result.disk else None,
    }


def _further(result: CellResult | None, run: Run) -> dict[str, Any]:
    of = values.subject(result) if result else None
    imported = _first(result)
    disk = result.disk if result else None
    download = result.download if result else None
    return {
        "cause": result.cause if result else "interrupted",
        "version": result.version if result else "",
        "newest": of.newest if of else "",
        "releases_behind": of.releases_behind if of else None,
        "cold": _word(result.cold) if result else "",
        "import_module": imported.module if imported else "",
        "import_first_seconds": imported.first if imported else None,
        "import_minimum_seconds": min(imported.settled, default=None) if imported else None,
        "import_samples": len(imported.settled) if imported else None,
        "bytecode": imported.bytecode if imported else "",
        "download_bytes": values.download(result).sort if result else None,
        "fetched_bytes": download.upstream if download else None,
        "download_seconds": download.seconds if download else None,
        "disk_logical_bytes": disk.logical if disk else None,
        "disk_exclusive_bytes": disk.exclusive if disk else None,
        "disk_bytecode_bytes": disk.bytecode if disk else None,
        "smoke": result.smoke if result else "",
        "peak_memory_bytes": values.memory(result).sort if result else None,
        "seconds": result.seconds if result else None,
        "started": result.started if result else "",
        "python_version": result.python if result else "",
        "libc_version": result.libc if result else "",
        "installed_by": result.installer if result else "",
        "image": result.image if result else "",
        "image_id": result.image_id if result else "",
        "backend": result.backend if result else run.header.backend,
        "run": run.header.id,
        "remedy": result.remedy if result else "",
    }


def _predicted(result: CellResult | None) -> dict[str, Any]:
    """Of a prediction: its class, and the disk once all of it is compiled."""
    said = result.prediction if result else None
    parts = said.parts if said else None
    return {
        "predicted": "yes",
        "class": said.class_ if said else "",
        "disk_compiled_bytes": parts.allocated_with_bytecode if parts else None,
    }


def _first(result: CellResult | None) -> Imported | None:
    return next(iter(result.imports), None) if result else None


def _axis(row: Row, name: str) -> str:
    return row.result.cell.axes.get(name, "") if row.result else ""


def _word(value: bool | None) -> str:
    return "" if value is None else "cold" if value else "warm"


def _plain(value: Any) -> Any:
    """Numbers as they are; a text that a spreadsheet would compute begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
