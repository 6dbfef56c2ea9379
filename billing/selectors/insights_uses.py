"""The uses that insights are computed from: one wallet's newest ones, read once, with the tokens their callers told."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db.models import BigIntegerField, BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Extract

from billing.models import Feature, FeaturePrice, LedgerEntry, Wallet
from billing.selectors import catalog
from billing.selectors.catalog import Catalog
from billing.selectors.sequences import sequences_between
from billing.selectors.spans import Span
from billing.units import cost_of

Key = TypeVar("Key")

MOST_USES = 20_000
USAGE = (LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.CAPTURE)
LONGEST_NUMBER = 18
SECOND = 1_000_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Use(NamedTuple):
    """One use: `cost` in millicredits, `quantity` in base units of `model`, the feature whose price applied.

    `moment` is when it was charged, in microseconds since 1970: when it happened, unless it `was_imported`. Tokens are
    None where the caller didn't tell them.
    """

    sequence: int
    model: str
    price: int | None
    source: str
    quantity: int
    cost: int
    moment: int
    was_imported: bool
    input_tokens: int | None
    output_tokens: int | None

    @property
    def at(self) -> datetime:
        """When it was charged."""
        return at(self.moment)


@dataclass(frozen=True, slots=True)
class Uses:
    """A wallet's uses of some days, newest first, and the messages to chat models among them, chatbots' too.

    The nodes of workflows are not told apart. `cut_at` is how many uses were looked at, where there are more.
    """

    span: Span
    all: list[Use]
    messages: list[Use]
    cut_at: int | None
    catalog: Catalog

    def without(self, use: Use, tokens: int) -> int:
        """Return the millicredits that a message with so many tokens fewer would have saved, at its own price."""
        price = self.catalog.prices_by_id.get(use.price or 0)
        return use.cost - price_of(use.quantity - tokens, price) if price else 0


def at(moment: int) -> datetime:
    """Return so many microseconds since 1970 as a moment in UTC."""
    return BEGINNING + timedelta(microseconds=moment)


def price_of(quantity: int, price: FeaturePrice) -> int:
    """Return what a quantity costs at a price, rounded as a charge is."""
    return cost_of(quantity, millicredits=price.millicredits, per=price.per)


def together(uses: Iterable[Use], key: Callable[[Use], Key]) -> Iterable[tuple[Key, list[Use]]]:
    """Return the uses that have the same key, in their order."""
    groups: dict[Key, list[Use]] = {}
    for use in uses:
        groups.setdefault(key(use), []).append(use)
    return groups.items()


def read(wallet: Wallet, span: Span, *, most: int = MOST_USES) -> Uses:
    """Return the uses of a span that ends today, the newest `most` of them."""
    start = sequences_between(wallet, span.first, span.last).start
    rows = list(_newest_first(wallet, span, since=start)[: most + 1])
    known = _catalog_with(row[2] for row in rows)
    chats = {code for code, feature in known.features.items() if feature.group == Feature.Group.CHAT}
    found = list(_uses(rows[:most], chats))
    messages = [use for use in found if use.model in chats]
    return Uses(span, found, messages, most if len(rows) > most else None, known)


def _newest_first(wallet: Wallet, span: Span, *, since: int) -> QuerySet[LedgerEntry, tuple[Any, ...]]:
    """Return entries as plain values: twenty thousand dates and models would take longer than all the rest."""
    return (
        LedgerEntry.objects.filter(wallet=wallet, sequence__gte=since, kind__in=USAGE)
        .order_by("-sequence")
        .values_list(
            "sequence",
            "priced_as_id",
            "price_id",
            "source",
            "quantity",
            "cost",
            Cast(Extract("posted_at", "epoch") * SECOND, BigIntegerField()),
            ExpressionWrapper(~Q(used_on=F("posted_on")), BooleanField()),
            KeyTextTransform("input_tokens", "detail"),
            KeyTextTransform("output_tokens", "detail"),
            ExpressionWrapper(Q(used_on__gte=span.first), BooleanField()),
        )
    )


def _catalog_with(prices: Iterable[int | None]) -> Catalog:
    """Return the kept catalog, or a fresh one where a price is younger."""
    known = catalog.current()
    return known if {*prices, None} - {None} <= known.prices_by_id.keys() else catalog.fresh()


def _uses(rows: Iterable[tuple[Any, ...]], chats: set[str]) -> Iterator[Use]:
    """Yield the uses of the span; only messages have tokens."""
    for number, model, price, source, quantity, cost, moment, was_imported, told_in, told_out, is_within in rows:
        if not is_within:
            continue
        is_chat = model in chats
        tokens_in = _tokens(told_in, quantity) if is_chat else None
        tokens_out = _tokens(told_out, quantity) if is_chat else None
        yield Use(number, model, price, source, quantity, cost, moment, was_imported, tokens_in, tokens_out)


def _tokens(told: str | None, quantity: int) -> int | None:
    """Return what a caller told, unless that can't be a part of the tokens that were paid for."""
    if told is None or not told.isdecimal() or not told.isascii() or len(told) > LONGEST_NUMBER:
        return None
    return number if (number := int(told)) <= quantity else None
