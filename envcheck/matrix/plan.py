"""From a matrix to its cells: the product of the axes, what is added, left out and selected."""

from __future__ import annotations

import platform
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.errors import UsageError, did_you_mean
from envcheck.matrix import inputs
from envcheck.model.matrix import Cell, Index, MatrixDocument, Plan, Subject, Variant
from envcheck.predict.inputs.requirement import Wanted
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envcheck.predict.inputs.requirements_file import Flat

Combination = dict[str, str]  # axis -> value


def plan(
    document: MatrixDocument,
    name: str,
    folder: str,
    *,
    axes: Mapping[str, Sequence[str]] | None = None,
    only: Sequence[str] = (),
    architecture: str = "",
) -> Plan:
    """The cells of ``document``, sorted by Python and then as its axes are.

    ``axes``: values said instead of the file's, by axis. ``only``: globs of cell ids.
    ``architecture``: of a cell that does not say it, by default this machine's.
    What a requirements file says is said by each cell: a result tells what was required. Raises
    UsageError if nothing is left, or a word of these is not known; DataError for such a file.
    """
    if (file := inputs.of_file(document.test, folder)) is not None:
        document = replace(
            document,
            test=_with_file(document.test, file),
            index=_joined(document.index, file.options),
        )
    said = {axis: list(values) for axis, values in (axes or {}).items() if values}
    values = _values(document, architecture or machine())
    chosen = _narrowed(values, said, document)
    cells = _cells(document, values, chosen, explicit=set(said))
    if not cells:
        raise UsageError(f"the matrix `{name}` has no cells: everything is left out")
    return Plan(
        name=name,
        summary=document.summary,
        folder=folder,
        cells=_selected(cells, only),
        stale_after=document.stale_after,
    )


def machine() -> str:
    """The architecture of this machine, as in wheel tags of Linux."""
    names = {"amd64": "x86_64", "arm64": "aarch64"}
    found = platform.machine().lower()
    return names.get(found, found)


def version_key(python: str) -> tuple[int, ...]:
    """For sorting: 3.9 before 3.10, 3.13 before 3.13t."""
    numbers = [int(part) for part in python.rstrip("t").split(".")]
    return (*numbers, *[0] * (3 - len(numbers)), python.endswith("t"))


def _values(document: MatrixDocument, architecture: str) -> dict[str, list[str]]:
    """The values of each axis in the order in which a cell's id has them."""
    axes = document.axes
    return {
        "python": list(axes.python),
        "os": list(axes.os),
        "installer": list(axes.installer),
        **{axis: list(variants) for axis, variants in document.variants.items()},
        "architecture": list(axes.architecture) or [architecture],
    }


def _narrowed(
    values: dict[str, list[str]], said: dict[str, list[str]], document: MatrixDocument
) -> dict[str, list[str]]:
    """The values of each axis where the command line has its say."""
    for axis, words in said.items():
        if axis not in values:
            near = did_you_mean(axis, values)
            raise UsageError(f"the matrix has no axis `{printable(axis)}`{near}")
        if (variants := document.variants.get(axis)) is None:
            continue
        for word in words:
            if word not in variants:
                near = did_you_mean(word, variants)
                raise UsageError(
                    f"`{printable(word)}` is no value of the axis {axis}{near}",
                    hint=f"values: {', '.join(variants)}",
                )
    return {axis: said.get(axis, words) for axis, words in values.items()}


def _cells(
    document: MatrixDocument,
    values: dict[str, list[str]],
    chosen: dict[str, list[str]],
    explicit: set[str],
) -> list[Cell]:
    """All cells, each combination once. Narrowing an axis does not change a cell's id."""
    combinations = list(_product(document, chosen))
    for added in document.include:
        full = {axis: added.get(axis, chosen[axis][0]) for axis in chosen}
        wanted = all(full[axis] in chosen[axis] for axis in explicit)
        if wanted and full not in combinations:
            combinations.append(full)
    order = {axis: list(dict.fromkeys([*words, *chosen[axis]])) for axis, words in values.items()}
    for added in document.include:
        for axis, value in added.items():
            if value not in order[axis]:
                order[axis].append(value)
    shown = [axis for axis, words in order.items() if axis in ("python", "os") or len(words) > 1]
    ranks = {axis: {word: n for n, word in enumerate(words)} for axis, words in order.items()}
    combinations.sort(
        key=lambda c: (version_key(c["python"]), *[ranks[axis][c[axis]] for axis in ranks])
    )
    share = _Shared(document)
    return [share.cell("-".join(c[axis] for axis in shown), c) for c in combinations]


