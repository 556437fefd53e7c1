"""A check's documentation, which is its function's docstring: the page of ``envcheck explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envcheck.checks.base import Check

HEADINGS = ("Why it matters", "Causes", "Remedy", "Sources")


class Page(NamedTuple):
    """What a code means. ``sections`` are (heading, Markdown) in the order in which they stand."""

    code: str
    title: str
    severity: str
    summary: str
    sections: tuple[tuple[str, str], ...]
    requires: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The whole page, without its title."""
        parts = [self.summary] if self.summary else []
        parts += [f"## {heading}\n\n{text}" for heading, text in self.sections]
        return "\n\n".join(parts) + "\n"


def page(check: Check) -> Page:
    """The page of ``check``; empty where nothing is written."""
    lines = _dedented(check.judge.__doc__ or "")
    summary: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for text in lines:
        if text.startswith("## "):
            sections.append((text[3:].strip(), []))
        else:
            (sections[-1][1] if sections else summary).append(text)
    return Page(
        check.code,
        check.title,
        check.severity,
        "\n".join(summary).strip(),
        tuple((heading, "\n".join(body).strip()) for heading, body in sections),
        check.requires,
    )


def _dedented(text: str) -> list[str]:
    """The docstring's lines without their common indentation (as ``inspect.cleandoc``)."""
    first, *rest = text.expandtabs().splitlines() or [""]
    margin = min((len(t) - len(t.lstrip()) for t in rest if t.strip()), default=0)
    return [first.strip(), *(t[margin:].rstrip() for t in rest)]
