"""Spans of days that pages and exports look at, in the calendar of the wallet's owner; both ends are included."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from django.db.models import Min

from accounts.time_zones import zone
from billing.models import DailyUsage, Grant, LedgerEntry, Wallet

#: No usage is older: `billing.services.requests` refuses it.
FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2999, 12, 31)
ONE_DAY = timedelta(days=1)
SHORTLY = timedelta(microseconds=1)

CYCLE, LAST_CYCLE, CUSTOM = "cycle", "last-cycle", "custom"
DAYS_BACK = {"7d": 7, "30d": 30, "90d": 90}
TWELVE_MONTHS = "12m"
#: What a page offers: the word in the address, and its label.
CHOICES = {
    CYCLE: "This cycle",
    LAST_CYCLE: "Last cycle",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    TWELVE_MONTHS: "12 months",
    CUSTOM: "Custom",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`. `word` is its choice, or empty for an earlier cycle.

    A span with a `cycle` is that cycle: it holds all usage that the cycle paid for, also on days outside of it
    (imports, decision 28), unless it `is_part` of the cycle, up to `last`.
    """

    word: str
    first: date
    last: date
    cycle: int | None = None
    is_part: bool = False

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def label(self) -> str:
        """What a page calls it; its days are told beside it."""
        if self.cycle is not None:
            return CHOICES.get(self.word, "An earlier cycle")
        return "" if self.word == CUSTOM else f"Last {CHOICES[self.word]}"

    @property
    def parameters(self) -> dict[str, str]:
        """What an address says to show the same choice, whatever day it is then."""
        if self.word == CUSTOM:
            return self.fixed_parameters
        return {"span": self.word} if self.word else self.fixed_parameters

    @property
    def fixed_parameters(self) -> dict[str, str]:
        """What an address says to show exactly these days, now and later."""
        if self.cycle is not None:
            return {"cycle": str(self.cycle)}
        return {"span": CUSTOM, "from": self.first.isoformat(), "to": self.last.isoformat()}


def today_of(wallet: Wallet, *, now: datetime) -> date:
    """Return the day it is for the wallet's owner."""
    return now.astimezone(zone(wallet.time_zone)).date()


def chosen(wallet: Wallet, word: str, *, now: datetime) -> Span | None:
    """Return the span that one of CHOICES means today; None for a last cycle that never was, and for custom days."""
    today = today_of(wallet, now=now)
    if word in DAYS_BACK:
        return Span(word, today - ONE_DAY * (DAYS_BACK[word] - 1), today)
    if word == TWELVE_MONTHS:
        return Span(word, today - relativedelta(months=12) + ONE_DAY, today)
    if word == CYCLE:
        return of_cycle(wallet, wallet.cycle, now=now)
    return of_cycle(wallet, wallet.cycle - 1, now=now) if word == LAST_CYCLE else None


def custom(first: date, last: date) -> Span:
    """Return a span of these days; raises ValueError unless they are in order, from FIRST_DAY to LAST_DAY."""
    if not FIRST_DAY <= first <= last <= LAST_DAY:
        raise ValueError("A span of days begins before it ends, in this millennium.")
    return Span(CUSTOM, first, last)


def of_cycle(wallet: Wallet, cycle: int, *, now: datetime) -> Span | None:
    """Return the days of one of the wallet's cycles, or None when it never had that one or nothing is known of it."""
    if not 1 <= cycle <= wallet.cycle:
        return None
    starts_at, ends_at = bounds_of_cycle(wallet, cycle)
    own_zone = zone(wallet.time_zone)
    first = _day(starts_at, own_zone)
    if first is None:
        return None
    last = _day(ends_at - SHORTLY, own_zone) if ends_at else today_of(wallet, now=now)
    word = {wallet.cycle: CYCLE, wallet.cycle - 1: LAST_CYCLE}.get(cycle, "")
    return Span(word, first, max(first, last or first), cycle)


def before(wallet: Wallet, span: Span, *, now: datetime) -> Span | None:
    """Return what a span is compared with: as many days before it, or the cycle before, or None without one.

    A cycle that still runs is compared with the same number of days of the last one, and so are days yet to come.
    """
    today = today_of(wallet, now=now)
    if span.cycle is None:
        days = (today - span.first).days + 1 if span.first <= today < span.last else span.days
        first = FIRST_DAY + max(span.first - FIRST_DAY - ONE_DAY * days, ONE_DAY * 0)
        return Span(CUSTOM, first, span.first - ONE_DAY) if span.first > FIRST_DAY else None
    earlier = of_cycle(wallet, span.cycle - 1, now=now)
    if earlier is None or span.cycle != wallet.cycle:
        return earlier
    elapsed = max((today - span.first).days, 0)
    last = min(earlier.last, earlier.first + ONE_DAY * elapsed)
    return Span(earlier.word, earlier.first, last, earlier.cycle, is_part=last < earlier.last)


def bounds_of_cycle(wallet: Wallet, cycle: int) -> tuple[datetime | date | None, datetime | None]:
    """Return when a cycle began and ended, in UTC; an earlier one is known by its allowance, else by its first use."""
    if cycle == wallet.cycle:
        return wallet.cycle_started_at, wallet.cycle_ends_at
    started = (
        LedgerEntry.objects.filter(wallet=wallet, kind=LedgerEntry.Kind.GRANT, cycle=cycle)
        .filter(grant__source=Grant.Source.ALLOWANCE)
        .select_related("grant")
        .order_by("sequence")
        .first()
    )
    if started is not None and started.grant is not None:
        ends = [end for end in (started.grant.closed_at, started.grant.expires_at) if end is not None]
        return started.grant.effective_at, min(ends, default=None)
    first = DailyUsage.objects.filter(wallet=wallet, cycle=cycle).aggregate(first=Min("used_on"))["first"]
    return first, None


def _day(moment: datetime | date | None, own_zone: ZoneInfo) -> date | None:
    return moment.astimezone(own_zone).date() if isinstance(moment, datetime) else moment
