"""The lines of a usage export's file: the totals a day that the usage page is made of, and their sum."""

from typing import Any

from django.db.models import QuerySet, Sum

from billing.models import DailyUsage
from billing.selectors.columns import USAGE_COLUMNS
from billing.selectors.copying import Values
from billing.selectors.daily_usage import matching, runs
from billing.selectors.entry_lines import names
from billing.selectors.export_contents import Contents, Wanted
from billing.selectors.usage_sums import Filters
from billing.units import plain_credits


def count(wanted: Wanted) -> int:
    """Return how many rows there are."""
    return _matching(wanted).count()


def contents(wanted: Wanted) -> Contents:
    """Return what a usage export's file has in it."""
    totals = _matching(wanted).aggregate(uses=Sum("uses"), cost=Sum("cost"))
    return Contents(
        columns=USAGE_COLUMNS,
        query="export_usage",
        parameters=_parameters(wanted),
        after=lambda _: [_total(totals["uses"] or 0, totals["cost"] or 0)],
    )


def _total(uses: int, cost: int) -> Values:
    return {"kind": "total", "uses": str(uses), "credits": plain_credits(cost)}


def _parameters(wanted: Wanted) -> dict[str, Any]:
    span = wanted.span
    cycle = span.cycle if span else None
    is_by_day = span is not None and cycle is None
    return {
        **names(wanted.wallet),
        "wallet": wanted.wallet.pk,
        "cycle": cycle,
        "first_day": span.first if span and is_by_day else None,
        "last_day": span.last if span and is_by_day else None,
        "feature": wanted.feature or None,
        "model": wanted.model or None,
        "source": wanted.source or None,
        "runs": runs(),
    }


def _matching(wanted: Wanted) -> QuerySet[DailyUsage]:
    """Return the totals a day that the query lists."""
    return matching(wanted.wallet, wanted.span, Filters(wanted.feature, wanted.model, wanted.source))
