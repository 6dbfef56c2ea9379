"""Credits and prices in templates: every amount on a page goes through here."""

from datetime import date, datetime, timedelta

from django import template
from django.template.defaultfilters import pluralize
from django.utils.html import json_script
from django.utils.safestring import SafeString, mark_safe

from billing.models import FeaturePrice
from billing.selectors import words
from billing.units import CREDIT, format_credits

register = template.Library()

CENTS = 100


@register.filter
def credits(millicredits: int) -> str:  # noqa: A001  (its name in templates)
    """12265 → "12.265"."""
    return format_credits(millicredits)


@register.filter
def credits_words(millicredits: int) -> str:
    """1000 → "1 credit", 12265 → "12.265 credits"."""
    return words.credits_words(millicredits)


@register.filter
def price_words(price: FeaturePrice, unit: str) -> str:
    """A price for a base unit: "5 credits / 1K tokens"."""
    return words.price_words(price, unit)


@register.filter
def linked_data(data: dict[str, object]) -> SafeString:
    """Facts about the page for search engines (JSON-LD): a block of data, which no browser executes."""
    return mark_safe(str(json_script(data)).replace("application/json", "application/ld+json", 1))  # noqa: S308


@register.filter
def about(millicredits: int) -> str:
    """154532 → "154.5": as precise as a sentence needs it."""
    return words.about(millicredits)


@register.filter
def about_words(millicredits: int) -> str:
    """154532 → "154.5 credits"."""
    return words.about_words(millicredits)


@register.filter
def signed(millicredits: int) -> str:
    """100000 → "+100", -500 → "−0.5", 0 → "0"."""
    return f"{'+' if millicredits > 0 else ''}{format_credits(millicredits)}"


@register.filter
def dollars(cents: int) -> str:
    """2900 → "$29", 1050 → "$10.50"."""
    whole, rest = divmod(cents, CENTS)
    return f"${whole:,}.{rest:02d}" if rest else f"${whole:,}"


@register.filter
def time_left(moment: datetime, now: datetime) -> str:
    """What lies between in whole days, on the last day in hours: "15 days", "1 hour"."""
    left = moment - now
    hours = left // timedelta(hours=1)
    if left.days > 0:
        return f"{left.days} day{pluralize(left.days)}"
    return f"{hours} hour{pluralize(hours)}" if hours > 0 else "less than an hour"


@register.filter
def at_most(number: int, limit: int) -> int:
    """The smaller of the two: a bar is never more than full."""
    return min(number, limit)


@register.filter
def pluralize_credits(millicredits: int, endings: str = ",s") -> str:
    """The ending for exactly one credit, or the one for any other amount, as in Django's `pluralize`."""
    one, _, many = endings.partition(",")
    return one if abs(millicredits) == CREDIT else many


@register.filter
def days_words(first: date, last: date) -> str:
    """3 and 9 March → "3–9 Mar 2025"."""
    return words.days_words(first, last)


@register.filter
def until_words(first: date, last: date) -> str:
    """2 and 19 December → "2 to 19 Dec"."""
    return words.until_words(first, last)


@register.filter
def change_icon(word: str) -> str:
    """The icon that stands for more, less or the same."""
    return {"more": "trending-up", "less": "trending-down"}.get(word, "minus")
