"""How this cycle goes: against the last one by the same day, where it leads to by its reset, and what shifted."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import Wallet
from billing.selectors import spans
from billing.selectors.balance import PACE_DAYS
from billing.selectors.changes import Change
from billing.selectors.forecast import forecast
from billing.selectors.spans import CYCLE, Span
from billing.selectors.usage_report import Report, report
from billing.selectors.usage_sums import FEATURE, Filters
from billing.selectors.words import percent_words

PERMILLE = 1_000


@dataclass(frozen=True, slots=True)
class Projection:
    """What the cycle will have taken at its end, at the pace of the last seven full days. Millicredits.

    `least` and `most` are those at the pace of the slowest and the fastest seven days in a row of the last `days`; None
    before there are two weeks to look at. `is_too_much` says that it takes more than what is available.
    """

    per_day: int
    amount: int
    is_too_much: bool
    least: int | None
    most: int | None
    days: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A feature's share of the credits, in permille: of this cycle, and of the last one by the same day."""

    label: str
    now: int
    before: int

    @property
    def points(self) -> str:
        """How many percentage points it gained or lost: "+12.1", "−3.4"."""
        difference = self.now - self.before
        return f"{'+' if difference > 0 else '−'}{percent_words(abs(difference), is_something=True)}"

    @property
    def now_words(self) -> str:
        """The share of this cycle."""
        return percent_words(self.now, is_something=bool(self.now))

    @property
    def before_words(self) -> str:
        """The share of the last cycle."""
        return percent_words(self.before, is_something=bool(self.before))


@dataclass(frozen=True, slots=True)
class Pace:
    """This cycle so far. `change` compares it with the last cycle by the same day; None where that took nothing."""

    span: Span
    day: int
    used: int
    used_before: int
    change: Change | None
    projection: Projection | None
    shift: Shift | None


def pace(wallet: Wallet, *, now: datetime) -> Pace | None:
    """Return how the wallet's cycle goes; None for one that has none."""
    span = spans.chosen(wallet, CYCLE, now=now)
    if span is None:
        return None
    found = report(wallet, span, by=FEATURE, asked_step="", filters=Filters(), now=now)
    earlier = found.earlier.cost if found.earlier else 0
    return Pace(
        span=span,
        day=min(max((spans.today_of(wallet, now=now) - span.first).days + 1, 1), span.days),
        used=found.totals.cost,
        used_before=earlier,
        change=Change(found.totals.cost, earlier) if earlier else None,
        projection=_projection(wallet, span, found.totals.cost, now=now),
        shift=_shift(found),
    )


def _projection(wallet: Wallet, span: Span, used: int, *, now: datetime) -> Projection | None:
    """Add what the days after today take to what was used; None where no end is set or there is no pace yet."""
    if wallet.cycle_ends_at is None or wallet.cycle_ends_at <= now:
        return None
    known = forecast(wallet, now=now)
    if known.pace.per_day is None:
        return None
    days_left = max((span.last - spans.today_of(wallet, now=now)).days, 0)
    costs = [day.cost for day in known.days[:-1]]
    looked_at = known.range.days if known.range else 0
    full = costs[-looked_at:] if looked_at else []
    weeks = [sum(full[number : number + PACE_DAYS]) for number in range(len(full) - PACE_DAYS + 1)]
    further = sum(costs[-PACE_DAYS:]) * days_left // PACE_DAYS
    return Projection(
        per_day=known.pace.per_day,
        amount=used + further,
        is_too_much=further > wallet.available and not wallet.unlimited,
        least=used + min(weeks) * days_left // PACE_DAYS if weeks else None,
        most=used + max(weeks) * days_left // PACE_DAYS if weeks else None,
        days=looked_at,
    )


def _shift(found: Report) -> Shift | None:
    """Return the feature whose share changed most, if both cycles took something and any did."""
    total, earlier = found.totals.cost, found.earlier.cost if found.earlier else 0
    if not total or not earlier:
        return None
    shifts = [
        Shift(row.label, row.totals.cost * PERMILLE // total, row.before.cost * PERMILLE // earlier)
        for row in found.rows
    ]
    most = max(shifts, key=lambda shift: abs(shift.now - shift.before))
    return most if most.now != most.before else None
