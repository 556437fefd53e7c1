"""How an environment variable is unset where the target is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.finding import Remedy

if TYPE_CHECKING:
    from envcheck.checks.base import Context


def unset(context: Context, name: str, text: str) -> Remedy:
    """``text``, and the command for the shell that runs envcheck.

    For an image, a container or another machine the variable is set elsewhere: no command helps.
    """
    kind = context.facts.target.get("kind")
    if kind == "image":
        return Remedy(f"{text}: it is set in the Dockerfile (ENV)")
    if kind == "container":
        return Remedy(f"{text}: it is set in the image or when the container is created")
    if kind == "ssh":
        return Remedy(f"{text}, in the start-up files of that machine")
    if context.get("host.os") == "windows":
        return Remedy(text, (f"set {name}=",))
    return Remedy(text, (f"unset {name}",))
