"""Reporters: pure functions from a Report to text. Adding one: one module, one line here."""

from __future__ import annotations

#: name -> (module, summary, suffix of files)
REPORTERS: dict[str, tuple[str, str, str]] = {
    "text": ("text", "aligned text without colour, for pipes and logs", ".txt"),
}
