"""A wallet's totals a day as lists of lines: what exports write and what programs page through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Case, F, Q, QuerySet, Sum, When

from billing.models import DailyUsage, Feature, Wallet
from billing.selectors import catalog
from billing.selectors.spans import Span
from billing.selectors.usage_rows import Totals
from billing.selectors.usage_sums import Filters

ORDER = ("used_on", "cycle", "feature_id", "priced_as_id", "source")
Place = tuple[date, int, str, str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, newest first. `totals` are of all lines on all pages; `has_more` says that older ones follow."""

    lines: Sequence[DailyUsage]
    totals: Totals
    has_more: bool


def place_of(line: DailyUsage) -> Place:
    """Return where a line stands in the order of the list."""
    return line.used_on, line.cycle, line.feature_id, line.priced_as_id, line.source


def page(wallet: Wallet, span: Span | None, filters: Filters, *, before: Place | None, count: int) -> Page:
    """Return at most `count` lines that come before a place, or the newest ones."""
    found = matching(wallet, span, filters)
    sums = found.aggregate(uses=Sum("uses"), cost=Sum("cost"))
    listed = found.order_by(*(f"-{name}" for name in ORDER))
    if before is not None:
        listed = listed.filter(_before(before), used_on__lte=before[0])
    lines = list(listed[: count + 1])
    return Page(lines[:count], Totals(sums["uses"] or 0, sums["cost"] or 0), has_more=len(lines) > count)


def matching(wallet: Wallet, span: Span | None, filters: Filters) -> QuerySet[DailyUsage]:
    """Return the totals a day of a span, narrowed; a workflow's run is its own model, whatever its nodes used."""
    usage = DailyUsage.objects.filter(wallet=wallet)
    if span is not None and span.cycle is not None:
        usage = usage.filter(cycle=span.cycle)
    elif span is not None:
        usage = usage.filter(used_on__range=(span.first, span.last))
    if filters.model:
        model = Case(When(feature__in=runs(), then=F("feature_id")), default=F("priced_as_id"))
        usage = usage.alias(model=model).filter(model=filters.model)
    narrowed = {"feature": filters.feature, "source": filters.source}
    return usage.filter(**{name: word for name, word in narrowed.items() if word})


def runs() -> list[str]:
    """Return the features that are their own model: runs, whose steps are priced as what they use."""
    known = catalog.current().features
    return [code for code, feature in known.items() if feature.pricing == Feature.Pricing.NODES]


def _before(place: Place) -> Q:
    """Return the condition for what comes before a place in the order of the list."""
    condition, equal = Q(), Q()
    for name, value in zip(ORDER, place, strict=True):
        condition |= equal & Q(**{f"{name}__lt": value})
        equal &= Q(**{name: value})
    return condition
