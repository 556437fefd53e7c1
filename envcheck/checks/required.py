"""What checks share: the fields of a finding about a requirement, and facts read defensively."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envcheck.checks.base import Context
    from envcheck.model.profile import Placed


def about(context: Context, requirement: Placed, subject: str, *keys: str) -> dict[str, Any]:
    """The fields of a finding about ``requirement``, with the facts called ``keys`` as evidence."""
    return {
        "severity": requirement.severity,
        "anchor": requirement.anchor,
        "source": requirement.source,
        "detail": requirement.reason,
        "required": requirement.severity == "error",
        "subject": subject,
        "evidence": context.evidence(*keys),
    }


def strings(value: object) -> list[str]:
    """The texts in ``value`` if it is a list, else none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
