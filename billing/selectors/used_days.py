"""On which days something was used: the totals a day tell how often and for how much, without a look at the ledger."""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet, Subquery, Sum

from billing.models import DailyUsage, LedgerEntry, Wallet
from billing.selectors.strands import Filters, Strand, runs


@dataclass(frozen=True, slots=True)
class Uses:
    """A day's uses and their cost in millicredits, of a feature where they are told apart.

    `in_runs` are the steps of workflow runs that used a model: they cost, and the run counts as the use.
    """

    day: date
    feature: str
    uses: int
    cost: int
    in_runs: bool


@dataclass(frozen=True, slots=True)
class UsedDays:
    """What the filters' usage comes to, day by day; `cursor_on` is the day that the cursor's entry was posted on."""

    rows: tuple[Uses, ...]
    cursor_on: date | None = None

    @property
    def uses(self) -> int:
        """How many uses there are."""
        return sum(row.uses for row in self.rows)

    @property
    def cost(self) -> int:
        """What they cost, in millicredits."""
        return sum(row.cost for row in self.rows if not row.in_runs)

    @property
    def cost_in_runs(self) -> int:
        """What the steps cost that used the model, in millicredits."""
        return sum(row.cost for row in self.rows if row.in_runs)

    def of(self, strand: Strand) -> dict[date, int]:
        """Return the days of a strand in their order, each with how many of its entries count on it at least."""
        days: dict[date, int] = {}
        for row in self.rows:
            is_its_own = row.feature == strand.feature if strand.feature else row.feature != strand.priced_as
            if not row.feature or (is_its_own and row.in_runs == bool(strand.step)):
                days[row.day] = days.get(row.day, 0) + max(row.uses, 1)
        return days


def used_days(wallet: Wallet, filters: Filters, *, cursor: int | None = None) -> UsedDays:
    """Return on which days there is usage that the filters ask for, by feature if they ask for a model.

    It also finds the day of the entry numbered `cursor`, so that this needs no question of its own.
    """
    columns = ("used_on", "feature_id") if filters.model else ("used_on",)
    at_cursor = LedgerEntry.objects.filter(wallet=wallet, sequence=cursor or 0).values("posted_on")
    rows = list(
        _matching(DailyUsage.objects.filter(wallet=wallet), filters)
        .values(*columns)
        .annotate(total_uses=Sum("uses"), total_cost=Sum("cost"), cursor_on=Subquery(at_cursor))
        .order_by(*columns)
    )
    are_runs = [] if filters.model in runs() else runs()
    uses = (
        Uses(
            row["used_on"],
            row.get("feature_id", ""),
            row["total_uses"],
            row["total_cost"],
            in_runs=row.get("feature_id") in are_runs,
        )
        for row in rows
    )
    return UsedDays(tuple(uses), rows[0]["cursor_on"] if rows else None)


def _matching(usage: QuerySet[DailyUsage], filters: Filters) -> QuerySet[DailyUsage]:
    if filters.cycle is not None:
        usage = usage.filter(cycle=filters.cycle)
    elif filters.span is not None:
        usage = usage.filter(used_on__range=(filters.span.first, filters.span.last))
    if filters.model in runs():
        usage = usage.filter(feature=filters.model)
    elif filters.model:
        usage = usage.filter(priced_as=filters.model)
    if filters.feature:
        usage = usage.filter(feature=filters.feature)
    return usage.filter(source=filters.source) if filters.source else usage