def _product(document: MatrixDocument, chosen: dict[str, list[str]]) -> Iterator[Combination]:
    """The product of the axes without what is excluded."""
    for words in product(*chosen.values()):
        combination = dict(zip(chosen, words, strict=True))
        if not any(
            all(fnmatchcase(combination.get(axis, ""), glob) for axis, glob in rule.items())
            for rule in document.exclude
        ):
            yield combination


class _Shared:
    """Makes cells. Those whose variants are the same share what they test."""

    def __init__(self, document: MatrixDocument) -> None:
        self._document = document
        self._made: dict[tuple[str, ...], tuple[Subject, Index, list[str]]] = {}

    def cell(self, id: str, axes: Combination) -> Cell:  # noqa: A002
        """The cell of that combination."""
        document = self._document
        key = tuple(axes[axis] for axis in document.variants)
        if key not in self._made:
            variants = [document.variants[axis][axes[axis]] for axis in document.variants]
            self._made[key] = (
                _subject(document.test, variants),
                _index(document.index, variants),
                [variant.note for variant in variants if variant.note],
            )
        test, index, notes = self._made[key]
        return Cell(
            id=id,
            axes=axes,
            test=test,
            index=index,
            steps=document.steps,
            limits=document.limits,
            notes=notes,
        )


def _subject(test: Subject, variants: list[Variant]) -> Subject:
    requirements = [word for variant in variants for word in variant.requirements]
    constraints = [word for variant in variants for word in variant.constraints]
    if not (requirements or constraints):
        return test
    return replace(
        test,
        requirements=[*test.requirements, *requirements],
        constraints=[*test.constraints, *constraints],
    )


def _index(index: Index, variants: list[Variant]) -> Index:
    """The index with what the variants add; of several index URLs the last one counts."""
    return replace(
        index,
        url=next((v.index_url for v in reversed(variants) if v.index_url), index.url),
        extra_urls=[*index.extra_urls, *(u for v in variants for u in v.extra_index_urls)],
        find_links=[*index.find_links, *(p for v in variants for p in v.find_links)],
    )


def _with_file(test: Subject, file: Flat) -> Subject:
    """What is tested, with what the requirements file names by its name."""
    named = [wanted.text for wanted, _ in file.requirements if isinstance(wanted, Wanted)]
    return replace(
        test,
        requirements=list(dict.fromkeys([*test.requirements, *named])),
        constraints=list(dict.fromkeys([*test.constraints, *file.constraints])),
    )


def _joined(index: Index, other: Index) -> Index:
    """What both say; the matrix's own URL and day count."""
    lists = ("extra_urls", "find_links", "only_binary", "no_binary")
    return replace(
        index,
        url=index.url or other.url,
        pre=index.pre or other.pre,
        **{name: [*getattr(index, name), *getattr(other, name)] for name in lists},
    )


def _selected(cells: list[Cell], only: Sequence[str]) -> list[Cell]:
    """The cells whose ids match one of the globs; a glob that matches none is a mistake."""
    if not only:
        return cells
    ids = [cell.id for cell in cells]
    for glob in only:
        if not any(fnmatchcase(id_, glob) for id_ in ids):
            shown = ", ".join(ids[:20]) + (f", … ({len(ids)} in all)" if len(ids) > 20 else "")
            raise UsageError(
                f"no cell is called `{printable(glob)}`{did_you_mean(glob, ids)}",
                hint=f"cells: {shown}",
            )
    return [cell for cell in cells if any(fnmatchcase(cell.id, glob) for glob in only)]
