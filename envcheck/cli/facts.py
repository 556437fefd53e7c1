"""``envcheck facts``: observe and do not judge; the sheet can be judged anywhere, at any time."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from envcheck.cli import emit, options
from envcheck.cli.progress import waiting
from envcheck.errors import UsageError
from envcheck.model.facts import FactSheet

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``facts``."""
    parser.add_argument(
        "key", nargs="*", help="only facts that begin with this, e.g. nvidia. or host.os"
    )
    options.add_target(parser)
    options.add_collection(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--format",
        choices=("json", "text"),
        help="a fact sheet, or one line a fact (default: text on a terminal, else json)",
    )
    output.add_argument("-o", "--output", metavar="FILE", help="write the fact sheet here")
    output.add_argument("--no-redact", action="store_true", help="on a terminal: show everything")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the sheet. Returns 0, or 3 if the agent could not observe anything."""
    settings = options.settings_of(arguments, "timeout")
    target = options.target_of(arguments)
    collection = target.start(options.request_of(arguments, settings))
    with waiting("collecting facts …"):
        sheet = collection.finish()
    document = _selected(dict(sheet.document), arguments.key)
    terminal = sys.stdout.isatty() and not arguments.output
    if not (arguments.no_redact and terminal):
        document = redacted(document)
    name = arguments.format or ("text" if terminal else "json")
    if arguments.output:
        emit.write_file(arguments.output, written(document))
    elif name == "json":
        sys.stdout.write(written(document))
    else:
        _print(FactSheet(document))
    return 0 if sheet.agent.get("status", "ok") == "ok" else 3


def redacted(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` fit to leave; says on standard error how much was hidden."""
    from envcheck.redact import redact_document

    result, count = redact_document(document)
    if count:
        print(f"redacted: {count} value{'' if count == 1 else 's'}", file=sys.stderr)
    return result


def written(document: dict[str, Any]) -> str:
    """The sheet as a file: ASCII only, one fact a line."""
    from envcheck.report.json import finite

    head = {key: value for key, value in document.items() if key != "facts"}
    lines = [f"  {json.dumps(key)}: {json.dumps(finite(value))}," for key, value in head.items()]
    facts = document.get("facts")
    entries = [
        f"    {json.dumps(key)}: {json.dumps(finite(entry))}"
        for key, entry in (facts.items() if isinstance(facts, dict) else ())
    ]
    body = ",\n".join(entries)
    return "\n".join(["{", *lines, '  "facts": {', *([body] if body else []), "  }", "}", ""])


def _selected(document: dict[str, Any], prefixes: list[str]) -> dict[str, Any]:
    if not prefixes:
        return document
    facts = document.get("facts")
    kept = {
        key: entry
        for key, entry in (facts.items() if isinstance(facts, dict) else ())
        if key.startswith(tuple(prefixes))
    }
    if not kept:
        raise UsageError(
            f"no fact begins with {' or '.join(prefixes)}",
            hint="`envcheck list facts` names them all",
        )
    return {**document, "facts": kept}


def _print(sheet: FactSheet) -> None:
    from envcheck.report.facts import fact_lines
    from envcheck.report.printable import ascii_only

    shown = emit.options_for(sys.stdout, color="never", verbose=0)
    text = "".join(f"{key}{value}\n" for key, value in fact_lines(sheet))
    sys.stdout.write(text if shown.unicode else ascii_only(text))
