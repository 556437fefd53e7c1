"""One field of a matrix table: what is shown, what it is sorted by, and why there is nothing."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from envcheck.report.printable import line

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult, Imported, Installed, Usage

NOTHING = "-"
UNSEEN = "it was not observed"
#: Statuses of cells about which nothing was learnt.
NOT_RUN = ("skipped", "error", "missing")


class Entry(NamedTuple):
    """``text`` is safe to show; ``sort`` a number in seconds, bytes or releases if it is one.

    ``why`` says why ``text`` is NOTHING; empty where the reason of the whole cell says it.
    """

    text: str = NOTHING
    sort: float | None = None
    why: str = ""


def seconds(value: float) -> str:
    """``4.00s`` as on the pages that this is compared with; beyond it ``117s`` and ``1.3ms``."""
    if 0 < value < 0.0995:
        return f"{value * 1000:.1f}ms"
    return f"{value:.0f}s" if value >= 99.995 else f"{value:.2f}s"


def size(value: float) -> str:
    """Binary units as of ``du -h``, to the nearest tenth: ``4.7G``, ``829.3M``."""
    for unit in "BKMGT":
        if value < 1023.95 or unit == "T":
            break
        value /= 1024
    return f"{value:.0f}B" if unit == "B" else f"{value:.1f}{unit}"


def libc(result: CellResult) -> str:
    """``glibc`` of ``glibc 2.36``."""
    return line(result.libc).partition(" ")[0]


def subject(result: CellResult) -> Installed | None:
    """The distribution of the first requirement."""
    requested = [found for found in result.distributions if found.requested]
    names = [_name(requirement) for requirement in result.cell.test.requirements[:1]]
    named = [found for found in result.distributions if _name(found.name) in names]
    return next(iter(named or requested), None)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.strip())
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""


def settled(imported: Imported) -> float | None:
    """Median of the further imports; None if there were none."""
    return median(imported.settled) if imported.settled else None


def usage(used: Usage) -> str:
    """All numbers of it; nothing of what is not known."""
    parts = [f"{size(used.allocated)} allocated", f"{size(used.logical)} logical"]
    if used.exclusive is not None:
        parts.append(f"{size(used.exclusive)} exclusive")
    return ", ".join([*parts, f"{size(used.bytecode)} bytecode", f"{used.files} files"])


def status(result: CellResult) -> Entry:
    """The status as a word."""
    return Entry(f"predicted {result.status}" if result.predicted else result.status)


def wheel(result: CellResult) -> Entry:
    """``wheel``, ``sdist`` (with a compiler where one ran), ``none``."""
    if not result.wheel:
        return Entry(why=_step_why(result, "resolve"))
    if result.wheel == "sdist" and any(found.compiled for found in result.distributions):
        return Entry("sdist, cc")
    return Entry(result.wheel)


def install(result: CellResult) -> Entry:
    """Seconds of the installation, cold and warm told apart."""
    step = result.step("install")
    if step is None or step.status != "ok":
        return Entry(why=_step_why(result, "install"))
    heat = "" if result.cold is None else " cold" if result.cold else " warm"
    return Entry(seconds(step.seconds) + heat, step.seconds)


def importing(result: CellResult) -> Entry:
    """``4.12/1.93s``: the first import of the first module, and the median of the further ones."""
    imported = next(iter(result.imports), None)
    if imported is None or imported.first is None or imported.error:
        return Entry(why=_step_why(result, "import"))
    again = settled(imported)
    if again is None:
        return Entry(seconds(imported.first), imported.first)
    first, further = seconds(imported.first), seconds(again)
    unit = further.lstrip("0123456789.")
    if first.endswith(unit) and first[: -len(unit)][-1].isdigit():
        first = first[: -len(unit)]
    return Entry(f"{first}/{further}", again)


def disk(result: CellResult) -> Entry:
    """Growth of the site directories as allocated."""
    if result.disk is None:
        return Entry(why=_step_why(result, "measure"))
    return Entry(size(result.disk.allocated), result.disk.allocated)


def version(result: CellResult) -> Entry:
    """The version of the first requirement, as installed."""
    return (
        Entry(line(result.version)) if result.version else Entry(why=_step_why(result, "install"))
    )


def behind(result: CellResult) -> Entry:
    """``newest``, or how many final releases there are after it, as ``3``."""
    found = subject(result)
    if found is None:
        return Entry(why=_step_why(result, "install"))
    if found.releases_behind is None:
        return Entry(why="the index does not say which releases there are")
    count = found.releases_behind
    return Entry(str(count) if count else "newest", count)


def download(result: CellResult) -> Entry:
    """Size of the files that were installed, however they came."""
    sizes = [found.download_size for found in result.distributions]
    known = [found for found in sizes if found is not None]
    if not known:
        return Entry(why=_step_why(result, "install"))
    mark = "" if len(known) == len(sizes) else "≥"
    return Entry(mark + size(sum(known)), sum(known))


def smoke(result: CellResult) -> Entry:
    """``pass`` or ``fail``; ``none`` if none was asked for; one that was skipped says why."""
    word, _, why = result.smoke.partition(":")
    if word in ("pass", "fail"):
        return Entry(word)
    left_out = result.cell.test.smoke == "none" or "smoke" in result.cell.steps.skip
    if left_out and not result.smoke and result.status in ("pass", "warn"):
        return Entry("none")
    return Entry(why=line(why).strip() or _step_why(result, "smoke"))


def memory(result: CellResult) -> Entry:
    """The larger of what importing and the smoke script took."""
    steps = [result.step("import"), result.step("smoke")]
    peaks = [step.peak_memory for step in steps if step and step.peak_memory is not None]
    if not peaks:
        return Entry(why=_step_why(result, "import"))
    return Entry(size(max(peaks)), max(peaks))


def _step_why(result: CellResult, name: str) -> str:
    """Why what step ``name`` observes is not there; empty if the cell's own reason says it."""
    step = result.step(name)
    worked = result.status in ("pass", "warn") or (step is not None and step.status == "ok")
    if not worked:
        return ""
    if name in result.cell.steps.skip:
        return f"the matrix leaves out the step `{name}`"
    if step is None:
        return "" if result.predicted else UNSEEN
    if step.detail:
        return line(step.detail)
    words = {"timeout": "it did not end in time", "failed": f"the step `{name}` failed"}
    return words.get(step.status, UNSEEN)
