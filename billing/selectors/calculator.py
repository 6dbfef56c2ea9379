"""What uses would cost: so many of each, at the prices in force, and the plan and packs that would cover it.

Pure: whoever asks brings the catalog, the plans and the packs. Amounts are millicredits, money is cents.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from billing.errors import MeteringError
from billing.models import Feature, FeaturePrice, Pack, Plan
from billing.selectors import words
from billing.selectors.catalog import Catalog, PricedUse
from billing.selectors.coverage import Way, ways


@dataclass(frozen=True, slots=True)
class Measure:
    """How uses of features with the same base unit are counted: `uses` is "chats" for tokens, "videos" for seconds.

    `size` names the base units of one use; it is empty where each use is one of them, such as an image.
    """

    unit: str
    uses: str
    size: str
    features: tuple[Feature, ...]

    @property
    def choice(self) -> str:
        """The name under which an address chooses one of the features."""
        return f"for-{self.uses}"


@dataclass(frozen=True, slots=True)
class Amount:
    """So many uses of so many base units each."""

    uses: int
    size: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """What the uses cost on one feature, as so many charges of `each`. `way` covers that, or is None."""

    feature: Feature
    price: FeaturePrice
    each: int
    cost: int
    way: Way | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The features that the same uses could go to, and what each would take."""

    measure: Measure
    amount: Amount
    lines: tuple[Line, ...]

    @property
    def heading(self) -> str:
        """The uses in words: "500 chats of 1,200 tokens", "20 images"."""
        uses = self.measure.uses if self.amount.uses != 1 else self.measure.uses.removesuffix("s")
        if not self.measure.size:
            return words.quantity_words(self.amount.uses, self.measure.unit)
        return f"{self.amount.uses:,} {uses} of {words.quantity_words(self.amount.size, self.measure.unit)}"


@dataclass(frozen=True, slots=True)
class Calculation:
    """All comparisons, the sum of the chosen lines, and the ways to cover that sum, the cheapest first."""

    comparisons: tuple[Comparison, ...]
    total: int
    ways: tuple[Way, ...]

    @property
    def has_choice(self) -> bool:
        """Whether the sum depends on which models are chosen."""
        return any(len(comparison.lines) > 1 for comparison in self.comparisons)


NAMES: dict[str, tuple[str, str]] = {
    Feature.Unit.TOKEN: ("chats", "tokens"),
    Feature.Unit.SECOND: ("videos", "seconds"),
}


def measures(catalog: Catalog, *, now: datetime) -> list[Measure]:
    """Return what can be asked for, in the catalog's order: the units in which some feature costs something now."""
    by_unit: dict[str, list[Feature]] = {}
    costly = set()
    for feature in catalog.in_order():
        price = catalog.price_if_any(feature.pk, now)
        if price is not None and feature.pricing == Feature.Pricing.OWN:
            by_unit.setdefault(feature.unit, []).append(feature)
            costly |= {feature.unit} if price.millicredits else set()
    return [
        Measure(unit, *NAMES.get(unit, (words.unit_words(2, unit), "")), tuple(features))
        for unit, features in by_unit.items()
        if unit in costly
    ]


def calculate(
    *,
    catalog: Catalog,
    plans: Sequence[Plan],
    packs: Sequence[Pack],
    amounts: Mapping[str, Amount],
    choices: Mapping[str, str],
    now: datetime,
) -> Calculation:
    """Return what `amounts`, by base unit, would cost; `choices` names the feature of each unit that counts in the sum.

    Each use is priced as a charge of its own would be. A size that a charge would refuse is left out.
    """
    compared = []
    for measure in measures(catalog, now=now):
        amount = amounts.get(measure.unit)
        uses = _priced(catalog, measure, amount, now) if amount else []
        if amount is None or not uses:
            continue
        codes = [use.feature for use in uses]
        chosen = choices.get(measure.unit)
        chosen = chosen if chosen in codes else codes[0]
        lines = []
        for use in uses:
            cost = use.cost * amount.uses
            way = _shown(ways(cost, plans=plans, packs=packs))
            feature = catalog.feature(use.feature)
            lines.append(Line(feature, use.price, use.cost, cost, way, is_chosen=use.feature == chosen))
        compared.append(Comparison(measure, amount, tuple(lines)))
    total = sum(line.cost for comparison in compared for line in comparison.lines if line.is_chosen)
    return Calculation(tuple(compared), total, tuple(ways(total, plans=plans, packs=packs)) if compared else ())


def _priced(catalog: Catalog, measure: Measure, amount: Amount, now: datetime) -> list[PricedUse]:
    """Return the price of one such use on each feature."""
    found = []
    for feature in measure.features if amount.uses > 0 else ():
        with suppress(MeteringError):
            found.append(catalog.priced(feature.pk, amount.size, None, now))
    return found


def _shown(found: Sequence[Way]) -> Way | None:
    """Return the cheapest plan that is enough alone, else the cheapest way."""
    return next((way for way in found if way.fits), found[0] if found else None)
