"""The document of ``envcheck wheels`` as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from envcheck.model.wheels import WheelsDocument
    from envcheck.report.wheels import View


def render(document: WheelsDocument, view: View) -> str:  # noqa: ARG001  # as all reporters
    """The document."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"
