"""The document of ``envcheck wheels`` as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import to_builtins

if TYPE_CHECKING:
    from envcheck.model.wheels import WheelsDocument
    from envcheck.report.wheels import View


def render(document: WheelsDocument, view: View) -> str:  # noqa: ARG001  # it is all there is
    """ASCII only: a lone surrogate of a file's name is no UTF-8."""
    return json.dumps(to_builtins(document), indent=1) + "\n"
