"""Times and sizes of two runs, with their noise: what is called worse, and what is not.

Import: the settled samples (fresh processes, nothing else running) are compared, and only if
bytecode, page cache and threads were the same. It is worse if all of these hold, better if they
hold the other way round:

* no sample of the new run is as fast as the slowest of the old one;
* the medians differ by more than a fifth of the old one (by half of it where the same files were
  installed: then it was the machine, or what it was doing), by more than 0.1 s, and by more than
  three times the larger spread (from the fastest to the slowest sample of a run);
* it is so after the new samples were divided by the machine's factor: the median ratio over all
  cells in which the same files were imported. Three such cells are needed, else it is 1.

The first import and the installation were each done once, so one cannot tell noise from a change:
if they doubled, and took two seconds more, that is noted and does not count. Cold and warm
installations, and those of two installers, are not compared at all.

Disk: logical bytes without bytecode, which are the same for the same files. Growth of more than
2 % and 1 MiB counts. The peak of memory is noted from a quarter and 64 MiB on.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.comparison import Change
from envcheck.report.matrix_values import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.model.cell import CellResult, Imported, RunHeader
    from envcheck.model.comparison import Kind

MIB = 1 << 20
SHARE, SAME_SHARE, SECONDS, SPREADS = 0.2, 0.5, 0.1, 3
CONTROLS = 3  # cells with the same files that tell how fast the machine was
MACHINE = 0.1  # a machine that is as fast as before within a tenth is not talked about
ONCE, ONCE_SECONDS = 2, 2.0
DISK_SHARE, DISK_BYTES = 0.02, MIB
MEMORY_SHARE, MEMORY_BYTES = 0.25, 64 * MIB


def machine(
    old: RunHeader, new: RunHeader, both: Sequence[tuple[CellResult, CellResult]]
) -> tuple[float | None, list[str]]:
    """By how much the new run's machine was slower; None if times cannot be compared.

    The second value is what is to be said about it.
    """
    if old.machine and new.machine and old.machine != new.machine:
        return None, [f"times are not compared: another machine ({old.machine}; {new.machine})"]
    if old.backend and new.backend and old.backend != new.backend:
        return None, [f"times are not compared: {old.backend}, then {new.backend}"]
    ratios = [
        median(pair.new.settled) / median(pair.old.settled)
        for before, after in both
        if same_files(before, after)
        for pair in _imports(before, after)
        if not pair.differs and median(pair.old.settled) > 0
    ]
    if len(ratios) < CONTROLS:
        return 1.0, []
    factor = median(ratios)
    if abs(factor - 1) <= MACHINE:
        return factor, []
    word = "slower" if factor > 1 else "faster"
    return factor, [
        f"the machine was {word}: the same files were imported in {factor:.2f} times the time in "
        f"{len(ratios)} imports; import times are compared after that"
    ]


def changes(old: CellResult, new: CellResult, factor: float | None) -> Iterator[Change]:
    """Of one cell; without ``factor`` only sizes."""
    if factor is not None:
        yield from _import_changes(old, new, factor)
        yield from _install(old, new)
    yield from _disk(old, new)
    yield from _memory(old, new)


def same_files(old: CellResult, new: CellResult) -> bool:
    """Whether the same artifacts were installed for the same interpreter."""
    if not old.distributions or old.python != new.python or old.image_id != new.image_id:
        return False
    return _files(old) == _files(new)


def _files(result: CellResult) -> set[tuple[str, str, str]]:
    return {(each.name, each.version, each.sha256) for each in result.distributions}


class Pair(NamedTuple):
    """Imports of one module in both runs. ``differs``: why they cannot be compared."""

    module: str
    old: Imported
    new: Imported
    differs: str


def _imports(old: CellResult, new: CellResult) -> Iterator[Pair]:
    before = {each.module: each for each in old.imports}
    for now in new.imports:
        then = before.get(now.module)
        if then is None or not (then.settled and now.settled) or then.error or now.error:
            continue
        conditions = [
            ("bytecode", then.bytecode, now.bytecode),
            ("page cache", then.page_cache, now.page_cache),
            ("threads", then.threads, now.threads),
        ]
        differs = [f"{name}: {a}, then {b}" for name, a, b in conditions if a != b]
        yield Pair(now.module, then, now, "; ".join(differs))


def _import_changes(old: CellResult, new: CellResult, factor: float) -> Iterator[Change]:
    name = new.cell.id
    for pair in _imports(old, new):
        what = "import" if pair.module == new.imports[0].module else f"import {pair.module}"
        if pair.differs:
            why = f"not compared, the conditions differ: {pair.differs}"
            yield Change(name, what, "note", _samples(pair.old), _samples(pair.new), why)
            continue
        same = same_files(old, new)
        share = SAME_SHARE if same else SHARE
        kind = judged(pair.old.settled, [each / factor for each in pair.new.settled], share)
        if kind:
            why = "though the same files were installed" if same else ""
            yield Change(name, what, kind, _samples(pair.old), _samples(pair.new), why)
        before, after = pair.old.first, pair.new.first
        if kind or before is None or after is None:
            continue
        if _doubled(before, after) and _doubled(before, after / factor):
            texts = (f"{before:.2f}s first", f"{after:.2f}s first")
            yield Change(name, what, "note", *texts, "one sample each")


def judged(old: Sequence[float], new: Sequence[float], share: float = SHARE) -> Kind | None:
    """``worse``, ``better`` or None, of settled samples in seconds."""
    difference = median(new) - median(old)
    spread = max(max(old) - min(old), max(new) - min(new))
    least = max(share * median(old), SECONDS, SPREADS * spread)
    if abs(difference) <= least:
        return None
    if difference > 0:
        return "worse" if min(new) > max(old) else None
    return "better" if max(new) < min(old) else None


def _samples(imported: Imported) -> str:
    low, middle = min(imported.settled), median(imported.settled)
    return f"{middle:.2f}s (from {low:.2f}s, n={len(imported.settled)})"


def _doubled(old: float, new: float) -> bool:
    low, high = sorted((old, new))
    return high >= ONCE * low and high - low >= ONCE_SECONDS


def _install(old: CellResult, new: CellResult) -> Iterator[Change]:
    before, after = old.step("install"), new.step("install")
    if not before or not after or before.status != "ok" or after.status != "ok":
        return
    if old.cold != new.cold or old.installer.split()[:1] != new.installer.split()[:1]:
        return
    if _doubled(before.seconds, after.seconds):
        texts = (f"{before.seconds:.2f}s", f"{after.seconds:.2f}s")
        yield Change(new.cell.id, "install", "note", *texts, "one sample each")


def _disk(old: CellResult, new: CellResult) -> Iterator[Change]:
    if old.disk is None or new.disk is None:
        return
    before = old.disk.logical - old.disk.bytecode
    after = new.disk.logical - new.disk.bytecode
    if abs(after - before) > max(DISK_SHARE * before, DISK_BYTES):
        kind: Kind = "worse" if after > before else "better"
        texts = (size(before), size(after))
        yield Change(new.cell.id, "disk", kind, *texts, _grown(old, new))


def _grown(old: CellResult, new: CellResult) -> str:
    """The distributions that make the difference, largest first."""
    sizes = [
        {
            each.name: each.disk.logical - each.disk.bytecode
            for each in result.distributions
            if each.disk
        }
        for result in (old, new)
    ]
    before, after = sizes
    changed = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    largest = sorted(changed.items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:3]
    return ", ".join(f"{name} {by / MIB:+.1f}M" for name, by in largest if abs(by) > DISK_BYTES)


def _memory(old: CellResult, new: CellResult) -> Iterator[Change]:
    before, after = _peak(old), _peak(new)
    if before is None or after is None:
        return
    if abs(after - before) > max(MEMORY_SHARE * before, MEMORY_BYTES):
        texts = (size(before), size(after))
        yield Change(new.cell.id, "memory", "note", *texts)


def _peak(result: CellResult) -> int | None:
    step = result.step("import")
    return step.peak_memory if step else None
