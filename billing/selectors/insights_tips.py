"""The documentation's four tips, computed from what somebody really used: millicredits that each would have saved.

All figures are exact: what was paid, less what the same use costs the other way, each rounded as a charge is.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from heapq import nlargest
from operator import attrgetter

from billing.errors import NoPriceInForce
from billing.models import Feature, FeaturePrice
from billing.selectors.catalog import Catalog
from billing.selectors.insights_runs import Batching, batching
from billing.selectors.insights_uses import Use, Uses, price_of, together
from billing.selectors.words import price_words

#: What a page offers: how many tokens a simple message has at most, and how long an answer may be.
SIMPLE_BELOW = (250, 500, 1_000, 2_000)
ANSWER_LIMITS = (500, 1_000, 2_000, 4_000)
MOST_EXAMPLES = 3
HIGH_QUALITY, STANDARD_QUALITY = "-hd", "-standard"


@dataclass(frozen=True, slots=True)
class OtherWay:
    """Uses of one model, how many of them the tip is about, what those cost, and what they cost the other way.

    `price` is that of the other way, in words.
    """

    model: Feature
    other: Feature
    price: str
    uses: int
    meant: int
    quantity: int
    cost: int
    other_cost: int

    @property
    def saving(self) -> int:
        """What the other way would have saved."""
        return self.cost - self.other_cost


@dataclass(frozen=True, slots=True)
class SmallerModels:
    """Short messages to larger models than the cheapest one; `looked_at` counts all messages."""

    below: int
    cheapest: Feature | None
    rows: tuple[OtherWay, ...]
    looked_at: int
    code: str = "smaller-models"

    @property
    def saving(self) -> int:
        """What the cheapest model would have saved."""
        return sum(row.saving for row in self.rows)


@dataclass(frozen=True, slots=True)
class LongAnswer:
    """An answer above a limit, and what that would have saved."""

    model: Feature
    use: Use
    saving: int


@dataclass(frozen=True, slots=True)
class Limited:
    """What a limit of so many tokens an answer would have cut off, and saved; `examples` would have saved most."""

    limit: int
    answers: int
    tokens: int
    saving: int
    examples: tuple[LongAnswer, ...]


@dataclass(frozen=True, slots=True)
class ShorterAnswers:
    """Answers above the chosen limit, and above the wallet's own."""

    chosen: Limited
    own: Limited
    looked_at: int
    code: str = "answer-limit"

    @property
    def saving(self) -> int:
        """What the chosen limit would have saved."""
        return self.chosen.saving


@dataclass(frozen=True, slots=True)
class StandardImages:
    """Images of high quality that have a standard one beside them in the catalog."""

    rows: tuple[OtherWay, ...]
    looked_at: int
    code: str = "standard-images"

    @property
    def saving(self) -> int:
        """What standard quality would have saved."""
        return sum(row.saving for row in self.rows)


Tip = SmallerModels | Batching | ShorterAnswers | StandardImages


def tips(uses: Uses, *, below: int, limit: int, own_limit: int, now: datetime) -> tuple[Tip, ...]:
    """Return the four tips, what would have saved most first."""
    found: list[Tip] = [
        smaller_models(uses, below=below, now=now),
        batching(uses),
        shorter_answers(uses, limit=limit, own_limit=own_limit),
        standard_images(uses, now=now),
    ]
    return tuple(sorted(found, key=attrgetter("saving"), reverse=True))


def smaller_models(uses: Uses, *, below: int, now: datetime) -> SmallerModels:
    """Compare messages of fewer tokens than `below` with the cheapest chat model at the prices in force."""
    prices = _prices(uses.catalog, Feature.Group.CHAT, now)
    if not prices:
        return SmallerModels(below, None, (), 0)
    cheapest = min(prices, key=lambda code: _per_unit(prices[code]))
    larger = {code for code, price in prices.items() if _per_unit(price) > _per_unit(prices[cheapest])}
    rows = [
        _other_way(uses.catalog, model, prices[cheapest], group, [use for use in group if use.quantity < below])
        for model, group in together(uses.messages, attrgetter("model"))
        if model in larger
    ]
    return SmallerModels(below, uses.catalog.feature(cheapest), _worth_it(rows), len(uses.messages))


def shorter_answers(uses: Uses, *, limit: int, own_limit: int) -> ShorterAnswers:
    """Say what limits would have cut off answers, at the prices these were made at."""
    answers = [use for use in uses.messages if use.output_tokens is not None]
    return ShorterAnswers(
        chosen=_limited(uses, answers, limit),
        own=_limited(uses, answers, own_limit),
        looked_at=len(answers),
    )


def standard_images(uses: Uses, *, now: datetime) -> StandardImages:
    """Compare images of high quality with the same model's standard ones at the price in force."""
    prices = _prices(uses.catalog, Feature.Group.IMAGE, now)
    codes = {code for code, feature in uses.catalog.features.items() if feature.group == Feature.Group.IMAGE}
    images = [use for use in uses.all if use.model in codes]
    rows = [
        _other_way(uses.catalog, model, prices[standard], group, group)
        for model, group in together(images, attrgetter("model"))
        if (standard := _standard_of(model)) in prices
    ]
    return StandardImages(_worth_it(rows), len(images))


def _prices(known: Catalog, group: Feature.Group, now: datetime) -> dict[str, FeaturePrice]:
    """Return the prices in force of a group's features that have one."""
    prices = {}
    for code, feature in known.features.items():
        if feature.group == group and feature.pricing == Feature.Pricing.OWN:
            with suppress(NoPriceInForce):
                prices[code] = known.price_of(code, now)
    return prices


def _per_unit(price: FeaturePrice) -> Fraction:
    return Fraction(price.millicredits, price.per)


def _other_way(known: Catalog, model: str, price: FeaturePrice, uses: Sequence[Use], meant: Sequence[Use]) -> OtherWay:
    """Return what those that are `meant` cost, and cost at another feature's price."""
    other = known.feature(price.feature_id)
    return OtherWay(
        model=known.feature(model),
        other=other,
        price=price_words(price, other.unit),
        uses=len(uses),
        meant=len(meant),
        quantity=sum(use.quantity for use in meant),
        cost=sum(use.cost for use in meant),
        other_cost=sum(price_of(use.quantity, price) for use in meant),
    )


def _worth_it(rows: Sequence[OtherWay]) -> tuple[OtherWay, ...]:
    return tuple(sorted((row for row in rows if row.saving > 0), key=lambda row: -row.saving))


def _limited(uses: Uses, answers: Sequence[Use], limit: int) -> Limited:
    longer = [(use, (use.output_tokens or 0) - limit) for use in answers if (use.output_tokens or 0) > limit]
    saved = [(uses.without(use, tokens), use) for use, tokens in longer]
    most = nlargest(MOST_EXAMPLES, saved)
    return Limited(
        limit=limit,
        answers=len(longer),
        tokens=sum(tokens for _, tokens in longer),
        saving=sum(saving for saving, _ in saved),
        examples=tuple(LongAnswer(uses.catalog.feature(use.model), use, saving) for saving, use in most),
    )


def _standard_of(model: str) -> str:
    """Return the code of the standard quality of a model of high quality, or nothing."""
    return model.removesuffix(HIGH_QUALITY) + STANDARD_QUALITY if model.endswith(HIGH_QUALITY) else ""
