"""How quantities and prices read: "2,453 tokens", "1 min 35 s", "5 credits / 1K tokens"."""

from datetime import date, timedelta

from billing.models import Feature, FeaturePrice
from billing.units import CREDIT, format_credits

MINUTE = 60
FREE = "free"
ONE_DAY = timedelta(days=1)
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


def about(millicredits: int) -> str:
    """Return an amount as precisely as a sentence needs it: "1,235", "154.5", "5.25"."""
    return format_credits(_rounded(millicredits))


def about_words(millicredits: int) -> str:
    """Return an amount with its unit, as precisely as a sentence needs it: "154.5 credits", "1 credit"."""
    return credits_words(_rounded(millicredits))


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


def percent_words(permille: int, *, is_something: bool) -> str:
    """Return a share as people read it; what rounds to nothing but isn't is "< 0.1"."""
    if not permille:
        return "< 0.1" if is_something else "0"
    whole, tenth = divmod(permille, 10)
    return f"{whole}.{tenth}"


def days_words(first: date, last: date) -> str:
    """Return days as people write them: "3 Mar 2025", "3–9 Mar 2025", "28 Feb – 6 Mar 2025", "March 2025"."""
    end = f"{last.day} {last:%b} {last.year}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first.day} {first:%b} {first.year} – {end}"
    if first.month != last.month:
        is_year = (first.day, first.month) == (1, 1) and (last + ONE_DAY).year > last.year
        return str(last.year) if is_year else f"{first.day} {first:%b} – {end}"
    is_month = first.day == 1 and (last + ONE_DAY).month != last.month
    return f"{last:%B} {last.year}" if is_month else f"{first.day}–{end}"


def until_words(first: date, last: date) -> str:
    """Return two days of the near future: "2 to 19 Dec", "28 Nov to 3 Dec"."""
    begin = str(first.day) if (first.year, first.month) == (last.year, last.month) else _day_words(first)
    return f"{begin} to {_day_words(last)}"


def _day_words(day: date) -> str:
    return f"{day.day}\N{NO-BREAK SPACE}{day:%b}"


def _rounded(millicredits: int) -> int:
    precision = CREDIT if millicredits >= 1_000 * CREDIT else CREDIT // 10 if millicredits >= 10 * CREDIT else 10
    return (millicredits + precision // 2) // precision * precision if millicredits > precision else millicredits
