"""All that is offered, as everybody may read it: what features cost now and later, plans, packs. Only the catalog's.

Amounts are millicredits, money is cents.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from billing.errors import MeteringError
from billing.models import Feature, Plan
from billing.selectors import catalog, words
from billing.selectors.catalog import Catalog
from billing.selectors.sales import PackCard, packs_on_sale

PRICED_OTHERWISE = {Feature.Pricing.MODEL: "model-based pricing", Feature.Pricing.NODES: "based on nodes used"}
#: A chat that is short of a thousand tokens, for the example of what it costs.
SHORT_CHAT = 250


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A feature, what it costs now in words (empty before its first price), and the prices announced for later."""

    feature: Feature
    words: str
    upcoming: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class PriceGroup:
    """The features of one group that can be used now or soon."""

    code: str
    label: str
    rows: tuple[PriceRow, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A use and its cost at the price in force."""

    feature: Feature
    quantity: int
    cost: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The catalog at one moment, in its own order."""

    groups: tuple[PriceGroup, ...]
    plans: Sequence[Plan]
    packs: Sequence[PackCard]
    example: Example | None

    @property
    def free_plan(self) -> Plan | None:
        """The plan that costs nothing."""
        return next((plan for plan in self.plans if plan.price_cents == 0), None)

    @property
    def popular_plan(self) -> Plan | None:
        """The plan that most people choose, as staff marked it."""
        return next((plan for plan in self.plans if plan.is_popular), None)

    @property
    def free_features(self) -> list[Feature]:
        """What costs nothing at present."""
        return [row.feature for group in self.groups for row in group.rows if row.words == words.FREE]


def offer(*, now: datetime) -> Offer:
    """Return what is offered at `now`, read anew: a change by staff shows at once."""
    known = catalog.fresh()
    return Offer(
        groups=tuple(price_groups(known, now=now)),
        plans=list(Plan.objects.all()),
        packs=packs_on_sale(),
        example=_example(known, now),
    )


def price_groups(known: Catalog, *, now: datetime) -> list[PriceGroup]:
    """Return the groups that have a feature with a price, each feature with its prices in words."""
    groups = []
    for group in Feature.Group:
        rows = [_row(known, feature, now) for feature in known.in_order() if feature.group == group]
        rows = [row for row in rows if row.words or row.upcoming]
        if rows:
            groups.append(PriceGroup(group.value, str(group.label), tuple(rows)))
    return groups


def _row(known: Catalog, feature: Feature, now: datetime) -> PriceRow:
    if feature.pricing != Feature.Pricing.OWN:
        return PriceRow(feature, PRICED_OTHERWISE[Feature.Pricing(feature.pricing)], ())
    price = known.price_if_any(feature.pk, now)
    said = words.price_words(price, feature.unit) if price else ""
    later = []
    last = said
    for coming in known.prices_after(feature.pk, now):
        changed = words.price_words(coming, feature.unit)
        if changed != last:
            later.append((changed, coming.starts_at))
        last = changed
    return PriceRow(feature, said, tuple(later))


def _example(known: Catalog, now: datetime) -> Example | None:
    """Return what a short chat costs on the first chat model that isn't free; None if there is none."""
    for feature in known.in_order():
        if feature.unit == Feature.Unit.TOKEN and feature.pricing == Feature.Pricing.OWN:
            with suppress(MeteringError):
                cost = known.priced(feature.pk, SHORT_CHAT, None, now).cost
                if cost:
                    return Example(feature, SHORT_CHAT, cost)
    return None
