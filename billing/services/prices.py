"""Prices are added, never edited (decision 6)."""

from datetime import datetime, timedelta

from django.db import connection

from billing.errors import InvalidRequest
from billing.models import Feature, FeaturePrice
from billing.periods import is_in_books
from billing.services.transactions import in_one_transaction

#: A price can't be withdrawn any later: charges by a clock that goes fast, or a kept catalog, may know it then.
LAST_CALL = timedelta(minutes=5)


@in_one_transaction
def add(
    *, feature: Feature, millicredits: int, per: int, starts_at: datetime, now: datetime
) -> tuple[FeaturePrice, bool]:
    """Add the price of `millicredits` for every `per` base units from `starts_at`; return it and whether it is new.

    The same price again is the first one. Raises what `check` raises.
    """
    if first := check(feature=feature, millicredits=millicredits, per=per, starts_at=starts_at, now=now):
        return first, False
    terms = {"millicredits": millicredits, "per": per}
    price, is_new = FeaturePrice.objects.get_or_create(feature=feature, starts_at=starts_at, defaults=terms)
    if (price.millicredits, price.per) != (millicredits, per):
        raise _other_price(feature)
    return price, is_new


def check(*, feature: Feature, millicredits: int, per: int, starts_at: datetime, now: datetime) -> FeaturePrice | None:
    """Return the very price that there is already, or None where it can be added.

    Raises InvalidRequest for a feature without a price of its own, a start in the past or after this millennium, or a
    moment at which another price starts already.
    """
    if feature.pricing != Feature.Pricing.OWN:
        raise InvalidRequest(f"{feature} has no price of its own: it is {feature.get_pricing_display()}.")
    if millicredits < 0 or per < 1:
        raise InvalidRequest("A price is at least 0 credits, for at least one unit.")
    if not is_in_books(starts_at):
        raise InvalidRequest("A price starts in this millennium.")
    first = FeaturePrice.objects.filter(feature=feature, starts_at=starts_at).first()
    if first and (first.millicredits, first.per) == (millicredits, per):
        return first
    if starts_at < now:
        raise InvalidRequest("A price starts now or later: the past keeps its prices.")
    if first:
        raise _other_price(feature)
    return None


@in_one_transaction
def withdraw(*, price_id: int, now: datetime) -> None:
    """Take back a price that hasn't started. Raises InvalidRequest for one that has, or starts in five minutes."""
    price = FeaturePrice.objects.select_for_update().filter(pk=price_id).first()
    if price is None:
        raise InvalidRequest("It was withdrawn already.")
    require_not_started(price, now=now)
    with connection.cursor() as cursor:  # by its number alone: asking every charge for it would take long
        cursor.execute("DELETE FROM billing_featureprice WHERE id = %s", [price_id])


def require_not_started(price: FeaturePrice, *, now: datetime) -> None:
    """Raise InvalidRequest once a price can't be withdrawn any more."""
    if price.starts_at <= now:
        raise InvalidRequest("It is in force, or was: what was charged keeps it. Add another price that starts later.")
    if price.starts_at <= now + LAST_CALL:
        raise InvalidRequest(
            "It starts in less than five minutes, and charges may know it already. Add another price after it."
        )


def _other_price(feature: Feature) -> InvalidRequest:
    return InvalidRequest(f"Another price of {feature} starts at that moment already.")
