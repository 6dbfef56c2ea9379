"""A person's chatbots: what each is, whether it answers, and what it used. Amounts are millicredits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet, Sum

from billing.errors import NoPriceInForce
from billing.models import Chatbot, DailyUsage, Feature, Wallet
from billing.selectors import catalog, spans
from billing.selectors.balance import subscription_of
from billing.selectors.sources import CHATBOT_SOURCE
from billing.selectors.words import price_words
from billing.units import cost_of

PAGE = 50
MOST_DELETED = 20
SPAN = "30d"
#: What a short question and its answer take.
SHORT_EXCHANGE_TOKENS = 500


@dataclass(frozen=True, slots=True)
class Model:
    """A chat model that a chatbot can answer with, at the price in force; `exchange` is what a short one costs."""

    feature: Feature
    price: str
    exchange: int


@dataclass(frozen=True, slots=True)
class Row:
    """A chatbot with what it used: `messages` and `cost` are those of the last 30 days."""

    chatbot: Chatbot
    model: Feature
    price: str
    messages: int
    cost: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many chatbots a wallet has by what a change of plan does to them; those that were deleted aren't counted.

    `waiting` are paused by the plan's limit, `paused` by their owner.
    """

    active: int
    waiting: int
    paused: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.active + self.waiting + self.paused

    def has_room_under(self, limit: int | None) -> bool:
        """Return whether a plan with this limit allows another active one."""
        return limit is None or self.active < limit

    def pausing_under(self, limit: int | None) -> int:
        """Return how many a plan with this limit would pause."""
        return 0 if limit is None else max(self.active - limit, 0)

    def resuming_under(self, limit: int | None) -> int:
        """Return how many a plan with this limit would wake."""
        return self.waiting if limit is None else min(self.waiting, max(limit - self.active, 0))


@dataclass(frozen=True, slots=True)
class Page:
    """A page of chatbots, newest first, with the plan's limit; `limit` is None where there is none.

    `messages` and `cost` are those of all chatbots in the last 30 days, deleted ones included. `older` is what the
    next page begins before, or None on the last one.
    """

    rows: Sequence[Row]
    deleted: Sequence[Row]
    counts: Counts
    limit: int | None
    messages: int
    cost: int
    before: int | None
    older: int | None

    @property
    def has_room(self) -> bool:
        """Whether the plan allows another active chatbot."""
        return self.counts.has_room_under(self.limit)


def page(wallet: Wallet, *, before: int | None = None, now: datetime) -> Page:
    """Return the wallet's chatbots, from just before a chatbot's number on if one is given."""
    found = not_deleted(wallet).order_by("-id")
    bots = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    used = _used(wallet, now=now)
    prices = {model.feature.code: model.price for model in models_to_choose(now=now)}
    gone = Chatbot.objects.filter(wallet=wallet, deleted_at__isnull=False).order_by("-deleted_at", "-id")
    return Page(
        rows=[_row(bot, used, prices) for bot in bots[:PAGE]],
        deleted=[_row(bot, used, prices) for bot in gone[:MOST_DELETED]],
        counts=counts(wallet),
        limit=limit_of(wallet),
        messages=sum(messages for messages, _ in used.values()),
        cost=sum(cost for _, cost in used.values()),
        before=before,
        older=bots[PAGE - 1].pk if len(bots) > PAGE else None,
    )


def find(wallet: Wallet, chatbot_id: int) -> Chatbot | None:
    """Return one of the wallet's chatbots, or None when it has no such one or has deleted it."""
    return not_deleted(wallet).filter(pk=chatbot_id).first()


def not_deleted(wallet: Wallet) -> QuerySet[Chatbot]:
    """Return the chatbots that the wallet still has."""
    return Chatbot.objects.filter(wallet=wallet, deleted_at=None)


def answering(wallet: Wallet) -> QuerySet[Chatbot]:
    """Return the chatbots that may answer now: whoever lets one answer asks this first."""
    return not_deleted(wallet).filter(paused_at=None)


def counts(wallet: Wallet) -> Counts:
    """Return how many chatbots the wallet has, by what a change of plan does to them."""
    is_paused = Q(paused_at__isnull=False)
    found = not_deleted(wallet).aggregate(
        active=Count("pk", filter=~is_paused),
        waiting=Count("pk", filter=is_paused & Q(paused_by_owner=False)),
        paused=Count("pk", filter=is_paused & Q(paused_by_owner=True)),
    )
    return Counts(**found)


def limit_of(wallet: Wallet) -> int | None:
    """Return how many active chatbots the wallet's plan allows; None is any number, and without a plan it is none."""
    subscription = subscription_of(wallet)
    return subscription.plan.chatbot_limit if subscription else 0


def models_to_choose(*, now: datetime) -> list[Model]:
    """Return the chat models that have a price in force, in the catalog's order."""
    known = catalog.current()
    chat = [each for each in known.features.values() if each.group == Feature.Group.CHAT]
    models = []
    for feature in sorted(chat, key=lambda each: each.position):
        try:
            price = known.price_of(feature.code, now)
        except NoPriceInForce:
            continue
        exchange = cost_of(SHORT_EXCHANGE_TOKENS, millicredits=price.millicredits, per=price.per)
        models.append(Model(feature, price_words(price, feature.unit), exchange))
    return models


def _row(bot: Chatbot, used: Mapping[str, tuple[int, int]], prices: Mapping[str, str]) -> Row:
    messages, cost = used.get(bot.source, (0, 0))
    return Row(bot, catalog.current().feature(bot.model_id), prices.get(bot.model_id, ""), messages, cost)


def _used(wallet: Wallet, *, now: datetime) -> dict[str, tuple[int, int]]:
    """Return messages and cost of the last 30 days by source, for every chatbot that used anything."""
    span = spans.chosen(wallet, SPAN, now=now)
    usage = DailyUsage.objects.filter(wallet=wallet, source__startswith=CHATBOT_SOURCE)
    if span is not None:
        usage = usage.filter(used_on__range=(span.first, span.last))
    is_message = Q(feature__pricing=Feature.Pricing.MODEL)
    by_source = usage.values("source").annotate(messages=Sum("uses", filter=is_message, default=0), total=Sum("cost"))
    return {row["source"]: (row["messages"], row["total"]) for row in by_source}
