"""What differs between two targets, as text, Markdown and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.report.printable import ascii_only, code_span, line, markdown, shorten, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.difference import Difference
    from envcheck.report.base import Options

SCHEMA = "envcheck.diff/1"
NARROW = 70


def render(names: tuple[str, str], found: Sequence[Difference], options: Options) -> str:
    """A table of three columns; below NARROW columns, or for long values, one value a line."""
    lines = [f"A  {line(names[0])}", f"B  {line(names[1])}", ""]
    limit = None if options.verbose > 0 else 400
    rows = [
        (_about(d), *(shorten(line(v), limit) if limit else line(v) for v in (d.left, d.right)))
        for d in found
    ]
    first = min(max((len(row[0]) for row in rows), default=0), options.width // 3)
    column = (options.width - first - 4) // 2
    for about, left, right in rows:
        if options.width < NARROW or max(len(left), len(right)) > column or len(about) > first:
            lines += wrap(about, options.width)
            lines += _hanging("  A  ", left, options.width) + _hanging(
                "  B  ", right, options.width
            )
        else:
            lines.append(f"{about.ljust(first)}  {left.ljust(column)}  {right}".rstrip())
    lines += ["", tally(found)] if rows else [tally(found)]
    text = "\n".join(lines) + "\n"
    return text if options.unicode else ascii_only(text)


def tally(found: Sequence[Difference]) -> str:
    """The closing line."""
    count = len(found)
    return f"{count} difference{'' if count == 1 else 's'}" if count else "No differences"


def render_markdown(names: tuple[str, str], found: Sequence[Difference], options: Options) -> str:
    """A pipe table."""
    del options
    from tabulate import tabulate

    rows = [
        (code_span(_about(d)).replace("|", "\\|"), _value(d.left), _value(d.right)) for d in found
    ]
    head = [f"### envcheck diff: {tally(found)}", ""]
    head += [f"- A: {code_span(names[0])}", f"- B: {code_span(names[1])}", ""]
    table = tabulate(rows, ["fact", "A", "B"], tablefmt="pipe", disable_numparse=True)
    return "\n".join([*head, *([table] if rows else []), ""])


def render_json(names: tuple[str, str], found: Sequence[Difference], options: Options) -> str:
    """``{"schema", "a", "b", "differences": [{"fact", "subject", "a", "b"}]}``."""
    del options
    import json

    document: dict[str, Any] = {"schema": SCHEMA, "a": names[0], "b": names[1]}
    document["differences"] = [
        {"fact": d.key, "subject": d.subject, "a": d.left, "b": d.right} for d in found
    ]
    return json.dumps(document, indent=2) + "\n"


def _about(difference: Difference) -> str:
    """``torch.version``; ``distributions: numpy`` for a member of a list of records."""
    if not difference.subject:
        return line(difference.key)
    key = difference.key.removesuffix(".installed").removesuffix(".list")
    return f"{line(key)}: {line(difference.subject)}"


def _hanging(head: str, text: str, width: int) -> list[str]:
    body = wrap(text, width - len(head))
    return [head + body[0], *(" " * len(head) + part for part in body[1:])]


def _value(text: str) -> str:
    return markdown(shorten(line(text), 300))
