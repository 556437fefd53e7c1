"""``envcheck list WHAT``: checks, families, facts, probes, profiles, reporters and targets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envcheck.cli.emit import options_for
from envcheck.report.printable import ascii_only, line, wrap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``list``."""
    parser.add_argument("what", choices=tuple(LISTS), help="which table")
    parser.add_argument(
        "prefix", nargs="?", default="", help="only what begins with this, e.g. GPU or host."
    )
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def run(arguments: argparse.Namespace) -> int:
    """Print one table. Raises UsageError if nothing begins with the prefix."""
    rows = LISTS[arguments.what]()
    if arguments.prefix:
        from envcheck.errors import UsageError

        rows = [row for row in rows if str(next(iter(row.values()))).startswith(arguments.prefix)]
        if not rows:
            raise UsageError(
                f"no {arguments.what} begin with `{arguments.prefix}`",
                hint=f"`envcheck list {arguments.what}` names them all",
            )
    if arguments.json:
        import json

        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        write_table([_cells(row) for row in rows])
    return 0


def write_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Aligned columns; the last one is wrapped, below a hanging indent where there is room."""
    options = options_for(sys.stdout, color="never", verbose=0)
    columns = len(rows[0]) - 1 if rows else 0
    widths = [max(len(row[i]) for row in rows) for i in range(columns)]
    hang = sum(widths) + 2 * columns
    lines = []
    for row in rows:
        cells = [line(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        first = "  ".join(cells) + "  "
        if options.width - hang >= 30:
            body = wrap(row[-1], options.width - hang)
            lines.append((first + body[0]).rstrip())
            lines += (" " * hang + part for part in body[1:])
        else:
            lines.append(" ".join(first.split()))
            lines += (f"    {part}" for part in wrap(row[-1], options.width - 4))
    text = "".join(f"{part}\n" for part in lines)
    sys.stdout.write(text if options.unicode else ascii_only(text))


def _cells(row: Row) -> tuple[str, ...]:
    """A row's columns: a unit stands with the type, members of a record with the description."""
    cells = [str(value) for key, value in row.items() if key not in ("unit", "item")]
    if row.get("unit"):
        cells[1] += f", {row['unit']}"
    if row.get("item"):
        cells[-1] += f" ({', '.join(item['key'] for item in row['item'])})"
    return tuple(cells)


def _checks() -> list[Row]:
    from envcheck import checks

    return [
        {"code": check.code, "severity": check.severity, "title": check.title}
        for check in checks.load()
    ]


def _families() -> list[Row]:
    from envcheck.checks import FAMILIES

    return [{"family": prefix, "summary": summary} for prefix, (_, summary) in FAMILIES.items()]


def _facts() -> list[Row]:
    from envcheck.targets.fields import declared

    return [
        {"fact": field.pop("key"), **field} for probe in declared() for field in probe["fields"]
    ]


def _probes() -> list[Row]:
    from envcheck.targets.fields import declared

    return [
        {"probe": probe["name"], "facts": len(probe["fields"]), "summary": probe["doc"]}
        for probe in declared()
    ]


def _profiles() -> list[Row]:
    from envcheck import profiles

    return [
        {"profile": name, "summary": profiles.load((name,)).summary} for name in profiles.names()
    ]


def _reporters() -> list[Row]:
    from envcheck.report import REPORTERS

    return [{"format": name, "summary": summary} for name, (_, summary, _) in REPORTERS.items()]


def _targets() -> list[Row]:
    from envcheck.targets import TARGETS

    return [{"target": f"--{name}", "summary": summary} for name, (_, summary) in TARGETS.items()]


LISTS: dict[str, Callable[[], list[Row]]] = {
    "checks": _checks,
    "families": _families,
    "facts": _facts,
    "probes": _probes,
    "profiles": _profiles,
    "reporters": _reporters,
    "targets": _targets,
}
