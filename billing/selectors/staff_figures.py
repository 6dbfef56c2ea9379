"""What staff see first: what was sold, used, expired and paid in a span of days, and what the span before had.

Closed days come from what a periodic task wrote down, all later ones from the rows themselves, so that today is live
and a task that didn't run only makes the page slower. Days are those of UTC. Amounts are millicredits, money is cents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dateutil.relativedelta import relativedelta
from django.db.models import F, Sum

from billing.models import DailyCredits, DailyFigures, Grant
from billing.selectors import bars, days_of_books, steps
from billing.selectors.bars import Spark
from billing.selectors.changes import Change
from billing.selectors.staff_liability import Lot

ONE_DAY = timedelta(days=1)
THE_BEGINNING = date(2000, 1, 1)
DAYS_BACK = {"7d": 7, "30d": 30, "90d": 90}
TWELVE_MONTHS, USUAL = "12m", "30d"
#: What the page offers: the word in the address, and its label.
CHOICES = {"7d": "7 days", "30d": "30 days", "90d": "90 days", TWELVE_MONTHS: "12 months"}
#: What is counted a day, in the order of the page.
USED, SOLD, EXPIRED, PAID, FAILED, SIGN_UPS = "used", "sold", "expired", "paid", "failed_payments", "sign_ups"
MEASURES = (SOLD, USED, EXPIRED, PAID, FAILED, SIGN_UPS)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, today, both included."""

    word: str
    first: date
    last: date

    @property
    def label(self) -> str:
        """What the page calls it."""
        return f"Last {CHOICES[self.word]}"

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> tuple[date, date]:
        """The first and the last of as many days before it."""
        return self.first - ONE_DAY * self.days, self.first - ONE_DAY

    @property
    def begins_at(self) -> datetime:
        """The moment at which it begins."""
        return days_of_books.midnight(self.first)


@dataclass(frozen=True, slots=True)
class Trend:
    """One measure over the span: its sum, how that compares with the span before, and a column for each step."""

    change: Change
    amounts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum of the span."""
        return self.change.now

    @property
    def sparks(self) -> list[Spark]:
        """The columns of its drawing."""
        return bars.sparks([max(amount, 0) for amount in self.amounts])


@dataclass(frozen=True, slots=True)
class Period:
    """A step of the span: a day, week or month, or what the span has of it."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Figures:
    """The trends by their measure, the steps that they are drawn in, and the lots of all credits there ever were."""

    span: Span
    periods: tuple[Period, ...]
    step: str
    trends: Mapping[str, Trend]
    pack_cents: int
    plan_cents: int
    lots: tuple[Lot, ...]
    closed_until: date | None


def chosen(word: str, *, now: datetime) -> Span:
    """Return the span that a word of CHOICES means today; any other word means the usual one."""
    today = now.astimezone(UTC).date()
    if word == TWELVE_MONTHS:
        return Span(word, today - relativedelta(months=12) + ONE_DAY, today)
    word = word if word in DAYS_BACK else USUAL
    return Span(word, today - ONE_DAY * (DAYS_BACK[word] - 1), today)


def figures(span: Span) -> Figures:
    """Return the figures of a span that ends today."""
    last = days_of_books.last_closed_day()
    closed = last or THE_BEGINNING - ONE_DAY
    # a day that is closed from here on is read live, and not from what was written down as well
    of_closed = {"day__gte": span.before[0], "day__lte": closed}
    days = [*DailyFigures.objects.filter(**of_closed), *days_of_books.figures_of(closed + ONE_DAY)]
    moved = days_of_books.credits_of(closed + ONE_DAY)
    counted = _counted(days, [*DailyCredits.objects.filter(**of_closed), *moved])
    step = steps.fitting(span.first, span.last)
    periods = tuple(Period(first, last) for _, first, last in steps.between(span.first, span.last, step))
    in_span = [row for row in days if span.first <= row.day <= span.last]
    return Figures(
        span=span,
        periods=periods,
        step=step,
        trends={measure: _trend(counted[measure], span, periods) for measure in MEASURES},
        pack_cents=sum(row.pack_cents for row in in_span),
        plan_cents=sum(row.plan_cents for row in in_span),
        lots=_lots(closed, moved),
        closed_until=last,
    )


def _counted(days: Sequence[DailyFigures], moved: Sequence[DailyCredits]) -> dict[str, dict[date, int]]:
    """Return each measure's amount of each day."""
    counted: dict[str, dict[date, int]] = {measure: {} for measure in MEASURES}

    def count(measure: str, day: date, amount: int) -> None:
        counted[measure][day] = counted[measure].get(day, 0) + amount

    for row in days:
        count(USED, row.day, row.used)
        count(PAID, row.day, row.pack_cents + row.plan_cents)
        count(FAILED, row.day, row.failed_payments)
        count(SIGN_UPS, row.day, row.sign_ups)
    for lot in moved:
        count(EXPIRED, lot.day, lot.expired)
        if lot.source == Grant.Source.PURCHASE or lot.plan:
            count(SOLD, lot.day, lot.given)
    return counted


def _trend(amounts: Mapping[date, int], span: Span, periods: Sequence[Period]) -> Trend:
    now, before = _sum(amounts, span.first, span.last), _sum(amounts, *span.before)
    change = Change(now, before, is_new=bool(now and not before), is_gone=bool(before and not now))
    return Trend(change, tuple(_sum(amounts, period.first, period.last) for period in periods))


def _sum(amounts: Mapping[date, int], first: date, last: date) -> int:
    return sum(amount for day, amount in amounts.items() if first <= day <= last)


def _lots(closed: date, moved: Sequence[DailyCredits]) -> tuple[Lot, ...]:
    """Return what is outstanding of each lot: what days up to `closed` left of it, and what later ones `moved`."""
    left = Sum(F("given") - F("spent") - F("expired") - F("taken"))
    days = DailyCredits.objects.filter(day__lte=closed).order_by()
    sums = days.values_list("source", "plan", "cents", "amount").annotate(left=left)
    outstanding = {(source, plan, cents, amount): int(left) for source, plan, cents, amount, left in sums}
    for row in moved:
        lot = (row.source, row.plan, row.cents, row.amount)
        outstanding[lot] = outstanding.get(lot, 0) + row.given - row.spent - row.expired - row.taken
    return tuple(Lot(*lot, left) for lot, left in outstanding.items() if left)
