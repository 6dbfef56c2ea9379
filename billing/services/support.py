"""Support: what customers ask, kept with the level of their plan, and what staff answer (decision 27)."""

from datetime import datetime

from accounts.models import User
from billing.errors import InvalidRequest, MeteringError
from billing.models import Message, SupportRequest, Wallet
from billing.selectors.support import level_of
from billing.services import outbox
from billing.services.ledger import lock_owned_wallet
from billing.services.transactions import in_one_transaction

MOST_OPEN = 5
LONGEST_SUBJECT, LONGEST_TEXT = 120, 4_000


class TooManyOpenRequests(MeteringError):
    """The wallet has as many requests as may wait for an answer at once."""

    def __init__(self) -> None:
        super().__init__(f"You have {MOST_OPEN} open requests. There is room for another once one of them is answered.")


@in_one_transaction
def ask(*, wallet: Wallet, topic: str, subject: str, message: str, now: datetime) -> SupportRequest:
    """Keep a customer's request with the present level of their plan, and return it.

    One that waits already in the same words is returned instead of a second. Raises InvalidRequest for an empty or
    overlong text and an unknown topic, TooManyOpenRequests, and OwnerHasLeft.
    """
    words = {"topic": topic, "subject": " ".join(subject.split()), "message": message.strip()}
    _require_words(words["subject"], LONGEST_SUBJECT)
    _require_words(words["message"], LONGEST_TEXT)
    if topic and topic not in SupportRequest.Topic:
        raise InvalidRequest("There is no such topic.")
    locked = lock_owned_wallet(wallet.pk)
    waiting = SupportRequest.objects.filter(wallet=wallet, answered_at=None)
    if same := waiting.filter(**words).first():
        return same
    if waiting.count() >= MOST_OPEN:
        raise TooManyOpenRequests
    return SupportRequest.objects.create(wallet=wallet, level=level_of(locked), created_at=now, **words)


@in_one_transaction
def answer(*, request_id: int, text: str, actor: User, now: datetime) -> bool:
    """Keep the answer of staff and tell the customer, once; return whether that was news.

    Raises InvalidRequest for an empty or overlong text.
    """
    text = text.strip()
    _require_words(text, LONGEST_TEXT)
    waiting = SupportRequest.objects.filter(pk=request_id, answered_at=None)
    if not waiting.update(answer=text, answered_at=now, answered_by=actor):
        return False
    request = SupportRequest.objects.select_related("wallet").get(pk=request_id)
    key = f"support:{request.pk}"
    outbox.tell(wallet=request.wallet, kind=Message.Kind.SUPPORT_ANSWER, key=key, now=now, request=request.pk)
    return True


def erase(wallet: Wallet) -> None:
    """Delete all that a wallet's owner has asked, and the answers."""
    SupportRequest.objects.filter(wallet=wallet).delete()


def _require_words(text: str, longest: int) -> None:
    if not 1 <= len(text) <= longest:
        raise InvalidRequest(f"A text has 1 to {longest:,} characters.")
