"""What stands around a matrix table: what was tested, when, with what, and what columns mean.

The conditions that a number depends on are those of this run, read from its results.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from envcheck.report import matrix_predicted
from envcheck.report.matrix_values import libc
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.cell import CellResult, Run
    from envcheck.model.freshness import Freshness
    from envcheck.report.matrix_rows import Table

STATUSES = ("pass", "warn", "fail", "inconclusive", "error", "skipped", "missing")
MANY = 8  # of a kind that are listed


def name(run: Run) -> str:
    """``accelerate``: of the matrix."""
    return line(run.header.matrix) or "matrix"


def title(run: Run) -> str:
    """The name; of predictions it says that they are."""
    return f"{name(run)}, predicted" if matrix_predicted.is_prediction(run) else name(run)


def done(run: Run) -> str:
    """What was done: ``tested`` or ``predicted``; a label of ``circumstances``."""
    return "predicted" if matrix_predicted.is_prediction(run) else "tested"


def counts(run: Run) -> dict[str, int]:
    """Cells of each status, those that are missing included, in the order of STATUSES."""
    found: Counter[str] = Counter(result.status for result in run.results)
    found["missing"] = len(run.missing)
    return {status: found[status] for status in STATUSES if found[status]}


def tally(run: Run) -> str:
    """``4 pass, 6 fail``."""
    return ", ".join(f"{count} {status}" for status, count in counts(run).items()) or "no cells"


def circumstances(run: Run, freshness: Freshness | None = None) -> list[tuple[str, str]]:
    """When, what and with what: (label, text), nothing that is not known."""
    results = run.results
    rows = [
        ("summary", line(run.header.summary)),
        (done(run), _when(run, freshness)),
        *(("stale", line(reason)) for reason in (freshness.reasons if freshness else ())),
        *(("note", line(remark)) for remark in (freshness.remarks if freshness else ())),
        ("subject", _listed(_subjects(results))),
        ("versions", _listed(_versions(results))),
        ("python", _listed(_unique(line(result.python) for result in results))),
        ("libc", _listed(_unique(line(result.libc) for result in results if libc(result)))),
        ("installer", _listed(_unique(line(result.installer) for result in results))),
        ("images", _listed(_images(results))),
        ("backend", _backend(run)),
        *matrix_predicted.circumstances(run),
        ("machine", line(run.header.machine)),
        *(("note", line(note)) for note in run.header.notes),
        ("by" if done(run) == "predicted" else "run", _run(run)),
    ]
    return [(label, text) for label, text in rows if text]


def _when(run: Run, freshness: Freshness | None) -> str:
    if freshness is None:
        return line(run.header.started)
    if freshness.age is None:
        return f"{line(freshness.tested)} (how long ago is not known)".strip()
    days = "today" if not freshness.age else f"{freshness.age} day{'s' * (freshness.age > 1)} ago"
    return f"{line(freshness.tested)}, {days}" + (", stale" * (freshness.state == "stale"))


def _run(run: Run) -> str:
    parts = [line(run.header.id), f"envcheck {line(run.header.envcheck)}".strip()]
    parts += [f"began {line(run.header.started)}"] if run.header.started else []
    parts += [f"ended {line(run.ended)}"] if run.ended else ["has not ended"]
    return ", ".join(part for part in parts if part)


def _backend(run: Run) -> str:
    name = line(run.header.backend)
    if matrix_predicted.is_prediction(run):
        return f"prediction: from what the index says; {matrix_predicted.NOT_DONE}"
    if any(not result.isolated for result in run.results):
        return f"{name}: not isolated, the package could reach this machine"
    return f"{name}, isolated" if name and run.results else name


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _listed(texts: list[str], limit: int = MANY) -> str:
    shown = ", ".join(shorten(text, 120) for text in texts[:limit])
    more = len(texts) - limit
    return f"{shown} and {more} more" if more > 0 else shown


def _subjects(results: list[CellResult]) -> list[str]:
    found = []
    for result in results:
        test = result.cell.test
        found += [line(text) for text in test.requirements]
        found += [line(text) for text in (test.project, test.requirements_file) if text]
    return _unique(found)


def _versions(results: list[CellResult]) -> list[str]:
    """``accelerate 1.13.0 (newest 1.15.0 of 2026-10-02)``."""
    found = []
    for result in results:
        requested = [each for each in result.distributions if each.requested]
        if not requested:
            found.append(line(result.version))
        for each in requested:
            text = f"{line(each.name)} {line(each.version)}"
            if each.newest and each.newest != each.version:
                day = line(each.newest_uploaded)[:10]
                text += f" (newest {line(each.newest)}{f' of {day}' if day else ''})"
            found.append(text)
    return _unique(found)


def _images(results: list[CellResult]) -> list[str]:
    """Reference and the beginning of the id."""
    found = []
    for result in results:
        identity = line(result.image_id).removeprefix("sha256:")[:12]
        found.append(f"{line(result.image)} ({identity})" if identity else line(result.image))
    return _unique(found)


def definitions(run: Run, shown: Table) -> list[tuple[str, str]]:
    """(column, what it means here), with the conditions under which it was measured."""
    texts = {
        "status": "pass: installed, imported and, where asked, ran. warn: it did, and something "
        "is to be known. fail: the package does not work there. error: not the package's fault. "
        "skipped, missing: it was not run.",
        "wheel": "wheel: every distribution was installed from a wheel. sdist: one was built here "
        "(cc: with a compiler). none: nothing that can be installed.",
        "install": _install(run),
        "import": _import(run),
        "disk": "growth of the environment's site directories in allocated blocks, bytecode "
        "included, K = 1024 bytes. The document has logical and exclusive bytes and the share of "
        "bytecode and of each distribution.",
        "version": "of the first requirement, as installed.",
        "behind": "final releases of it on the index that are newer.",
        "download": "size of all installed files as they are on the index, whether they had to be "
        "fetched or not.",
        "class": "what becomes of the newest release that was asked for, see `envcheck why`.",
        "bytecode": "the disk with bytecode of all modules.",
        "smoke": _smoke(run),
        "memory": "largest resident set of a process that imported, or ran the smoke script.",
        **matrix_predicted.definitions(run),
    }
    return [(column.title, texts[column.key]) for column in shown.columns if column.key in texts]


def _install(run: Run) -> str:
    cold = [result.cold for result in run.results if result.step("install")]
    text = "seconds of the installation alone; downloading and building come before it. "
    said = [("cold", cold.count(True)), ("warm", cold.count(False))]
    numbers = ", ".join(f"{word} in {count}" for word, count in said if count)
    text += "cold: something had to be fetched from the index first; warm: nothing"
    return f"{text} ({numbers} here)." if numbers else f"{text}."


def _import(run: Run) -> str:
    """The conditions, which change an import time by a factor of 15."""
    imports = [imported for result in run.results for imported in result.imports[:1]]
    modules = _listed(_unique(line(imported.module) for imported in imports), 4)
    text = (
        f"seconds of importing {modules}" if modules else "seconds of importing the first module"
    ) + " in fresh processes, one after the other with nothing else running: "
    numbers = sorted({len(imported.settled) for imported in imports if imported.settled})
    many = " to ".join(map(str, sorted({numbers[0], numbers[-1]}))) if numbers else ""
    text += f"first / median of {many or 'the'} further ones"
    conditions = [
        ("bytecode before the first", _unique(line(found.bytecode) for found in imports)),
        ("page cache", _unique(line(found.page_cache) for found in imports)),
        ("threads", _unique(str(found.threads) for found in imports if found.threads)),
    ]
    told = "; ".join(f"{name}: {' or '.join(said)}" for name, said in conditions if said)
    return f"{text}. {told[:1].upper()}{told[1:]}." if told else f"{text}."


def _smoke(run: Run) -> str:
    scripts = _unique(line(result.cell.test.smoke) for result in run.results)
    known = {"accelerator": "the reference accelerator trains where torch is", "none": "none"}
    return f"what ran after the import: {_listed([known.get(s, s) for s in scripts]) or 'none'}."
