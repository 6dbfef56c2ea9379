"""What people are told, written with its cause; a worker mails it, and what the queue loses is found again."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from billing.models import Message, Wallet
from billing.queue import hint

logger = logging.getLogger(__name__)

ATTEMPTS = 10
LONGEST_DELAY = timedelta(hours=6)
#: For so long a claimed mail is one worker's: longer than a mail server is waited for.
CLAIM = timedelta(seconds=90)
BATCH = 100
LONGEST_ERROR = 2_000
SEND = "billing.tasks.send_message"


def tell(*, wallet: Wallet, kind: Message.Kind, key: str, now: datetime, **facts: Any) -> None:
    """Write down that the wallet's owner is told something, once per key, in the caller's transaction.

    `facts` are what it says, as JSON has it: figures in millicredits or cents, moments as ISO 8601 in UTC.
    """
    message = Message(
        wallet=wallet, kind=kind, key=key, facts=facts, raised_at=now, mail=Message.Mail.WAITING, next_attempt_at=now
    )
    Message.objects.bulk_create([message], ignore_conflicts=True)
    if row_id := Message.objects.filter(wallet=wallet, key=key, mail=Message.Mail.WAITING).values_list("pk").first():
        hint(SEND, row_id[0])


def due(*, now: datetime, limit: int = BATCH) -> list[int]:
    """Return the messages whose mail is to be sent by `now`, those that have waited longest first."""
    waiting = Message.objects.filter(mail=Message.Mail.WAITING, next_attempt_at__lte=now)
    return list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])


def claim(*, message_id: int, now: datetime) -> Message | None:
    """Count one attempt at a mail and keep other workers off it meanwhile; None when it isn't due, or another has it.

    A worker that is killed loses nothing: the mail is due again when its claim has run out.
    """
    waiting = Message.objects.filter(pk=message_id, mail=Message.Mail.WAITING, next_attempt_at__lte=now)
    if not waiting.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM):
        return None
    return Message.objects.select_related("wallet__owner", "wallet__subscription__plan").get(pk=message_id)


def finish(message: Message, mail: Message.Mail, *, now: datetime, error: str = "") -> None:
    """Mark a mail as sent, not wanted, no longer true or given up; the last one loudly."""
    sent_at = now if mail == Message.Mail.SENT else None
    finished = Message.objects.filter(pk=message.pk, mail=Message.Mail.WAITING).update(
        mail=mail, next_attempt_at=None, sent_at=sent_at, error=error[:LONGEST_ERROR]
    )
    if finished and mail == Message.Mail.FAILED:
        attempts = f"{message.attempts} attempt{'' if message.attempts == 1 else 's'}"
        logger.error("The mail of message %s is given up after %s.", message.pk, attempts)


def postpone(message: Message, *, error: str, now: datetime) -> Message.Mail:
    """Write down why a mail wasn't taken and when to try again; return what it is now, given up after the last try."""
    if message.attempts >= ATTEMPTS:
        finish(message, Message.Mail.FAILED, now=now, error=error)
        return Message.Mail.FAILED
    delay = min(timedelta(minutes=3 ** min(message.attempts - 1, 10)), LONGEST_DELAY)
    Message.objects.filter(pk=message.pk, mail=Message.Mail.WAITING).update(
        next_attempt_at=now + delay, error=error[:LONGEST_ERROR]
    )
    return Message.Mail.WAITING


def send_again(*, message_id: int, now: datetime) -> bool:
    """Have a mail sent once more, from the first attempt on, as it was rendered; return whether there is such one."""
    found = Message.objects.filter(pk=message_id).update(
        mail=Message.Mail.WAITING, attempts=0, next_attempt_at=now, sent_at=None, error=""
    )
    if found:
        hint(SEND, message_id)
    return bool(found)
