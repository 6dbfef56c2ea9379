"""What somebody's own usage of the last thirty days says: four tips, the dearest uses, and the busiest hours."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from accounts.time_zones import zone
from billing.models import LedgerEntry, Plan, Wallet
from billing.selectors import insights_uses, spans
from billing.selectors.balance import subscription_of
from billing.selectors.insights_pace import Pace, pace
from billing.selectors.insights_tips import Tip, tips
from billing.selectors.insights_uses import MOST_USES, SECOND, Use, at
from billing.selectors.insights_usual import Usual, usual
from billing.selectors.lines import Line, lines_of
from billing.selectors.spans import Span
from billing.selectors.usage_report import report
from billing.selectors.usage_rows import Row
from billing.selectors.usage_sums import SOURCE, Filters

DAYS = "30d"
MOST_DEAREST = 5
MOST_SOURCES = 6
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = 24
#: Clocks everywhere differ by whole quarters of an hour.
QUARTER_HOUR = 15 * 60 * SECOND
SHADES = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader may change: below how many tokens a message is simple, and how long an answer may be."""

    below: int
    limit: int


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of the week and how often something was used in it; `shade` is 0 for never, 4 for the busiest."""

    hour: int
    uses: int
    shade: int


@dataclass(frozen=True, slots=True)
class Week:
    """When somebody uses CleverAI, in the owner's own time: a row of hours for each weekday."""

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    busiest_day: str
    busiest_hour: int


@dataclass(frozen=True, slots=True)
class Insights:
    """The page. Without advanced analytics the first tip is a taste, and `upgrade` the cheapest plan that has them."""

    wallet: Wallet
    span: Span
    upgrade: Plan | None
    choice: Choice
    uses: int
    cut_at: int | None
    pace: Pace | None
    tips: tuple[Tip, ...]
    sources: tuple[Row, ...]
    usual: Usual | None
    dearest: tuple[Line, ...]
    week: Week | None

    @property
    def has_all(self) -> bool:
        """Whether the plan includes all of the page."""
        return self.upgrade is None


def insights(wallet: Wallet, choice: Choice, *, now: datetime, most: int = MOST_USES) -> Insights:
    """Return the insights of a wallet, from its `most` newest uses at the most."""
    span = spans.chosen(wallet, DAYS, now=now)
    if span is None:
        raise AssertionError("Thirty days are always a span.")
    uses = insights_uses.read(wallet, span, most=most)
    upgrade = _upgrade(wallet)
    own_limit = wallet.max_output_tokens
    return Insights(
        wallet=wallet,
        span=span,
        upgrade=upgrade,
        choice=choice,
        uses=len(uses.all),
        cut_at=uses.cut_at,
        pace=pace(wallet, now=now),
        tips=tips(uses, below=choice.below, limit=choice.limit, own_limit=own_limit, now=now),
        sources=_sources(wallet, span, now=now) if upgrade is None else (),
        usual=usual(uses, now=now),
        dearest=_dearest(wallet, uses.all) if upgrade is None else (),
        week=_week(wallet, uses.all) if upgrade is None else None,
    )


def _upgrade(wallet: Wallet) -> Plan | None:
    """Return the plan that would bring advanced analytics, or None where they are there, or nowhere to be had."""
    subscription = subscription_of(wallet)
    if subscription is not None and subscription.plan.has_advanced_analytics:
        return None
    return Plan.objects.filter(has_advanced_analytics=True, price_cents__isnull=False).order_by("price_cents").first()


def _sources(wallet: Wallet, span: Span, *, now: datetime) -> tuple[Row, ...]:
    """Return where most was used, with the span before it beside it; one place alone tells nothing."""
    found = report(wallet, span, by=SOURCE, asked_step="", filters=Filters(), now=now).rows
    used = [row for row in found if not row.is_gone]
    return tuple(used[:MOST_SOURCES]) if len(used) > 1 else ()


def _dearest(wallet: Wallet, uses: Sequence[Use]) -> tuple[Line, ...]:
    """Return the uses that cost most, dearest first."""
    dearest = nlargest(MOST_DEAREST, (use for use in uses if use.cost), key=lambda use: (use.cost, use.sequence))
    entries = LedgerEntry.objects.filter(wallet=wallet, sequence__in=[use.sequence for use in dearest])
    ordered = sorted(entries.select_related("grant"), key=lambda entry: (-entry.cost, -entry.sequence))
    return lines_of(wallet, ordered) if dearest else ()


def _week(wallet: Wallet, uses: Sequence[Use]) -> Week | None:
    """Count uses by weekday and hour; imported ones don't say at what time they happened."""
    own_zone = zone(wallet.time_zone)
    counts: Counter[tuple[int, int]] = Counter()
    for quarter, number in Counter(use.moment // QUARTER_HOUR for use in uses if not use.was_imported).items():
        moment = at(quarter * QUARTER_HOUR).astimezone(own_zone)
        counts[moment.weekday(), moment.hour] += number
    if not counts:
        return None
    (day, hour), most = max(counts.items(), key=lambda item: (item[1], -item[0][0], -item[0][1]))
    rows = tuple((name, tuple(_cells(number, counts, most))) for number, name in enumerate(WEEKDAYS))
    return Week(rows, busiest_day=WEEKDAYS[day], busiest_hour=hour)


def _cells(day: int, counts: Counter[tuple[int, int]], most: int) -> Iterator[Cell]:
    for hour in range(HOURS):
        uses = counts[day, hour]
        yield Cell(hour, uses, -(-uses * SHADES // most))
