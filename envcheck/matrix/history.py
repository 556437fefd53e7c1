"""All runs of a matrix, oldest first, with what changed from one to the next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from envcheck.matrix.compare import compare
from envcheck.model.comparison import Past

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envcheck.model.cell import Run

VERSIONS = 3  # that are named for each run


def history(runs: Iterable[Run]) -> Iterator[Past]:
    """One entry for each run; only the run before it of the same matrix is kept meanwhile."""
    last: dict[str, Run] = {}
    for run in runs:
        header = run.header
        counts = Counter[str](result.status for result in run.results)
        counts["missing"] = len(run.missing)
        before = last.get(header.matrix)
        versions = dict.fromkeys(result.version for result in run.results if result.version)
        yield Past(
            id=header.id,
            matrix=header.matrix,
            started=header.started,
            backend=header.backend,
            counts={status: count for status, count in counts.items() if count},
            versions=tuple(versions)[:VERSIONS],
            since=compare(before, run) if before else None,
        )
        last[header.matrix] = run
