"""When credits run out, how that is known, and how sure it is. Amounts are millicredits."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, Sum

from billing.models import DailyUsage, Wallet
from billing.selectors import balance as balances
from billing.selectors import spans
from billing.selectors.balance import PACE_DAYS, Pace

LOOKED_AT_DAYS = 28
SHOWN_DAYS = 30
FEWEST_DAYS = 14
ONE_DAY = timedelta(days=1)
FOREVER = timedelta(days=balances.LONGEST_FORECAST_DAYS)


@dataclass(frozen=True, slots=True)
class Day:
    """A day and the millicredits it took."""

    day: date
    cost: int


@dataclass(frozen=True, slots=True)
class Range:
    """The days credits would run out at the paces of the fastest and the slowest seven days in a row.

    `earliest` and `latest` are None where they would last until the reset, or for a year where there is none.
    `days` is how many were looked at, the last full ones.
    """

    earliest: date | None
    latest: date | None
    days: int

    @property
    def is_one_day(self) -> bool:
        """Whether both paces end on the same day."""
        return self.earliest is not None and self.earliest == self.latest


@dataclass(frozen=True, slots=True)
class Forecast:
    """The 7-day pace with the day it leads to, and the range around that; None before there are two weeks to look at.

    `days` are the last thirty, today included, for a drawing. `has_begun` is whether anything was ever used.
    """

    pace: Pace
    range: Range | None
    days: tuple[Day, ...]
    has_begun: bool

    @property
    def highest(self) -> Day:
        """The day that took most; the last of several."""
        return max(self.days, key=lambda day: (day.cost, day.day))


def forecast(wallet: Wallet, *, now: datetime) -> Forecast:
    """Return when a wallet's available credits run out, from its totals a day."""
    today = spans.today_of(wallet, now=now)
    shown_from = today - ONE_DAY * (SHOWN_DAYS - 1)
    older = DailyUsage.objects.filter(wallet=wallet, used_on__lt=shown_from)
    recent = DailyUsage.objects.filter(wallet=wallet, used_on__gte=shown_from, used_on__lte=today)
    totals = list(recent.values_list("used_on").annotate(Sum("cost"), is_older=Exists(older)))
    costs = {day: cost for day, cost, _ in totals}
    days = tuple(Day(day, costs.get(day, 0)) for day in (shown_from + ONE_DAY * number for number in range(SHOWN_DAYS)))
    is_older = totals[0][2] if totals else older.exists()
    begun = shown_from if is_older else min(costs, default=today)
    full = [one.cost for one in days if max(begun, today - ONE_DAY * LOOKED_AT_DAYS) <= one.day < today]
    is_known = is_older or begun <= today - ONE_DAY * PACE_DAYS
    pace = balances.pace_of(wallet, sum(full[-PACE_DAYS:]), today=today, now=now) if is_known else Pace(per_day=None)
    return Forecast(pace, _range(wallet, full, today, now), days, has_begun=bool(totals) or is_older)


def _range(wallet: Wallet, full: list[int], today: date, now: datetime) -> Range | None:
    if len(full) < FEWEST_DAYS or wallet.unlimited:
        return None
    weeks = [sum(full[number : number + PACE_DAYS]) for number in range(len(full) - PACE_DAYS + 1)]
    resets_in = wallet.cycle_ends_at - now if wallet.cycle_ends_at else FOREVER
    ends = [_ends_on(wallet.available, week, today, resets_in) for week in (max(weeks), min(weeks))]
    return Range(ends[0], ends[1], len(full))


def _ends_on(available: int, week: int, today: date, resets_in: timedelta) -> date | None:
    days_left = available * PACE_DAYS // week if week else FOREVER.days + 1
    return today + ONE_DAY * days_left if days_left <= resets_in.days else None
