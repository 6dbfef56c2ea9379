"""What was used in a cycle, by feature: always the sum of the daily totals, which are the sum of the entries."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Sum

from billing.models import DailyUsage, Feature, Wallet
from billing.selectors import catalog
from billing.selectors.spans import bounds_of_cycle
from billing.selectors.words import percent_words

PERMILLE = 1_000


@dataclass(frozen=True, slots=True)
class FeatureUsage:
    """One feature's usage in millicredits; `permille` is its share of the total's cost."""

    feature: Feature
    uses: int
    cost: int
    permille: int

    @property
    def percent(self) -> str:
        """The share as people read it."""
        return percent_words(self.permille, is_something=bool(self.cost))


@dataclass(frozen=True, slots=True)
class CycleUsage:
    """Usage of one cycle, most expensive feature first. Times in UTC; `ends_at` is None where no end is set."""

    cycle: int
    starts_at: datetime | date | None
    ends_at: datetime | None
    rows: tuple[FeatureUsage, ...]
    cost: int
    uses: int


def of_cycle(wallet: Wallet, cycle: int) -> CycleUsage:
    """Return what a wallet used in one of its cycles."""
    starts_at, ends_at = bounds_of_cycle(wallet, cycle)
    known = catalog.current()
    totals = DailyUsage.objects.filter(wallet=wallet, cycle=cycle).values_list("feature_id")
    found = [(known.feature(code), uses, cost) for code, uses, cost in totals.annotate(Sum("uses"), Sum("cost"))]
    whole = sum(cost for _, _, cost in found)
    rows = [
        FeatureUsage(feature, uses, cost, permille=cost * PERMILLE // whole if whole else 0)
        for feature, uses, cost in sorted(found, key=lambda row: (-row[2], row[0].position))
    ]
    return CycleUsage(cycle, starts_at, ends_at, tuple(rows), whole, sum(row.uses for row in rows))
