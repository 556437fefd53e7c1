"""One question that pip, uv or a container answered, and that is predicted."""

from __future__ import annotations

from typing import NamedTuple

KINDS = {
    "tags": "a target's wheel tags, in order: pip's own list",
    "file": "what pip takes for a requirement, from wheels and sdists or from wheels only",
    "closure": "the pins that uv resolves, or that there are none",
    "row": "acceptance rows: class, release, what is installed instead, named cause",
    "cell": "installed from wheels in a container, and imported there",
    "build": "built from its sdist in a container without compilers",
}


class Question(NamedTuple):
    """``theirs`` and ``ours``: the two answers. ``right``: who is, of ``envcheck``, ``pip``,
    ``uv``, ``container``, ``both``; empty where both agree or nobody has explained it.
    """

    kind: str
    requirement: str
    target: str
    theirs: str
    ours: str
    right: str = ""
    evidence: str = ""

    @property
    def agrees(self) -> bool:
        """Whether nothing need be explained."""
        return self.theirs == self.ours

    @property
    def line(self) -> str:
        """For a terminal."""
        return f"{self.kind} {self.requirement} {self.target}: {self.theirs} | {self.ours}"
