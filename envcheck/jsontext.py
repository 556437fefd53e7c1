"""The JSON value at a place in a text, by the C scanner alone where there is one.

``json`` compiles regular expressions when it is imported and brings ``re`` and ``enum`` with it:
5 ms of processor time on the path of every ``envcheck doctor``, for one document.
"""

from __future__ import annotations

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_make_scanner: Any
try:
    from _json import make_scanner as _make_scanner
except ImportError:  # an implementation without it
    _make_scanner = None


class _Plain:
    """What the scanner wants to know of a decoder: nothing special."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float  # NaN, Infinity and -Infinity are what float() reads too

    def __init__(self) -> None:
        self.memo: dict[str, str] = {}


def value_at(text: str, start: int = 0) -> tuple[Any, int]:
    """The value that begins at ``start``, and where it ends; what follows does not matter.

    As ``json.JSONDecoder().raw_decode``: raises ValueError if there is none, RecursionError if it
    is nested too deeply.
    """
    if _make_scanner is None:
        import json

        return json.JSONDecoder().raw_decode(text, start)
    try:
        value, end = _make_scanner(_Plain())(text, start)
    except StopIteration as stop:
        raise ValueError(f"no JSON value at character {stop.value}") from None
    return value, end
