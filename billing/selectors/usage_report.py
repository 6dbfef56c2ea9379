"""What a wallet's credits went to over a span: figures, columns and rows of the usage page, which are all one sum."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Max, Min

from billing.models import DailyUsage, Wallet
from billing.selectors import catalog, spans, steps
from billing.selectors.changes import Change
from billing.selectors.spans import Span
from billing.selectors.usage_rows import Namer, Row, Totals, rows
from billing.selectors.usage_sums import FEATURE, MODEL, MOST_SERIES, SOURCE, Filters, Question, ask

OTHER = "Other"
LONGEST_WHOLE = 366
NOW, BEFORE = "now", "before"


@dataclass(frozen=True, slots=True)
class Column:
    """The millicredits of some days by series: the most expensive first, all others last."""

    first: date
    last: date
    costs: tuple[int, ...]

    @property
    def cost(self) -> int:
        """What these days took."""
        return sum(self.costs)


@dataclass(frozen=True, slots=True)
class Report:
    """Usage over a span, in millicredits.

    `totals` is the sum of the rows with the `further` ones, and the sum of the columns with `outside`: what the cycle
    paid for on days that aren't its own. The columns go from the first to the last day `drawn`. `earlier` is what the
    span before took, None without one. `course` holds the cost of each day of this cycle, and of the one before.
    `choices` are what there is to filter by, with labels.
    """

    question: Question
    totals: Totals
    earlier: Totals | None
    rows: tuple[Row, ...]
    further_rows: int
    further: Totals
    series: tuple[str, ...]
    drawn: tuple[date, date]
    days_passed: int
    columns: tuple[Column, ...]
    outside: int
    course: tuple[dict[date, int], dict[date, int]]
    choices: dict[str, dict[str, str]]

    @property
    def is_comparable(self) -> bool:
        """Whether there is anything before the span to compare with."""
        return self.earlier is not None and self.earlier.uses > 0

    @property
    def average(self) -> int:
        """What a day took on average, of those shown that have come."""
        return self.totals.cost // self.days_passed

    @property
    def change(self) -> Change | None:
        """How the total cost compares with the span before, if it does."""
        if self.earlier is None or not self.earlier.uses:
            return None
        return Change(self.totals.cost, self.earlier.cost, is_gone=not self.totals.uses)


def report(wallet: Wallet, span: Span, *, by: str, asked_step: str, filters: Filters, now: datetime) -> Report:
    """Return what a wallet used in a span, told apart `by` one of GROUPINGS, in steps that make few enough columns."""
    known = catalog.current()
    drawn = days_drawn(wallet, span)
    step = steps.fitting(*drawn, asked=asked_step)
    question = Question(wallet, span, spans.before(wallet, span, now=now), by, step, filters)
    answer = ask(question, known)
    namer = Namer(wallet, known, _sources(question, answer))
    totals, earlier = (_totals(answer, stretch) for stretch in (NOW, BEFORE))
    found = rows(question, answer, totals.cost, namer)
    columns = _columns(answer, drawn, step)
    return Report(
        question=question,
        totals=totals,
        earlier=earlier if question.before else None,
        rows=found,
        further_rows=int(answer["count"] or 0) - len(found),
        further=_less(totals, [row.totals for row in found]),
        series=_series(answer, found),
        drawn=drawn,
        days_passed=max((min(drawn[1], spans.today_of(wallet, now=now)) - drawn[0]).days + 1, 1),
        columns=columns,
        outside=totals.cost - sum(column.cost for column in columns),
        course=_course(answer),
        choices=_choices(answer, filters, namer),
    )


def days_drawn(wallet: Wallet, span: Span) -> tuple[date, date]:
    """Return the first and last day that a chart shows: of a span beyond a year only those between uses."""
    if span.days <= LONGEST_WHOLE:
        return span.first, span.last
    used = DailyUsage.objects.filter(wallet=wallet, used_on__gte=span.first, used_on__lte=span.last)
    ends = used.aggregate(first=Min("used_on"), last=Max("used_on"))
    return ends["first"] or span.last, ends["last"] or span.last


def _sources(question: Question, answer: dict[str, Any]) -> set[str]:
    """Return every source that a page will call by its name."""
    asked = {source for _, _, source in answer["choices"] if source is not None}
    asked |= {bot for _, _, _, bot, _, _ in answer["parts"] if bot}
    if question.by == SOURCE:
        asked |= {row[0] for row in answer["rows"]}
    return asked | {question.filters.source} - {""}


def _totals(answer: dict[str, Any], stretch: str) -> Totals:
    of_stretch = [(uses, cost) for kind, _, _, uses, cost in answer["columns"] if kind == stretch]
    return Totals(sum(uses for uses, _ in of_stretch), sum(cost for _, cost in of_stretch))


def _less(totals: Totals, shown: Iterable[Totals]) -> Totals:
    listed = list(shown)
    return Totals(totals.uses - sum(one.uses for one in listed), totals.cost - sum(one.cost for one in listed))


def _series(answer: dict[str, Any], found: tuple[Row, ...]) -> tuple[str, ...]:
    names = [row.label for row in found if row.series <= MOST_SERIES]
    others = any(cost for kind, _, series, _, cost in answer["columns"] if kind == NOW and series > MOST_SERIES)
    return (*names, OTHER) if others else tuple(names)


def _columns(answer: dict[str, Any], drawn: tuple[date, date], step: str) -> tuple[Column, ...]:
    costs: dict[date, list[int]] = {}
    for kind, start, series, _, cost in answer["columns"]:
        if kind == NOW and start is not None:
            costs.setdefault(date.fromisoformat(start), [0] * (MOST_SERIES + 1))[series - 1] += cost
    if not costs:
        return ()
    return tuple(Column(first, last, tuple(costs.get(start, ()))) for start, first, last in steps.between(*drawn, step))


def _course(answer: dict[str, Any]) -> tuple[dict[date, int], dict[date, int]]:
    of_cycles: tuple[dict[date, int], dict[date, int]] = ({}, {})
    for is_now, day, cost in answer["course"]:
        of_cycles[0 if is_now else 1][date.fromisoformat(day)] = cost
    return of_cycles


def _choices(answer: dict[str, Any], filters: Filters, namer: Namer) -> dict[str, dict[str, str]]:
    """Return what was used in the span, the most expensive first, and what is chosen."""
    found: dict[str, dict[str, str]] = {FEATURE: {}, MODEL: {}, SOURCE: {}}
    for feature, model, source in answer["choices"]:
        if feature is not None:
            found[FEATURE][feature] = namer.feature(feature)
        elif model is not None:
            found[MODEL][model] = namer.feature(model)
        else:
            found[SOURCE][source] = namer.source(source)
    for name, chosen in filters.parameters.items():
        found[name].setdefault(chosen, namer.source(chosen) if name == SOURCE else namer.feature(chosen))
    return found
