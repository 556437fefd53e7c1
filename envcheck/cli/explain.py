"""``envcheck explain CODE``: what a code means, why it matters, causes, remedy, sources."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck import checks
from envcheck.checks.pages import Page, page
from envcheck.cli.emit import options_for
from envcheck.errors import UsageError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``explain``."""
    parser.add_argument(
        "code", nargs="*", help="codes such as GPU101; or how some begin (GPU, PKG2), to list those"
    )
    parser.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="default text"
    )
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="default auto"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the pages. Raises UsageError for a code that does not exist."""
    loaded = {check.code: check for check in checks.load()}
    if not arguments.code:
        raise UsageError("no code was given", hint="`envcheck list checks` names them all")
    pages: list[Page] = []
    for word in arguments.code:
        code = word.upper()
        if code in loaded:
            pages.append(page(loaded[code]))
        elif len(arguments.code) == 1 and any(known.startswith(code) for known in loaded):
            return _several(code, arguments)
        else:
            raise UsageError(f"there is no code `{word}`", hint=_similar(code))
    sys.stdout.write(_written(pages, arguments))
    return 0


def _several(prefix: str, arguments: argparse.Namespace) -> int:
    """All codes that begin with ``prefix``: one line each, or their pages as a document."""
    from envcheck.cli import listing

    found = [page(check) for check in checks.load() if check.code.startswith(prefix)]
    if arguments.format == "text":
        if prefix in checks.FAMILIES:
            sys.stdout.write(f"{prefix}: {checks.FAMILIES[prefix][1]}\n\n")
        listing.write_table([(p.code, p.severity, p.title) for p in found])
    else:
        sys.stdout.write(_written(found, arguments))
    return 0


def _written(pages: list[Page], arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        import json

        return json.dumps([document(p) for p in pages], indent=2) + "\n"
    if arguments.format == "markdown":
        return "\n".join(f"# {p.code}: {p.title}\n\n{p.markdown()}" for p in pages)
    from envcheck.report import pages as rendering

    options = options_for(sys.stdout, color=arguments.color, verbose=0)
    return "\n".join(rendering.render(_sections(p), options) for p in pages)


def _sections(p: Page) -> list[tuple[str, str]]:
    """The page as (heading, text): a title, and what stands under it."""
    title = f"{p.code}  {p.title}  ({p.severity})"
    sections = [(title, p.summary), *p.sections]
    if p.requires:
        sections.append(("May be explained by", ", ".join(p.requires)))
    return sections


def document(p: Page) -> dict[str, object]:
    """The page as plain values."""
    return {
        "code": p.code,
        "title": p.title,
        "severity": p.severity,
        "summary": p.summary,
        "sections": dict(p.sections),
        "requires": list(p.requires),
    }


def _similar(code: str) -> str:
    from difflib import get_close_matches

    names = [*checks.FAMILIES, *(check.code for check in checks.load())]
    close = get_close_matches(code, names, n=1, cutoff=0.5)
    known = "`envcheck list checks` names them all"
    return f"did you mean `{close[0]}`? {known}" if close else known
