"""A person's chatbots, within what their plan allows (decision 18). Each act locks the wallet first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from billing.errors import MeteringError, UnknownFeature
from billing.models import Chatbot, Feature
from billing.selectors import chatbots as selectors
from billing.services import names
from billing.services.ledger import Books, require_owner
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction


class ChatbotLimitReached(MeteringError):
    """The plan allows no further active chatbot. `limit` is how many it allows."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"Your plan includes {limit} active chatbot{'' if limit == 1 else 's'}."
            " Pause one that is active, or choose a larger plan."
        )


class UnknownChatbot(MeteringError):
    """The wallet has no such chatbot, or has deleted it."""


@in_one_transaction
def create(*, wallet_id: int, name: str, model: str, now: datetime) -> Chatbot:
    """Return a new chatbot that answers with the chat model `model` and spends this wallet's credits.

    The wallet's lock makes the limit hold for two clicks at once. Raises ChatbotLimitReached, InvalidRequest for a
    name that can't be shown, UnknownFeature for anything that isn't a chat model with a price, and OwnerHasLeft.
    """
    name, feature = checked_name(name), _chat_model(model, now=now)
    with settled_books(wallet_id, now=now) as books:
        require_owner(books.wallet)
        _require_room(books)
        return Chatbot.objects.create(wallet_id=wallet_id, name=name, model=feature, created_at=now)


@in_one_transaction
def change(*, wallet_id: int, chatbot_id: int, name: str, model: str, now: datetime) -> Chatbot:
    """Rename a chatbot and choose its model, from its next message on; what it used keeps its price.

    Raises UnknownChatbot, and what `create` raises for a name or a model.
    """
    name, feature = checked_name(name), _chat_model(model, now=now)
    with _own(wallet_id, chatbot_id, now=now) as (_, chatbot):
        chatbot.name, chatbot.model = name, feature
        chatbot.save(update_fields=["name", "model"])
        return chatbot


@in_one_transaction
def pause(*, wallet_id: int, chatbot_id: int, now: datetime) -> Chatbot:
    """Let a chatbot answer nobody until its owner resumes it: no change of plan does. Raises UnknownChatbot."""
    with _own(wallet_id, chatbot_id, now=now) as (_, chatbot):
        chatbot.paused_at, chatbot.paused_by_owner = chatbot.paused_at or now, True
        chatbot.save(update_fields=["paused_at", "paused_by_owner"])
        return chatbot


@in_one_transaction
def resume(*, wallet_id: int, chatbot_id: int, now: datetime) -> Chatbot:
    """Let a paused chatbot answer again, whoever paused it. Raises UnknownChatbot and ChatbotLimitReached."""
    with _own(wallet_id, chatbot_id, now=now) as (books, chatbot):
        if chatbot.paused_at is not None:
            _require_room(books)
            chatbot.paused_at, chatbot.paused_by_owner = None, False
            chatbot.save(update_fields=["paused_at", "paused_by_owner"])
        return chatbot


@in_one_transaction
def delete(*, wallet_id: int, chatbot_id: int, now: datetime) -> Chatbot:
    """Delete a chatbot for good, but for its name: history and exports tell of what it used. Raises UnknownChatbot."""
    with _own(wallet_id, chatbot_id, now=now) as (_, chatbot):
        chatbot.deleted_at = now
        chatbot.save(update_fields=["deleted_at"])
        return chatbot


def checked_name(name: str) -> str:
    """Return a name without the space around it; raises InvalidRequest for one that can't be shown or read."""
    return names.checked(name, of="A chatbot")


@contextmanager
def _own(wallet_id: int, chatbot_id: int, *, now: datetime) -> Iterator[tuple[Books, Chatbot]]:
    """Yield the settled books and one of the wallet's chatbots; nobody else's is found."""
    with settled_books(wallet_id, now=now) as books:
        require_owner(books.wallet)
        chatbot = selectors.find(books.wallet, chatbot_id)
        if chatbot is None:
            raise UnknownChatbot("There is no such chatbot.")
        yield books, chatbot


def _chat_model(code: str, *, now: datetime) -> Feature:
    for model in selectors.models_to_choose(now=now):
        if model.feature.code == code:
            return model.feature
    raise UnknownFeature(f"“{code}” is not a chat model.")


def _require_room(books: Books) -> None:
    limit = books.subscription.plan.chatbot_limit
    if limit is not None and not selectors.counts(books.wallet).has_room_under(limit):
        raise ChatbotLimitReached(limit)
