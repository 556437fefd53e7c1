"""When a project had something, on a line from its first release to the day it was asked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envcheck.model.wheels import Feature, Mark, Project, Way


class Bar(NamedTuple):
    """A stretch of time in which releases had something; shares of the axis, 0 to 1."""

    start: float
    end: float
    way: Way


class Axis(NamedTuple):
    """From the first release that counts to the day it was asked."""

    start: date
    end: date

    def place(self, day: date) -> float:
        """Where a day lies, 0 to 1."""
        length = (self.end - self.start).days or 1
        return min(max((day - self.start).days / length, 0.0), 1.0)

    def bars(self, feature: Feature) -> list[Bar]:
        """A stretch ends with the last release that has it, or where the next one has it in another
        way; if the newest release has it, at the end. Branches that lived side by side overlap.
        """
        bars = []
        for number, span in enumerate(feature.spans):
            days = [day for mark in (span.first, span.last) if (day := day_of(mark))]
            if not days:
                continue
            start, end = self.place(min(days)), self.place(max(days))
            last = number == len(feature.spans) - 1
            if last and feature.now == "newest":
                end = 1.0
            elif not last and (follows := _follows(feature, number)):
                end = max(end, self.place(follows))
            bars.append(Bar(start, end, span.way))
        return bars

    def steps(self, feature: Feature, count: int) -> list[Way | str]:
        """The line in ``count`` steps: the way of each, empty where there is nothing."""
        steps: list[Way | str] = [""] * count
        for bar in self.bars(feature):
            first = min(int(bar.start * count), count - 1)
            last = max(first, min(round(bar.end * count) - 1, count - 1))
            steps[first : last + 1] = [bar.way] * (last + 1 - first)
        return steps

    def years(self) -> list[tuple[int, float]]:
        """Beginnings of years inside, with their places."""
        years = range(self.start.year + 1, self.end.year + 1)
        return [(year, self.place(date(year, 1, 1))) for year in years]


def axis(project: Project, asked: str) -> Axis | None:
    """``asked``: a time, ISO 8601. None where no days are known, or all is of one day."""
    marks = [project.oldest, project.newest]
    for feature in project.timeline:
        marks += [mark for span in feature.spans for mark in (span.first, span.last)]
    days = [day for mark in marks if mark and (day := day_of(mark))]
    if not days:
        return None
    start, end = min(days), max(*days, _day(asked) or days[0])
    return Axis(start, end) if start < end else None


def day_of(mark: Mark) -> date | None:
    """None if it is not known, or is no day."""
    return _day(mark.uploaded)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _follows(feature: Feature, number: int) -> date | None:
    """Day of the span after this one, if no gap lies between them."""
    last, first = (day_of(m) for m in (feature.spans[number].last, feature.spans[number + 1].first))
    gaps = [day for gap in feature.gaps if (day := day_of(gap.first))]
    return first if first and last and not any(last <= day <= first for day in gaps) else None
