"""The run with everything that was observed: the document behind every table, envcheck.run/1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import to_builtins

from envcheck.report.json import finite

if TYPE_CHECKING:
    from envcheck.model.cell import Run
    from envcheck.report.matrix import View


def render(run: Run, view: View) -> str:  # noqa: ARG001  # it has no views: it is all there is
    """ASCII only; what a lone surrogate or an infinite number was is written as text."""
    return json.dumps(finite(to_builtins(run)), indent=1, allow_nan=False) + "\n"
