"""Facts: one named observation each, and the sheet of all of one target at one time."""

from __future__ import annotations

from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA = "envcheck.facts/1"


class Fact(NamedTuple):
    """One observation. ``status``: ``known``, ``absent`` (looked for, not there) or ``unknown``."""

    status: str
    value: Any = None
    reason: str = ""
    source: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.status == "known"


class UnknownFact(LookupError):  # noqa: N818
    """A check asked for a fact that could not be observed; its finding becomes ``unknown``."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class FactSheet:
    """All facts of one target. Look-up by dotted key, as ``envcheck list facts`` prints them.

    ``document`` is the decoded JSON (``{"schema": …, "agent": …, "probes": …, "facts": …}``) and
    is not changed. ``target`` says what was examined and how it was chosen.
    """

    __slots__ = ("_facts", "document")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        facts = document.get("facts")
        self._facts: Mapping[str, Any] = facts if isinstance(facts, dict) else {}

    @property
    def target(self) -> Mapping[str, Any]:
        """How the target is called: ``kind``, ``name``, ``chosen_by`` …; empty if not recorded."""
        target = self.document.get("target")
        return target if isinstance(target, dict) else {}

    @property
    def agent(self) -> Mapping[str, Any]:
        """How the agent fared: ``status``, ``reason``, ``seconds``."""
        agent = self.document.get("agent")
        return agent if isinstance(agent, dict) else {}

    def fact(self, key: str) -> Fact:
        """The fact called ``key``; ``unknown`` if the sheet has none or it is malformed."""
        entry = self._facts.get(key)
        if not isinstance(entry, dict):
            return Fact("unknown", reason=self._why_missing())
        status = entry.get("status")
        source = _text(entry.get("source"))
        if status == "known" and "value" in entry:
            return Fact("known", entry["value"], source=source)
        if status == "absent":
            return Fact("absent", source=source)
        return Fact(
            "unknown", reason=_text(entry.get("reason")) or "no reason given", source=source
        )

    def __getitem__(self, key: str) -> Any:
        """The value; None if absent. Raises UnknownFact if it could not be observed."""
        fact = self.fact(key)
        if fact.status == "unknown":
            raise UnknownFact(key, fact.reason)
        return fact.value

    def get(self, key: str, default: Any = None) -> Any:
        """The value if known, else ``default``: for what only adds to a finding."""
        fact = self.fact(key)
        return fact.value if fact.status == "known" else default

    def count(self, key: str) -> int | None:
        """How many entries a list has, None if not known. Says nothing that must be hidden."""
        value = FactSheet.fact(self, key).value
        return len(value) if isinstance(value, list) else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def _why_missing(self) -> str:
        reason = _text(self.agent.get("reason"))
        return reason or "the fact sheet does not have this fact"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
