"""The catalog as metering reads it: features and dated prices, and the price of a use."""

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from billing.errors import InvalidQuantity, NoPriceInForce, UnknownFeature
from billing.models import Feature, FeaturePrice
from billing.units import LARGEST_AMOUNT, cost_of

SECONDS_KEPT = 60


@dataclass(frozen=True, slots=True)
class PricedUse:
    """What one use costs: `quantity` in base units of `priced_as`, `cost` in millicredits at `price`."""

    feature: str
    priced_as: str
    quantity: int
    price: FeaturePrice
    cost: int


class Catalog:
    """All features and prices at one moment of reading, future prices included."""

    def __init__(self) -> None:
        self.features = Feature.objects.in_bulk()
        self.prices_by_id: dict[int, FeaturePrice] = {}
        self._prices: dict[str, list[FeaturePrice]] = {code: [] for code in self.features}
        for price in FeaturePrice.objects.order_by("starts_at"):
            self.prices_by_id[price.pk] = price
            self._prices[price.feature_id].append(price)
        self._starts = {code: [price.starts_at for price in prices] for code, prices in self._prices.items()}
        self.read_at = time.monotonic()

    def in_order(self) -> list[Feature]:
        """Return all features as pages list them."""
        return sorted(self.features.values(), key=lambda feature: feature.position)

    def feature(self, code: str) -> Feature:
        """Return the feature; raises UnknownFeature."""
        try:
            return self.features[code]
        except (KeyError, TypeError):
            raise UnknownFeature(f"There is no feature “{code}”.") from None

    def price_of(self, code: str, now: datetime) -> FeaturePrice:
        """Return the price in force at `now`; raises NoPriceInForce."""
        price = self.price_if_any(code, now)
        if price is None:
            raise NoPriceInForce(f"“{code}” has no price at {now:%Y-%m-%d %H:%M} UTC, so it can't be used.")
        return price

    def price_if_any(self, code: str, now: datetime) -> FeaturePrice | None:
        """Return the price in force at `now`, or None before the first one."""
        position = bisect_right(self._starts[code], now)
        return self._prices[code][position - 1] if position else None

    def prices_after(self, code: str, now: datetime) -> list[FeaturePrice]:
        """Return the prices that start later than `now`, the next one first."""
        return self._prices[code][bisect_right(self._starts[code], now) :]

    def priced(self, feature: str, quantity: int, priced_as: str | None, now: datetime) -> PricedUse:
        """Return what `quantity` base units of a feature cost at `now`.

        Raises UnknownFeature, InvalidQuantity, NoPriceInForce.
        """
        model = self.priced_feature(feature, priced_as)
        price = self.price_of(model, now)
        return PricedUse(feature, model, quantity, price, checked_cost(quantity, price))

    def priced_feature(self, feature: str, priced_as: str | None) -> str:
        """Return the code of the feature whose price applies (decisions 3 and 4); raises UnknownFeature."""
        pricing = self.feature(feature).pricing
        if pricing == Feature.Pricing.OWN:
            if priced_as not in (None, feature):
                raise UnknownFeature(f"“{feature}” has a price of its own; it can't be priced as “{priced_as}”.")
            return feature
        if pricing == Feature.Pricing.NODES:
            raise UnknownFeature(f"“{feature}” is charged by its nodes: use charge_workflow.")
        if priced_as is None:
            raise UnknownFeature(f"“{feature}” costs what its chat model costs: name it in priced_as.")
        model = self.feature(priced_as)
        if model.group != Feature.Group.CHAT or model.pricing != Feature.Pricing.OWN:
            raise UnknownFeature(f"“{priced_as}” is not a chat model.")
        return priced_as

    def unit_of(self, feature: str) -> str:
        """Return the base unit that a feature's quantity is given in: a message counts in its model's tokens."""
        found = self.feature(feature)
        return Feature.Unit.TOKEN if found.pricing == Feature.Pricing.MODEL else found.unit


def check_quantity(quantity: object) -> None:
    """Raise InvalidQuantity for anything but a whole number from 1 to 2⁶³ − 1."""
    if type(quantity) is not int or quantity < 1:
        raise InvalidQuantity("A quantity is a whole number of at least 1.")
    if quantity > LARGEST_AMOUNT:
        raise InvalidQuantity("That quantity is more than the books can hold.")


def checked_cost(quantity: int, price: FeaturePrice) -> int:
    """Return the cost in millicredits; raises InvalidQuantity for anything but a positive integer that fits."""
    check_quantity(quantity)
    cost = cost_of(quantity, millicredits=price.millicredits, per=price.per)
    if cost > LARGEST_AMOUNT:
        raise InvalidQuantity("That quantity is more than the books can hold.")
    return cost


_kept: Catalog | None = None
_lock = threading.Lock()


def current() -> Catalog:
    """Return the catalog, read at most a minute ago.

    A quick charge checks in its own statement that the price it was given is still in force, so that a stale copy
    never prices anything; it only costs one more round trip.
    """
    kept = _kept
    if kept is None or time.monotonic() - kept.read_at > SECONDS_KEPT:
        kept = fresh()
    return kept


def fresh() -> Catalog:
    """Read the catalog now, keep it for `current` and return it."""
    global _kept  # noqa: PLW0603  (one copy for every thread of this process)
    with _lock:
        _kept = Catalog()
    return _kept


def priced(feature: str, quantity: int, priced_as: str | None, now: datetime) -> PricedUse:
    """Return what a use costs at `now`, from the kept catalog, or from a fresh one where that knows no price.

    Raises UnknownFeature, InvalidQuantity, NoPriceInForce.
    """
    try:
        return current().priced(feature, quantity, priced_as, now)
    except (UnknownFeature, NoPriceInForce):
        return fresh().priced(feature, quantity, priced_as, now)


def unit_of(feature: str) -> str:
    """Return the base unit of a feature's quantity; raises UnknownFeature."""
    try:
        return current().unit_of(feature)
    except UnknownFeature:
        return fresh().unit_of(feature)
