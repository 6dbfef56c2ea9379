"""What an export is: what somebody wants, and what its file has in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from billing.models import LedgerEntry, Wallet
from billing.selectors.columns import Column
from billing.selectors.copying import Format, Values
from billing.selectors.spans import Span, custom
from billing.selectors.words import days_words


class What(StrEnum):
    """What can be exported; the value stands in addresses and names of files."""

    STATEMENT = "statement"
    USAGE = "usage"
    HISTORY = "history"


NAMES = {What.STATEMENT: "Statement", What.USAGE: "Usage", What.HISTORY: "History"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export that somebody asks for. Without a span it has all days; an empty filter is none.

    The filters are those of the page that shows the same, in the words of its address; statements have none.
    """

    wallet: Wallet
    what: What
    span: Span | None
    kind: str = ""
    feature: str = ""
    model: str = ""
    source: str = ""

    @property
    def title(self) -> str:
        """What it is called: "Statement, March 2025"."""
        days = days_words(self.span.first, self.span.last) if self.span else "all days"
        return f"{NAMES[self.what]}, {days}{', filtered' if self.filters else ''}"

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are on."""
        words = {"kind": self.kind, "feature": self.feature, "model": self.model, "source": self.source}
        return {name: word for name, word in words.items() if word}

    @property
    def parameters(self) -> dict[str, str]:
        """What an address says to have exactly the same, now and later."""
        return (self.span.fixed_parameters if self.span else {}) | self.filters

    @property
    def as_json(self) -> dict[str, Any]:
        """What is asked for, as `from_json` reads it: in days, whatever day it is then."""
        span = self.span
        days = None if span is None else [span.first.isoformat(), span.last.isoformat(), span.cycle]
        return {"days": days, **self.filters}

    def file_name(self, file_format: Format) -> str:
        """Return what the file is called where it is saved."""
        first, last = (self.span.first, self.span.last) if self.span else self._all_days()
        return f"cleverai-{self.what}-{first}-to-{last}.{file_format}"

    def _all_days(self) -> tuple[date, date]:
        first = LedgerEntry.objects.filter(wallet=self.wallet, sequence=1).values_list("posted_on", flat=True).first()
        return first or self.wallet.last_posted_on, self.wallet.last_posted_on


def from_json(wallet: Wallet, what: str, asked: Mapping[str, Any]) -> Wanted:
    """Return what was asked for, from what was kept of it."""
    days, filters = asked["days"], {name: word for name, word in asked.items() if name != "days"}
    if days is None:
        return Wanted(wallet, What(what), None, **filters)
    first, last, cycle = days
    span = custom(date.fromisoformat(first), date.fromisoformat(last))
    return Wanted(wallet, What(what), span if cycle is None else replace(span, word="", cycle=cycle), **filters)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: the lines of a query, `before` them and after. `after` is given the digest of their bytes."""

    columns: Sequence[Column]
    query: str
    parameters: Mapping[str, Any]
    before: Sequence[Values] = ()
    after: Callable[[str], Sequence[Values]] = field(default=lambda digest: ())
