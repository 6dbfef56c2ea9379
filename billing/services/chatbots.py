"""A person's chatbots, within what their plan allows (decision 18)."""

from datetime import datetime

from billing.errors import MeteringError, UnknownFeature
from billing.models import Chatbot, Feature
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction


class ChatbotLimitReached(MeteringError):
    """The plan allows no further active chatbot. `limit` is how many it allows."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"Your plan includes {limit} active chatbot{'' if limit == 1 else 's'}.")


@in_one_transaction
def create(*, wallet_id: int, name: str, model: str, now: datetime) -> Chatbot:
    """Return a new chatbot that answers with the chat model `model` and spends this wallet's credits.

    The wallet's lock makes the limit hold for two clicks at once. Raises ChatbotLimitReached, and UnknownFeature for
    anything that isn't a chat model.
    """
    with settled_books(wallet_id, now=now) as books:
        feature = Feature.objects.filter(pk=model, group=Feature.Group.CHAT).first()
        if feature is None:
            raise UnknownFeature(f"“{model}” is not a chat model.")
        limit = books.subscription.plan.chatbot_limit
        active = Chatbot.objects.filter(wallet_id=wallet_id, paused_at=None).count()
        if limit is not None and active >= limit:
            raise ChatbotLimitReached(limit)
        return Chatbot.objects.create(wallet_id=wallet_id, name=name.strip(), model=feature, created_at=now)
