"""What a check is, and what it is given."""

from __future__ import annotations

from envcheck.model.condition import DEVICE_KINDS
from envcheck.model.finding import Evidence, Finding
from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from envcheck.model.facts import FactSheet
    from envcheck.model.finding import Anchor
    from envcheck.model.profile import Placed, Profile

    T = TypeVar("T")


class NotApplicable(Exception):  # noqa: N818
    """Raised by a check that has nothing to judge here; its finding becomes ``skip``."""


class Context:
    """What a check judges: the facts, the profile (or None) and what the user wants.

    ``facts[key]`` is the value, None if absent, and raises UnknownFact if it could not be observed:
    ``evaluate`` turns that into an ``unknown`` finding. ``get`` is for what only adds to a finding.
    ``findings`` are those of the checks before this one, waivers applied.
    """

    __slots__ = ("_once", "facts", "findings", "given", "profile", "today", "undecided", "wants")

    def __init__(
        self,
        facts: FactSheet,
        profile: Profile | None = None,
        *,
        wants: frozenset[str] = frozenset(),
        today: str = "",
    ) -> None:
        self.facts = facts
        self.profile = profile
        self.wants = wants
        self.today = today
        self._once: dict[Any, Any] = {}
        self.findings: list[Finding] = []
        #: what ``requirements`` gave to the check that runs now
        self.given: list[Placed] = []
        #: where a requirement is written -> the condition of which nobody knows whether it holds
        self.undecided: dict[Anchor, str] = {}

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value if known, else ``default``."""
        return self.facts.get(key, default)

    def once(self, function: Callable[[Context], T]) -> T:
        """``function(self)``, computed once for all checks: nobody may change what it returns."""
        if function not in self._once:
            self._once[function] = function(self)
        result: T = self._once[function]
        return result

    def evidence(self, *keys: str) -> tuple[Evidence, ...]:
        """These facts as evidence, as they are: known, absent or unknown."""
        found = []
        for key in keys:
            fact = self.facts.fact(key)
            value = _short(fact.value) if fact.known else fact.status
            if fact.status == "unknown":
                value = f"unknown: {fact.reason}"
            found.append(Evidence(key, value, fact.source))
        return tuple(found)

    def about(self, requirement: Placed, subject: str, *keys: str) -> dict[str, Any]:
        """The fields of a finding about ``requirement``, with the facts ``keys`` as evidence."""
        return {
            "severity": requirement.severity,
            "anchor": requirement.anchor,
            "source": requirement.source,
            "detail": requirement.reason,
            "required": requirement.severity == "error",
            "subject": subject,
            "evidence": self.evidence(*keys),
        }

    def requirements(self, kind: str) -> list[Placed]:
        """The profile's requirements of this kind whose ``when`` holds; empty without a profile.

        The check that asks has to answer each with a finding that has its anchor; what it had not
        come to when a fact is unknown, becomes unknown. A requirement whose condition cannot be
        decided is kept, and a failure of it becomes unknown: nobody can tell whether it applies.
        """
        found = self.asked(kind)
        self.given += found
        return found

    def asked(self, kind: str) -> list[Placed]:
        """The same, for a check that only looks at them: another one answers."""
        if self.profile is None:
            return []
        return [placed for placed in getattr(self.profile, kind) if self.applies(placed)]

    def applies(self, placed: Placed) -> bool:
        """Whether a requirement's ``when`` holds, or may hold, and no wish excludes it."""
        if "cpu" in self.wants and placed.kind in DEVICE_KINDS:
            return False
        answers = {condition: self.holds(condition) for condition in placed.when}
        if False in answers.values():
            return False
        for condition, answer in answers.items():
            if answer is None:
                self.undecided[placed.anchor] = condition
        return True

    def holds(self, condition: str) -> bool | None:
        """Whether a ``when`` condition holds; None if that cannot be known."""
        from envcheck.checks.conditions import holds

        return holds(condition, self)


class Check(NamedTuple):
    """A judge. Its function's docstring is the page that ``envcheck explain CODE`` shows.

    ``title`` says what is in order when it passes. ``severity`` is that of its failures unless a
    finding says otherwise; ``requires`` the codes that, when they fail, explain this one's.
    """

    code: str
    title: str
    severity: str
    judge: Callable[[Context], Iterable[Finding] | None]
    requires: tuple[str, ...] = ()


def sentence(words: str) -> str:
    """``words`` with a capital letter and a full stop; empty if there are none.

    What begins with a name as programs write it (``cuInit``) keeps it.
    """
    first = words.partition(" ")[0].rstrip(",:;")
    begin = words[:1].upper() if first.islower() else words[:1]
    return f"{begin}{words[1:]}{'' if words[-1] in '.!?' else '.'}" if words else ""


def explained(fields: dict[str, Any], why: str) -> dict[str, Any]:
    """The fields that ``Context.about`` gave, with ``why`` (sentences) before the reason."""
    return {**fields, "detail": f"{why} {fields['detail']}".strip()}


def _short(value: object, limit: int = 200) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value) or "none"
    elif isinstance(value, dict):
        value = ", ".join(f"{key}: {item}" for key, item in value.items()) or "none"
    elif isinstance(value, list):
        value = f"{len(value)} record{'s' * (len(value) > 1)}"
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
