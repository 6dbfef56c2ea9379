"""The lines of a usage export's file: the totals a day that the usage page is made of, and their sum."""

from typing import Any

from django.db.models import Case, F, QuerySet, Sum, When

from billing.models import DailyUsage, Feature
from billing.selectors import catalog
from billing.selectors.columns import USAGE_COLUMNS
from billing.selectors.copying import Values
from billing.selectors.entry_lines import names
from billing.selectors.export_contents import Contents, Wanted
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
        "runs": _runs(),
    }


def _matching(wanted: Wanted) -> QuerySet[DailyUsage]:
    """Return the totals a day that the query lists."""
    usage = DailyUsage.objects.filter(wallet=wanted.wallet)
    if wanted.span is not None and wanted.span.cycle is not None:
        usage = usage.filter(cycle=wanted.span.cycle)
    elif wanted.span is not None:
        usage = usage.filter(used_on__range=(wanted.span.first, wanted.span.last))
    if wanted.model:
        model = Case(When(feature__in=_runs(), then=F("feature_id")), default=F("priced_as_id"))
        usage = usage.alias(model=model).filter(model=wanted.model)
    narrowed = {"feature": wanted.feature, "source": wanted.source}
    return usage.filter(**{name: word for name, word in narrowed.items() if word})


def _runs() -> list[str]:
    """Return the features that are their own model: runs, whose steps are priced as what they use."""
    known = catalog.current().features
    return [code for code, feature in known.items() if feature.pricing == Feature.Pricing.NODES]
