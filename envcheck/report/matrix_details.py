"""What the table has no room for, of one cell: steps, distributions, imports, findings. As HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envcheck.report import matrix_predicted
from envcheck.report import matrix_values as values
from envcheck.report.matrix_values import seconds, size
from envcheck.report.matrix_values import usage as all_of
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envcheck.model.cell import CellResult, Imported, StepResult, Usage

LARGEST = 15  # distributions that are listed
FINDINGS = 20


def details(result: CellResult, number: int) -> str:
    """A ``<details>`` element with the id ``cell<number>``."""
    name, status = _text(result.cell.id), _text(result.status)
    said = _text(values.status(result).text)
    parts = [
        f'<details id="cell{number}"><summary><span class="mono">{name}</span> '
        f'<span class="word {status}">{said}</span></summary>',
        *(_predicted(result) if result.predicted else _facts(result)),
        *_steps(result.steps),
        *_imports(result.imports),
        *_distributions(result),
        *_findings(result),
        "</details>",
    ]
    return "\n".join(parts)


def _text(text: object, limit: int = 400) -> str:
    return escape(shorten(line(text), limit))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Of HTML texts."""
    if not rows:
        return
    yield f"<h3>{title}</h3>"
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead><tr>'
    yield "".join(f'<th scope="col" class="plain">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"


def _facts(result: CellResult) -> Iterator[str]:
    download = result.download
    axes = ", ".join(f"{key} {value}" for key, value in result.cell.axes.items())
    fetched = ""
    if download:
        fetched = f"{size(download.upstream)} from the index, {size(download.served)} given to the "
        fetched += f"cell, {download.files} files, {seconds(download.seconds)} of waiting"
    pairs = [
        ("axes", axes),
        ("python", result.python),
        ("libc", result.libc),
        ("image", f"{result.image} {result.image_id}".strip()),
        ("installer", result.installer),
        ("started", f"{result.started}, took {seconds(result.seconds)}"),
        ("attempts", str(result.attempts) if result.attempts > 1 else ""),
        ("download", fetched),
        ("disk", _usage(result.disk)),
        ("built", ", ".join(result.built)),
        ("smoke", result.smoke),
        ("doctor", result.verdict),
        ("isolated", "" if result.isolated else "no: the package could reach this machine"),
    ]
    yield from _listed(pairs)


def _listed(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{key}</dt><dd>{_text(text)}</dd>" for key, text in pairs if text)
    yield "</dl>"


def _predicted(result: CellResult) -> Iterator[str]:
    """Of a cell that was not run."""
    said = result.prediction
    parts = said.parts if said else None
    pairs = [
        ("target", said.platform if said else ""),
        ("class", said.class_ if said else ""),
        ("release", f"{said.release} {said.uploaded[:10]}".strip() if said else ""),
        ("download", size(parts.download) if parts and parts.download is not None else ""),
        ("disk", matrix_predicted.usage(result)),
        ("to be built", ", ".join(result.built)),
        ("not known", "; ".join(said.unread) if said else ""),
    ]
    yield from _listed(pairs)


def _usage(usage: Usage | None) -> str:
    return all_of(usage) if usage else ""


def _steps(steps: list[StepResult]) -> Iterator[str]:
    rows = []
    for step in steps:
        ended = step.signal or ("" if step.exit is None else str(step.exit))
        peak = "" if step.peak_memory is None else size(step.peak_memory)
        words = [step.name, step.status, seconds(step.seconds), ended, peak, step.detail, step.log]
        rows.append([_text(word) for word in words])
    heads = ("step", "status", "took", "exit", "peak memory", "detail", "log")
    yield from _table("Steps", heads, rows)


def _imports(imports: list[Imported]) -> Iterator[str]:
    rows = []
    for each in imports:
        first = "" if each.first is None else seconds(each.first)
        again = ", ".join(map(seconds, each.settled))
        conditions = f"bytecode {each.bytecode or 'unknown'}; page cache {each.page_cache}"
        conditions += f"; {each.threads} threads" if each.threads else ""
        words = [each.module, first, again, conditions, each.error]
        rows.append([_text(word) for word in words])
    yield from _table("Imports", ("module", "first", "further", "conditions", "error"), rows)
    slow = [
        [_text(module.name), _text(seconds(module.seconds)), _text(seconds(module.cumulative))]
        for each in imports[:1]
        for module in each.slowest[:10]
    ]
    yield from _table("Slowest modules", ("module", "itself", "with what it imports"), slow)


def _distributions(result: CellResult) -> Iterator[str]:
    found = sorted(
        result.distributions,
        key=lambda each: (not each.requested, -(each.disk.allocated if each.disk else 0)),
    )
    rows = []
    for each in found[:LARGEST]:
        newest = each.newest if each.newest != each.version else "this one"
        size_on_disk = size(each.disk.allocated) if each.disk else ""
        words = [each.name, each.version, newest, each.artifact, size_on_disk, each.reason]
        rows.append([_text(word) for word in words])
    heads = ("name", "version", "newest", "from", "disk", "why not the newest")
    title = "Distributions that would be installed" if result.predicted else "Distributions"
    yield from _table(title, heads, rows)
    if len(found) > LARGEST:
        yield f'<p class="faint">and {len(found) - LARGEST} smaller ones, in the document</p>'


def _findings(result: CellResult) -> Iterator[str]:
    rows = [
        [_text(found.get(key, "")) for key in ("code", "severity", "title")]
        for found in result.findings[:FINDINGS]
    ]
    yield from _table("What the doctor found", ("code", "severity", "title"), rows)
