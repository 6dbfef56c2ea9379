"""This cycle against the last one: what each took up to the same day. Millicredits."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from billing.selectors import spans
from billing.selectors.spans import ONE_DAY
from billing.selectors.usage_report import Report


@dataclass(frozen=True, slots=True)
class CourseDay:
    """Day `number` of both cycles, and what each had taken at its end; None where there is no such day, or not yet."""

    number: int
    this: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """Two cycles day by day. `today` is the number of the day it is in this one."""

    days: tuple[CourseDay, ...]
    today: int

    @property
    def ahead(self) -> int:
        """How much more this cycle took than the last one had on the same day; less than 0 if it took less."""
        same_day = self.days[self.today - 1]
        return (same_day.this or 0) - (same_day.last if same_day.last is not None else self.last_in_all)

    @property
    def behind(self) -> int:
        """How much less this cycle took."""
        return -self.ahead

    @property
    def last_in_all(self) -> int:
        """What the last cycle took."""
        return max(day.last or 0 for day in self.days)


def course(report: Report, *, now: datetime) -> Course | None:
    """Return how this cycle goes beside the last one; None for other spans, and when the last one took nothing."""
    span, before = report.question.span, report.question.before
    this_costs, last_costs = report.course
    if span.word != spans.CYCLE or before is None or not any(last_costs.values()):
        return None
    today = min(max(spans.today_of(report.question.wallet, now=now), span.first), span.last)
    last_ends = max(before.last, span.first - ONE_DAY)
    this = list(_sums(this_costs, span.first, today))
    last = list(_sums(last_costs, before.first, last_ends))
    length = max(span.days, len(last))
    days = (
        CourseDay(
            number=number,
            this=this[number - 1] if number <= len(this) else None,
            last=last[number - 1] if number <= len(last) else None,
        )
        for number in range(1, length + 1)
    )
    return Course(tuple(days), today=len(this))


def _sums(costs: dict[date, int], first: date, last: date) -> Iterator[int]:
    total = 0
    for number in range((last - first).days + 1):
        total += costs.get(first + ONE_DAY * number, 0)
        yield total
