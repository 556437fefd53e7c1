"""What the Docker official images of Python and PyPy are made of, by day (ISO 8601)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from envcheck import knowledge

Family = Literal["debian", "alpine"]


class System(NamedTuple):
    """A release of Debian or Alpine, as these images were built on it."""

    family: Family
    release: str  # as tags have it: `trixie`, `3.22`
    label: str  # for people
    libc: str
    since: str
    until: str  # when images of it were no longer made; empty if they are
    architectures: tuple[str, ...]

    @property
    def tag(self) -> str:
        """As it ends a tag: ``trixie``, ``alpine3.22``."""
        return self.release if self.family == "debian" else f"alpine{self.release}"


def known_until() -> str:
    """The day up to which the table is complete."""
    return str(knowledge.table("images")["date"])


@lru_cache(maxsize=1)
def systems() -> tuple[System, ...]:
    """All that are known, of each family the oldest first."""
    table = knowledge.table("images")
    return (
        *[_system("debian", row["codename"], row) for row in table["debian"]],
        *[_system("alpine", row["release"], row) for row in table["alpine"]],
    )


def _system(family: Family, release: str, row: dict[str, Any]) -> System:
    label = f"Debian {row['version']} {release}" if family == "debian" else f"Alpine {release}"
    return System(
        family,
        release,
        label,
        row["libc"],
        row["from"],
        row["until"] or "",
        tuple(row["architectures"]),
    )


def named(family: Family, release: str) -> System | None:
    """The system of that name."""
    return next((one for one in systems() if (one.family, one.release) == (family, release)), None)


def default(family: Family, day: str) -> System | None:
    """What tags that do not say it were built on, on that day; None before the table begins."""
    found = [one for one in systems() if one.family == family and one.since <= day]
    return next(reversed(found), None)


def last(implementation: str, minor: str) -> str:
    """When images of that Python were no longer made; empty if they are, as far as is known."""
    for row in knowledge.table("images")["last"]:
        if (row["implementation"], row["python"]) == (implementation, minor):
            return str(row["until"])
    return ""
