"""Create: a room and an empty virtual environment."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.matrix.execution import island

if TYPE_CHECKING:
    from envcheck.matrix.session import Session


def run(session: Session) -> None:
    """Open the room, make the environment, note what it is made of. Raises Ended, TargetError."""
    session.watch("create")
    began = time.monotonic()
    paths = session.room.paths
    opened = time.monotonic() - began
    about = f"{paths.environment}/about.json"
    words = [*paths.script, "-c", island("creating"), paths.environment, about]
    words += [paths.uv] if session.cell.installer == "uv" else []
    seconds = session.cell.limits.seconds.create
    outcome = session.execute(words, name="create", who="installer", seconds=seconds, read=[about])
    step = replace(outcome.step, seconds=round(outcome.step.seconds + opened, 3))
    session.known.steps[-1] = step
    session.must(outcome)
    facts = _facts(outcome.files.get(about))
    session.known.python = facts.get("python", "")
    session.known.installer = facts.get("installer", "")
    session.known.libc = facts.get("libc", "")
    session.known.distribution = facts.get("distribution", "")
    session.created = True


def _facts(text: bytes | None) -> dict[str, str]:
    try:
        facts = json.loads(text or b"{}")
    except ValueError:
        return {}
    return {key: str(value) for key, value in facts.items()} if isinstance(facts, dict) else {}
