"""How quantities and prices read: "2,453 tokens", "1 min 35 s", "5 credits / 1K tokens"."""

from billing.models import Feature, FeaturePrice
from billing.units import CREDIT, format_credits

MINUTE = 60
FREE = "free"
PLURALS = {Feature.Unit.SEARCH: "searches"}
SHORT_COUNTS = {1_000: "1K", 1_000_000: "1M"}


def unit_words(count: int, unit: str) -> str:
    """Return a base unit's name, in the plural unless `count` is 1."""
    return unit if count == 1 else PLURALS.get(Feature.Unit(unit), f"{unit}s")


def quantity_words(quantity: int, unit: str) -> str:
    """Return a quantity in base units as people say it; from a minute on, seconds become minutes and seconds."""
    if unit == Feature.Unit.SECOND and quantity >= MINUTE:
        minutes, seconds = divmod(quantity, MINUTE)
        return f"{minutes:,} min {seconds} s" if seconds else f"{minutes:,} min"
    return f"{quantity:,} {unit_words(quantity, unit)}"


def credits_words(millicredits: int) -> str:
    """Return an amount with its unit: "1 credit", "12.265 credits"."""
    return f"{format_credits(millicredits)} credit{'' if abs(millicredits) == CREDIT else 's'}"


def price_words(price: FeaturePrice, unit: str) -> str:
    """Return a price for a base unit: "5 credits / 1K tokens", "100 credits / minute", "free"."""
    if price.millicredits == 0:
        return FREE
    amount = credits_words(price.millicredits)
    if unit == Feature.Unit.SECOND and price.per == MINUTE:
        return f"{amount} / minute"
    if price.per == 1:
        return f"{amount} / {unit}"
    return f"{amount} / {SHORT_COUNTS.get(price.per, f'{price.per:,}')} {unit_words(price.per, unit)}"
