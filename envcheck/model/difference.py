"""What differs between two fact sheets, what matters first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from envcheck.model.facts import Fact, FactSheet

#: What decides whether something runs comes first; a fact ranks by the first prefix it begins with.
IMPORTANCE = (
    "nvidia.kernel.", "nvidia.libcuda.", "nvidia.", "devices.", "torch.version", "torch.build.",
    "torch.", "libraries.", "toolchain.cuda", "interpreter.version", "interpreter.implementation",
    "interpreter.abi", "interpreter.", "host.os", "host.arch", "host.libc.", "host.container",
    "host.cpu.", "host.", "distributions.installed", "distributions.",
    "limits.", "toolchain.", "network.", "credentials.", "launch.", "compute.", "smoke.",
)  # fmt: skip

#: Facts, or members of a fact's records, that change from one minute to the next.
VOLATILE = (
    "free", "used", "available", "seconds", "time", "uptime", "load", "temperature", "utilization",
    "power", "clock", "pid", "checked",
)  # fmt: skip
#: What tells the records of a list apart.
_NAMES = ("name", "label", "index", "soname", "tool", "variable", "path")


MISSING = "—"
MANY = 6  # items of a list that are shown whole


class Difference(NamedTuple):
    """One fact, or one member of one record of a fact, that is not the same.

    ``key`` is the fact's; ``subject`` names the record (a distribution, a disk). ``left`` and
    ``right`` are values as text, MISSING where a side has no such fact or record.
    """

    key: str
    subject: str
    left: str
    right: str


def compare(left: FactSheet, right: FactSheet, *, everything: bool = False) -> list[Difference]:
    """The differences, what matters most first.

    Without ``everything`` not those which any two environments have, or one at two times: where
    things lie, how much memory is free, how long something took.
    """
    comparison = _Comparison(left, right, everything)
    keys = sorted({*left, *right}, key=lambda key: (_rank(key), key))
    return [difference for key in keys for difference in comparison.fact(key)]


class _Comparison:
    """Two sheets side by side."""

    def __init__(self, left: FactSheet, right: FactSheet, everything: bool) -> None:
        self.sheets = (left, right)
        self.everything = everything
        self.prefixes = [sheet.get("interpreter.prefix") for sheet in self.sheets]

    def same(self, name: str, one: object, two: object) -> bool:
        """Whether there is nothing to say about a fact or member of this name."""
        if one == two or (not self.everything and _is_volatile(name)):
            return True
        if self.everything:
            return False
        return (_is_place(one) and _is_place(two)) or self._placed(one, 0) == self._placed(two, 1)

    def _placed(self, value: object, side: int) -> str:
        """``value`` as if both environments lay in the same place."""
        prefix = self.prefixes[side]
        text = repr(value)
        return text.replace(prefix, "") if isinstance(prefix, str) and len(prefix) > 3 else text

    def fact(self, key: str) -> list[Difference]:
        """The differences of one fact."""
        left, right = self.sheets
        a, b = left.fact(key), right.fact(key)
        if a.known and b.known:
            if _records(a.value) and _records(b.value):
                return self.records(key, a.value, b.value)
            if a.value and isinstance(a.value, dict) and isinstance(b.value, dict):
                return self.members(key, "", "", a.value, b.value)
            if self.same(key, a.value, b.value):
                return []
            return [Difference(key, "", *_texts(a.value, b.value))]
        if a == b and (key in left) == (key in right):
            return []
        texts = [
            _status(fact) if key in sheet else MISSING for sheet, fact in ((left, a), (right, b))
        ]
        return [] if texts[0] == texts[1] else [Difference(key, "", *texts)]

    def records(
        self, key: str, left: list[dict[str, Any]], right: list[dict[str, Any]]
    ) -> list[Difference]:
        """Records of the same name by their members; then those that only one side has."""
        ours, theirs = _named(left), _named(right)
        found, alone = [], []
        for identity in sorted({*ours, *theirs}):
            a, b = ours.get(identity), theirs.get(identity)
            if a is None or b is None:
                name = (a or b or ("",))[0]
                alone.append(Difference(key, name, _summary(a), _summary(b)))
            else:
                found += self.members(key, a[0], a[1], a[2], b[2])
        return found + alone

    def members(
        self, key: str, name: str, used: str, a: dict[str, Any], b: dict[str, Any]
    ) -> list[Difference]:
        """What differs between two records called ``name``, but for the member it is from."""
        found = []
        for member in sorted({*a, *b}, key=lambda m: (m != "version", m)):
            one, two = a.get(member), b.get(member)
            if member != used and not self.same(member, one, two):
                about = name if member == "version" and name else f"{name} {member}".strip()
                found.append(Difference(key, about, *_texts(one, two)))
        return found


def _status(fact: Fact) -> str:
    """A fact that may be absent or unknown, as text."""
    if fact.known:
        return _text(fact.value)
    return f"unknown: {fact.reason}" if fact.status == "unknown" else fact.status


_Named = tuple[str, str, dict[str, Any]]  # name as it is written, the member it is from, record


def _named(records: list[dict[str, Any]]) -> dict[str, _Named]:
    """Records by a name that is the same on both sides."""
    named: dict[str, _Named] = {}
    for position, record in enumerate(records):
        used = next((n for n in _NAMES if isinstance(record.get(n), (str, int))), "")
        shown = str(record[used] if used else position)
        identity = shown.lower().replace("_", "-").replace(".", "-")
        number = 2
        while identity in named:
            identity = f"{identity.partition(' (')[0]} ({number})"
            number += 1
        named[identity] = (shown, used, record)
    return named


def _summary(named: _Named | None) -> str:
    """A record in a word: its version, else that it is there."""
    if named is None:
        return MISSING
    version = named[2].get("version")
    return version if isinstance(version, str) else "present"


def _texts(left: object, right: object) -> tuple[str, str]:
    """Both values as text; of two long lists only what the other has not."""
    if _strings(left) and _strings(right) and max(len(left), len(right)) > MANY:
        common = set(left) & set(right)
        if set(left) == set(right):
            return "the same in another order", "the same in another order"
        if common:
            return _rest(left, common), _rest(right, common)
    return _text(left), _text(right)


def _rest(items: list[str], common: set[str]) -> str:
    rest = [item for item in items if item not in common]
    return f"only here: {', '.join(rest)}" if rest else "nothing else"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _strings(value):
        return ", ".join(value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) or "none"
    return MISSING if value is None else str(value)


def _strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _is_volatile(name: str) -> bool:
    words = name.replace(".", "_").split("_")
    return any(word in VOLATILE for word in words)


def _is_place(value: object) -> bool:
    """A path, or a list of nothing else."""
    if isinstance(value, str):
        return value.startswith(("/", "~/", "\\\\")) or value[1:3] == ":\\"
    return isinstance(value, list) and bool(value) and all(map(_is_place, value))


def _rank(key: str) -> int:
    for rank, prefix in enumerate(IMPORTANCE):
        if key.startswith(prefix):
            return rank
    return len(IMPORTANCE)
