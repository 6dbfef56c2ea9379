"""How the books read in words."""

from django.template.defaultfilters import pluralize

from billing.models import FeaturePrice, Grant
from billing.selectors import catalog, words


def quantity_words(quantity: int | None, feature: str | None) -> str:
    """Return a quantity with the base unit of its feature: "2,453 tokens"; nothing for none."""
    if quantity is None or feature is None:
        return ""
    return words.quantity_words(quantity, unit_of(feature))


def price_words(price: FeaturePrice) -> str:
    """Return a price as pages show it: "5 credits / 1K tokens"."""
    return words.price_words(price, unit_of(price.feature_id))


def unit_of(feature: str) -> str:
    """Return a feature's base unit, also of one that was added a moment ago."""
    known = catalog.current()
    return (known if feature in known.features else catalog.fresh()).unit_of(feature)


def feature_words(feature: str | None, priced_as: str | None) -> str:
    """Return what was used, and as what it was priced: "Chatbot Message with GPT-4o"."""
    if feature is None:
        return ""
    names = catalog.current().features
    name = str(names.get(feature) or feature)
    return f"{name} with {names.get(priced_as) or priced_as}" if priced_as and priced_as != feature else name


def counted(count: int, noun: str) -> str:
    """Return how many there are of something that takes an s: "1 charge", "1,234 charges"."""
    return f"{count:,} {noun}{pluralize(count)}"


def left_of(grant: Grant) -> int:
    """Return the millicredits left of a grant; for the head its wallet knows."""
    return grant.wallet.head_left if grant.remaining is None else grant.remaining


def state_of(grant: Grant) -> str:
    """Return where a grant is in its life."""
    if grant.closed_at:
        return "Ended"
    return "Open" if grant.opened_at else "Starts later"


def dollars(cents: int) -> str:
    """Return an amount of US cents as dollars: 2900 → "$29", 4550 → "$45.50"."""
    whole, rest = divmod(cents, 100)
    return f"${whole:,}.{rest:02d}" if rest else f"${whole:,}"
