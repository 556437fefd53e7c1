"""What smoke training came to, read from a sheet of whatever origin."""

from __future__ import annotations

from envcheck.model.reading import number, records, text
from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet

SCHEMA = "envcheck.smoke/1"
STATUSES = ("pass", "fail", "skip", "unknown")
#: What can be tried, in the order in which it is: ``envcheck.smoke.PARTS``.
PARTS = ("processes", "mlp", "transformer", "resume", "compile")
SCRIPT = "script"  # the part that a script of the user's is
_VERDICTS = {"pass": "pass", "fail": "fail"}


class Trial(NamedTuple):
    """One thing that was tried. Losses and seconds are None where they were not measured."""

    part: str
    status: str
    reason: str = ""
    device: str = ""
    dtype: str = ""
    model: str = ""
    emulated: bool = False
    seconds: float | None = None
    cpu_seconds: float | None = None
    steps: int | None = None
    processes: int | None = None
    first_loss: float | None = None
    last_loss: float | None = None
    wanted: float | None = None
    output: str = ""

    @property
    def label(self) -> str:
        """``mlp cpu bf16``."""
        return " ".join(word for word in (self.part, self.device, self.dtype) if word)


class Smoke(NamedTuple):
    """All trials of one target; ``status`` of STATUSES, ``torch`` as imported, else empty."""

    status: str
    reason: str
    trials: tuple[Trial, ...]
    torch: str = ""
    seconds: float | None = None
    import_seconds: float | None = None

    @property
    def verdict(self) -> str:
        """``pass``, ``fail``, or ``inconclusive``: what was skipped proves nothing."""
        return _VERDICTS.get(self.status, "inconclusive")


def read(sheet: FactSheet) -> Smoke:
    """The smoke training in ``sheet``; ``unknown`` with the reason where there is none."""
    fact = sheet.fact("smoke.status")
    status = text(fact.value)
    return Smoke(
        status if status in STATUSES else "unknown",
        text(sheet.get("smoke.reason")) or fact.reason,
        tuple(map(_trial, records(sheet.get("smoke.parts")))),
        text(sheet.get("smoke.torch")),
        number(sheet.get("smoke.seconds")),
        number(sheet.get("smoke.import.seconds")),
    )


def _trial(record: dict[str, Any]) -> Trial:
    status = text(record.get("status"))
    return Trial(
        part=text(record.get("part")),
        status=status if status in STATUSES else "unknown",
        reason=text(record.get("reason")),
        device=text(record.get("device")),
        dtype=text(record.get("dtype")),
        model=text(record.get("model")),
        emulated=record.get("emulated") is True,
        seconds=number(record.get("seconds")),
        cpu_seconds=number(record.get("cpu_seconds")),
        steps=_count(record.get("steps")),
        processes=_count(record.get("processes")),
        first_loss=number(record.get("first_loss")),
        last_loss=number(record.get("last_loss")),
        wanted=number(record.get("wanted")),
        output=text(record.get("output")),
    )


def _count(value: object) -> int | None:
    return None if (found := number(value)) is None else int(found)
