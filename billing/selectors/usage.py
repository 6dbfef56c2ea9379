"""What was used in a cycle, by feature: always the sum of the daily totals, which are the sum of the entries."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, F, QuerySet, Sum, Value, When

from accounts.time_zones import zone
from billing.models import DailyUsage, Feature, Wallet
from billing.selectors import catalog
from billing.selectors.sources import chatbot_names
from billing.selectors.spans import SHORTLY, bounds_of_cycle
from billing.selectors.words import quantity_words

THOUSAND = 1_000


@dataclass(slots=True)
class Part:
    """A share of a feature that is priced as something else: a chatbot's model, a workflow's node. Millicredits."""

    label: str
    quantity: str
    cost: int


@dataclass(slots=True)
class FeatureUsage:
    """One feature's usage. `quantities` maps base units to amounts; `permille` is its share of the total's cost."""

    feature: Feature
    uses: int = 0
    cost: int = 0
    quantities: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    permille: int = 0

    @property
    def quantity(self) -> str:
        """The quantity in words, in the feature's own unit."""
        return next(self._in_words(), "")

    @property
    def further_quantities(self) -> str:
        """What else was used on the way, such as the nodes of a workflow."""
        _own, *further = self._in_words()
        return ", ".join(further)

    def _in_words(self) -> Iterator[str]:
        return (quantity_words(amount, unit) for unit, amount in self.quantities.items())

    @property
    def uses_words(self) -> str:
        """How often it was used."""
        return f"{self.uses:,} use{'' if self.uses == 1 else 's'}"

    @property
    def percent(self) -> str:
        """The share as people read it; what rounds to nothing but isn't is "< 0.1"."""
        if not self.permille:
            return "< 0.1" if self.cost else "0"
        whole, tenth = divmod(self.permille, 10)
        return f"{whole}.{tenth}"


@dataclass(frozen=True, slots=True)
class CycleUsage:
    """Usage of one cycle, most expensive feature first. Times in UTC; `ends_at` is None where no end is set."""

    cycle: int
    starts_at: datetime | date | None
    ends_at: datetime | None
    rows: tuple[FeatureUsage, ...]
    cost: int
    uses: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the owner's calendar and the millicredits of each series of a chart."""

    day: date
    costs: list[int]

    @property
    def cost(self) -> int:
        """The day's total."""
        return sum(self.costs)


def of_cycle(wallet: Wallet, cycle: int) -> CycleUsage:
    """Return what a wallet used in one of its cycles."""
    starts_at, ends_at = bounds_of_cycle(wallet, cycle)
    rows = _rows(wallet, DailyUsage.objects.filter(wallet=wallet, cycle=cycle))
    cost = sum(row.cost for row in rows)
    for row in rows:
        row.permille = row.cost * THOUSAND // cost if cost else 0
    return CycleUsage(cycle, starts_at, ends_at, tuple(rows), cost, sum(row.uses for row in rows))


def _rows(wallet: Wallet, usage: QuerySet[DailyUsage]) -> list[FeatureUsage]:
    """Return a row a feature; of sources only chatbots are told apart (decision 4)."""
    bot = Case(When(feature__pricing=Feature.Pricing.MODEL, then=F("source")), default=Value(""))
    totals = (
        usage.annotate(bot=bot)
        .values_list("feature_id", "priced_as_id", "bot")
        .annotate(total_uses=Sum("uses"), total_quantity=Sum("quantity"), total_cost=Sum("cost"))
        .order_by("-total_cost")
    )
    known = catalog.current()
    rows: dict[str, FeatureUsage] = {}
    named: list[tuple[Part, str]] = []
    for code, priced_as, source, uses, quantity, cost in totals:
        row = rows.setdefault(code, FeatureUsage(known.feature(code)))
        row.uses += uses
        row.cost += cost
        unit = known.unit_of(priced_as)
        row.quantities[unit] = row.quantities.get(unit, 0) + quantity
        if priced_as != code:
            part = Part(known.feature(priced_as).name, quantity_words(quantity, unit), cost)
            row.parts.append(part)
            named.append((part, source))
    names = chatbot_names(wallet, (source for _, source in named))
    for part, source in named:
        if source in names:
            part.label = f"{names[source]} · {part.label}"
    for row in rows.values():
        own = known.unit_of(row.feature.code)
        row.quantities = {unit: row.quantities[unit] for unit in sorted(row.quantities, key=lambda unit: unit != own)}
    return sorted(rows.values(), key=lambda row: (-row.cost, row.feature.position))


def days_of_cycle(wallet: Wallet, usage: CycleUsage, most_series: int) -> list[Day]:
    """Return every day of a cycle, in the owner's calendar, with its cost by series: the rows' order, then the others.

    Days outside the cycle are left out: imported usage may have happened long before (decision 28).
    """
    own_zone = zone(wallet.time_zone)
    first = _day(usage.starts_at, own_zone)
    if first is None:
        return []
    last = _day(usage.ends_at - SHORTLY, own_zone) if usage.ends_at else None
    series = {row.feature.code: min(number, most_series) for number, row in enumerate(usage.rows)}
    totals = (
        DailyUsage.objects.filter(wallet=wallet, cycle=usage.cycle, used_on__gte=first)
        .values_list("used_on", "feature_id")
        .annotate(Sum("cost"))
        .order_by("used_on")
    )
    costs: dict[date, list[int]] = {}
    for day, code, cost in totals:
        costs.setdefault(day, [0] * (most_series + 1))[series[code]] += cost
    last = last or max(costs, default=first)
    span = range((last - first).days + 1)
    return [Day(day, costs.get(day, [])) for day in (first + timedelta(days=number) for number in span)]


def _day(moment: datetime | date | None, own_zone: ZoneInfo) -> date | None:
    return moment.astimezone(own_zone).date() if isinstance(moment, datetime) else moment
