"""Reading addresses that anybody may have typed: what makes no sense is left out, and told on the page."""

import unicodedata
from collections.abc import Container
from datetime import date, datetime

from django.http import QueryDict

from billing.models import Wallet
from billing.selectors import spans
from billing.selectors.spans import Span
from billing.units import LARGEST_AMOUNT

LONGEST_SOURCE = 80
LONGEST_SHOWN = 40
ISO_DAY = len("2025-03-10")


def whole_number(text: str) -> int | None:
    """Return the number of at least 1 that `text` is, or None for anything that the books can't contain."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_AMOUNT)):
        return None
    number = int(text)
    return number if 1 <= number <= LARGEST_AMOUNT else None


class Reader:
    """Reads the parameters of one address. `ignored` collects, in words, what it had to leave out."""

    def __init__(self, query: QueryDict) -> None:
        self._query = query
        self.ignored: list[str] = []

    def word(self, name: str, known: Container[str], *, default: str = "") -> str:
        """Return a parameter that is one of the `known` words, or the default."""
        value = self._query.get(name, "")
        if value and value not in known:
            self.ignore(name)
        return value if value in known else default

    def number(self, name: str) -> int | None:
        """Return a parameter that is a whole number of at least 1, or None."""
        value = self._query.get(name, "")
        number = whole_number(value)
        if value and number is None:
            self.ignore(name)
        return number

    def text(self, name: str, *, longest: int = LONGEST_SOURCE) -> str:
        """Return a parameter without control characters, as sources and names are, or nothing."""
        value = self._query.get(name, "")
        if len(value) > longest or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
            self.ignore(name)
            return ""
        return value

    def day(self, name: str) -> date | None:
        """Return a parameter that is a day of this millennium, as in 2025-03-10, or None."""
        value = self._query.get(name, "")
        try:
            day = date.fromisoformat(value) if len(value) == ISO_DAY else None
        except ValueError:
            day = None
        if day is not None and not spans.FIRST_DAY <= day <= spans.LAST_DAY:
            day = None
        if value and day is None:
            self.ignore(name)
        return day

    def span(self, wallet: Wallet, *, default: str, now: datetime) -> Span | None:
        """Return the span that `cycle`, or `span` with `from` and `to`, ask for, else that of the word `default`.

        Days alone are a custom span; one that is open to the past begins with the millennium, to the future ends today.
        Returns None where the default is empty, or means a cycle that never was.
        """
        number = self.number("cycle")
        if number is not None:
            cycle = spans.of_cycle(wallet, number, now=now)
            if cycle is not None:
                return cycle
            self.ignore("cycle")
        word = self.word("span", spans.CHOICES)
        if word in ("", spans.CUSTOM) and (days := self._days(wallet, now=now)):
            return days
        found = spans.chosen(wallet, word, now=now) if word not in ("", spans.CUSTOM) else None
        if word and found is None:
            self.ignore("span")
        return found or (spans.chosen(wallet, default, now=now) if default else None)

    def ignore(self, name: str) -> None:
        """Note that a parameter was left out, once, in words that fit a page."""
        value = "".join(letter for letter in self._query.get(name, "")[:LONGEST_SHOWN] if letter.isprintable())
        said = f"{name} “{value}”"
        if said not in self.ignored:
            self.ignored.append(said)

    def _days(self, wallet: Wallet, *, now: datetime) -> Span | None:
        first, last = self.day("from"), self.day("to")
        if first is None and last is None:
            return None
        try:
            return spans.custom(
                first or spans.FIRST_DAY, last or max(spans.today_of(wallet, now=now), first or date.min)
            )
        except ValueError:
            self.ignore("from")
            self.ignore("to")
            return None
