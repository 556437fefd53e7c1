"""What a table of predictions says besides: classes, sizes over the whole matrix, and that nothing
was run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.matrix_values import Entry, size
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Collection

    from envcheck.model.cell import CellResult, Installed, Run

NOT_DONE = "nothing was installed or run"
HINT = (
    "hint: -v says what the columns mean and where the sizes come from; "
    "`envcheck why` says what would help"
)
_FROM = {"size": "downloads", "contents": "disk", "metadata": "requirements"}
#: Columns that mean something else, or nothing, where nothing was run.
_DEFINITIONS = {
    "status": "predicted pass: the newest release that was asked for would install there with all "
    "that it needs. predicted warn: so it would, and something is to be known. predicted fail: it "
    "would not, or only an older one. predicted inconclusive: it could not be judged.",
    "wheel": "wheel: everything would be installed from wheels. sdist: something would be built. "
    "none: nothing that could be installed.",
    "install": "not predicted: only a run tells how long it takes.",
    "import": "not predicted: only a run tells how long it takes.",
    "disk": "what the site directories would grow by, in blocks of 4 KiB, with bytecode only where "
    "the installer compiles (pip), K = 1024 bytes.",
    "version": "of the first requirement, as it would be installed.",
    "download": "size of all files that would be installed, as the index or its file server says.",
    "bytecode": "disk, once all modules have been compiled.",
}


def is_prediction(run: Run) -> bool:
    """Whether no cell of it was run."""
    return bool(run.results) and all(result.predicted for result in run.results)


def definitions(run: Run) -> dict[str, str]:
    """Column -> what it means; empty for what was run."""
    return _DEFINITIONS if is_prediction(run) else {}


def usage(result: CellResult) -> str:
    """All that is known of the disk; nothing of what is not."""
    parts = result.prediction.parts if result.prediction else None
    if parts is None or parts.allocated is None or parts.logical is None:
        return ""
    text = f"{size(parts.allocated)} allocated, {size(parts.logical)} logical, {parts.files} files"
    if parts.allocated_with_bytecode is not None:
        text += f"; {size(parts.allocated_with_bytecode)} allocated with bytecode"
    return text


def class_(result: CellResult) -> Entry:
    """What the newest release does there: a key of ``prediction.CLASSES``."""
    return Entry(line(result.prediction.class_)) if result.prediction else Entry()


def with_bytecode(result: CellResult) -> Entry:
    """Disk with the bytecode of all modules."""
    parts = result.prediction.parts if result.prediction else None
    if parts is None or parts.allocated_with_bytecode is None:
        return Entry()
    return Entry(size(parts.allocated_with_bytecode), parts.allocated_with_bytecode)


def circumstances(run: Run) -> list[tuple[str, str]]:
    """(label, text): downloads and disk with what the cells share counted once."""
    cells = [result for result in run.results if result.distributions]
    if not cells or not is_prediction(run):
        return []
    downloads = [[(d, d.download_size) for d in c.distributions] for c in cells]
    disks = [[(d, _allocated(d)) for d in c.distributions] for c in cells]
    # what the installer adds is in the cell's number, and of no distribution
    added = [_added(cell) for cell in cells]
    rows = [("download", _shared(downloads)), ("disk", _shared(disks, sum(added)))]
    rows += [("sizes", _sources(cells))]
    unread = sorted({line(t) for r in run.results if r.prediction for t in r.prediction.unread})
    rows += [("not known", text) for text in unread[:8]]
    return [(label, text) for label, text in rows if text]


def _sources(cells: list[CellResult]) -> str:
    """``disk from its RECORD, its list of members; downloads from Content-Range``."""
    found: dict[str, set[str]] = {}
    for result in cells:
        if result.prediction and result.prediction.parts:
            for source in result.prediction.parts.sources:
                what, _, where = line(source).partition(": ")
                found.setdefault(_FROM.get(what, what), set()).add(where)
    told = [f"{what} from {', '.join(sorted(where))}" for what, where in sorted(found.items())]
    return "; ".join(told)


def _allocated(one: Installed) -> int | None:
    return one.disk.allocated if one.disk else None


def _added(cell: CellResult) -> int:
    if cell.disk is None:
        return 0
    return cell.disk.allocated - sum(_allocated(one) or 0 for one in cell.distributions)


def _shared(cells: Collection[list[tuple[Installed, int | None]]], added: int = 0) -> str:
    """``13.7G in all, 4.9G if what 5 cells share is counted once``. ``added``: what each has for
    itself.
    """
    total = 0
    files: dict[str, int] = {}
    for cell in cells:
        for one, count in cell:
            if count is None:
                return ""
            total += count
            files[one.file] = count
    once, total = sum(files.values()) + added, total + added
    if len(cells) == 1 or once == total:
        return f"{size(total)} in all"
    return f"{size(total)} in all, {size(once)} if what {len(cells)} cells share is counted once"
