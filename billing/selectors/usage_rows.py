"""The rows of the usage page: a feature, model or source each, with what it consists of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from billing.models import Feature, Wallet
from billing.selectors.catalog import Catalog
from billing.selectors.changes import Change
from billing.selectors.sources import source_names
from billing.selectors.usage_sums import FEATURE, MODEL, MOST_SERIES, SOURCE, Question
from billing.selectors.words import percent_words, quantity_words

PERMILLE = 1_000
UNITS = list(Feature.Unit)


@dataclass(frozen=True, slots=True)
class Totals:
    """How often something was used, and the millicredits that took."""

    uses: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a row consists of: the quantity in words, and millicredits."""

    label: str
    quantity: str
    cost: int


@dataclass(slots=True)
class Row:
    """One feature, model or source, in the span and before it. `series` numbers its colour, from 1.

    `permille` is its share of the total cost; `quantities` are words, its own unit first.
    """

    key: str
    label: str
    totals: Totals
    before: Totals
    quantities: list[str]
    series: int
    permille: int
    parts: list[Part] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        """Whether it was used before the span only."""
        return not self.totals.uses

    @property
    def change(self) -> Change:
        """How its cost compares with the span before."""
        return Change(self.totals.cost, self.before.cost, is_new=not self.before.uses, is_gone=self.is_gone)

    @property
    def percent(self) -> str:
        """Its share as people read it."""
        return percent_words(self.permille, is_something=bool(self.totals.cost))

    @property
    def left_out(self) -> int:
        """The millicredits of parts that are too many to be listed."""
        return self.totals.cost - sum(part.cost for part in self.parts)


class Namer:
    """Calls features, models and sources by their names; it asks for those of chatbots once."""

    def __init__(self, wallet: Wallet, known: Catalog, sources: Iterable[str]) -> None:
        self.known = known
        self._sources = source_names(wallet, sources)

    def feature(self, code: str) -> str:
        """Return the name of a feature or model."""
        return self.known.feature(code).name

    def source(self, source: str) -> str:
        """Return the name of one of the sources that were asked for."""
        return self._sources[source]

    def row(self, by: str, key: str) -> str:
        """Return the name of a row."""
        return self.source(key) if by == SOURCE else self.feature(key)

    def is_run(self, feature: str) -> bool:
        """Return whether a feature is run as a workflow, so that its nodes are what costs."""
        return self.known.feature(feature).pricing == Feature.Pricing.NODES

    def quantity(self, amount: int, priced_as: str) -> str:
        """Return a quantity of something in words."""
        return quantity_words(amount, self.known.unit_of(priced_as))

    def part(self, by: str, feature: str, priced_as: str, bot: str) -> str:
        """Return what a part of a row is called beside the name of the row."""
        if by == FEATURE:
            names = [self.source(bot) if bot else "", self.feature(priced_as)]
        elif by == MODEL:
            names = [self.feature(priced_as if self.is_run(feature) else feature), self.source(bot) if bot else ""]
        else:
            names = [self.feature(feature), self.feature(priced_as) if priced_as != feature else ""]
        return " · ".join(name for name in names if name)


def rows(question: Question, answer: dict[str, Any], total: int, namer: Namer) -> tuple[Row, ...]:
    """Return the rows of an answer with their shares of the `total` millicredits, the most expensive first."""
    found = []
    for number, (key, uses, cost, quantities, uses_before, cost_before) in enumerate(answer["rows"], start=1):
        own_unit = "" if question.by == SOURCE else namer.known.unit_of(key)
        row = Row(
            key=key,
            label=namer.row(question.by, key),
            totals=Totals(uses, cost),
            before=Totals(uses_before, cost_before),
            quantities=_quantities(quantities or {}, own_unit, namer.known),
            series=min(number, MOST_SERIES + 1) if cost else MOST_SERIES + 1,
            permille=cost * PERMILLE // total if total else 0,
        )
        found.append(row)
    for place, feature, priced_as, bot, amount, cost in answer["parts"]:
        if feature != priced_as or not namer.is_run(feature):
            label = namer.part(question.by, feature, priced_as, bot)
            found[place - 1].parts.append(Part(label, namer.quantity(amount, priced_as), cost))
    for row in found:
        if [part.label for part in row.parts] == [row.label]:
            row.parts.clear()
    return tuple(found)


def _quantities(amounts: dict[str, int], own_unit: str, known: Catalog) -> list[str]:
    units: dict[str, int] = {}
    for priced_as, amount in amounts.items():
        unit = known.unit_of(priced_as)
        units[unit] = units.get(unit, 0) + amount
    ordered = sorted(units, key=lambda unit: (unit != own_unit, UNITS.index(Feature.Unit(unit))))
    return [quantity_words(units[unit], unit) for unit in ordered]
