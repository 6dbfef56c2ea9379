"""Returning charges as goodwill: asked for once, given to each wallet by a worker, never twice for the same charge."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import OperationalError, connection
from django.db.models import F, QuerySet

from accounts.models import User
from billing.errors import InvalidRequest, MeteringError
from billing.models import ChargeReturn, Feature, Grant, Message, WalletReturn
from billing.queue import hint
from billing.selectors.returns import Span, statement
from billing.services import grants, outbox
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)

Status = WalletReturn.Status
Clock = Callable[[], datetime]

ATTEMPTS = 5
#: For so long a worker may show no sign of life before another one takes over.
CLAIM = timedelta(minutes=2)
#: A worker goes on for so long and then makes room for others.
STRETCH = timedelta(seconds=45)
CHUNK = 50
LONGEST_ERROR = 500
GO_ON = "billing.tasks.return_charges"


@in_one_transaction
def begin(
    *,
    span: Span,
    reason: str,
    is_reason_shown: bool,
    expires_at: datetime | None,
    actor: User,
    key: str,
    now: datetime,
) -> ChargeReturn:
    """Have every charge in a span returned by a worker, once per key; return what was asked for.

    Each wallet gets one adjustment grant, but none of staff's does. Raises InvalidRequest for a span that isn't over or
    has nothing to return, an expiry in the past, and no reason.
    """
    if first := ChargeReturn.objects.filter(key=key).first():
        return first
    check(span, expires_at=expires_at, now=now)
    if not reason.strip():
        raise InvalidRequest("A return needs a reason.")
    asked = ChargeReturn.objects.create(
        feature=Feature.objects.get(pk=span.feature),
        from_at=span.from_at,
        until=span.until,
        reason=reason.strip(),
        is_reason_shown=is_reason_shown,
        expires_at=expires_at,
        key=key,
        asked_by=actor,
        asked_at=now,
        next_attempt_at=now,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement("return_wallets"), {**span.parameters(), "charge_return": asked.pk})
        if not cursor.rowcount:
            raise InvalidRequest("There is nothing to return: no such charge, or all were returned before.")
    hint(GO_ON, asked.pk)
    return asked


def check(span: Span, *, expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidRequest unless a span's charges can be returned as credits that expire at a moment, or never."""
    span.check(now=now)
    grants.check_expiry(expires_at, after=now)


def due(*, now: datetime) -> list[int]:
    """Return the returns that a worker may go on with, those first that have waited longest."""
    waiting = ChargeReturn.objects.filter(next_attempt_at__lte=now)
    return list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True))


def go_on(*, return_id: int, clock: Clock) -> int:
    """Return charges to the wallets that still wait, one transaction a wallet; return to how many.

    Must run outside a transaction. A worker that dies has finished whole wallets, and another one goes on with the
    others once its claim has run out; two at once take nothing from each other.
    """
    asked = _claim(return_id=return_id, now=clock())
    if asked is None:
        return 0
    done, after, stop_at = 0, 0, clock() + STRETCH
    waiting = WalletReturn.objects.filter(charge_return=asked, status=Status.WAITING)
    while chunk := list(waiting.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        for row_id in chunk:
            done += _give_or_note_why_not(row_id, now=clock())
        after = chunk[-1]
        if clock() >= stop_at or not _mine(asked).update(next_attempt_at=clock() + CLAIM):
            break
    _leave(asked, now=clock())
    return done


@in_one_transaction
def give(*, wallet_return_id: int, now: datetime) -> WalletReturn:
    """Give one wallet what it paid for the charges that weren't returned yet, as one grant, and tell its owner.

    Doing it again changes nothing. Raises MeteringError where the wallet's books can't take it.
    """
    wallet = lock_wallet(WalletReturn.objects.values_list("wallet_id", flat=True).get(pk=wallet_return_id))
    row = WalletReturn.objects.select_related("charge_return__feature", "charge_return__asked_by").get(
        pk=wallet_return_id
    )
    if row.status != Status.WAITING:
        return row
    asked = row.charge_return
    if wallet.owner_id is None:
        return _settle(row, Status.LEFT)
    parameters = {**Span.of(asked).parameters(wallet_id=wallet.pk), "wallet_return": row.pk}
    with connection.cursor() as cursor:
        cursor.execute(statement("return_mark"), parameters)
        charges, amount = cursor.fetchone() or (0, 0)
    if not charges:
        return _settle(row, Status.NOTHING)
    entry = grants.adjust(
        wallet_id=wallet.pk,
        amount=amount,
        reason=asked.reason,
        actor=asked.asked_by,
        key=f"return:{asked.pk}",
        now=now,
        expires_at=asked.expires_at,
    )
    _settle(row, Status.RETURNED, grant=entry.grant, charges=charges, amount=amount)
    outbox.tell(
        wallet=wallet,
        kind=Message.Kind.CREDITS_RETURNED,
        key=f"return:{asked.pk}",
        now=now,
        amount=amount,
        feature=asked.feature.name,
        from_at=asked.from_at.isoformat(),
        until=asked.until.isoformat(),
        expires_at=asked.expires_at.isoformat() if asked.expires_at else None,
        reason=asked.reason if asked.is_reason_shown else "",
    )
    return row


def _claim(*, return_id: int, now: datetime) -> ChargeReturn | None:
    """Keep other workers off for a while; None when it isn't due, or another has it."""
    waiting = ChargeReturn.objects.filter(pk=return_id, next_attempt_at__lte=now)
    if not waiting.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM):
        return None
    return ChargeReturn.objects.get(pk=return_id)


def _mine(asked: ChargeReturn) -> QuerySet[ChargeReturn]:
    """Return the row while this worker's claim on it holds."""
    return ChargeReturn.objects.filter(pk=asked.pk, attempts=asked.attempts, finished_at=None)


def _give_or_note_why_not(row_id: int, *, now: datetime) -> bool:
    """Give one wallet its part; what is wrong with one keeps no other waiting."""
    try:
        return give(wallet_return_id=row_id, now=now).status == Status.RETURNED
    except OperationalError:
        raise
    except Exception as error:
        if not isinstance(error, MeteringError):
            logger.exception("Wallet return %s can't be given yet.", row_id)
        words = str(error) if isinstance(error, MeteringError) else f"{type(error).__name__}: {error}"
    waiting = WalletReturn.objects.filter(pk=row_id, status=Status.WAITING)
    waiting.update(attempts=F("attempts") + 1, error=words[:LONGEST_ERROR])
    waiting.filter(attempts__gte=ATTEMPTS).update(status=Status.FAILED)
    return False


def _leave(asked: ChargeReturn, *, now: datetime) -> None:
    """End a return with no wallet left, or say when to go on: at once, or after a pause with those that failed."""
    waiting = WalletReturn.objects.filter(charge_return=asked, status=Status.WAITING).order_by("attempts")
    fewest = waiting.values_list("attempts", flat=True).first()
    if fewest is None:
        _mine(asked).update(next_attempt_at=None, finished_at=now)
        return
    pause = timedelta(minutes=3 ** (fewest - 1)) if fewest else timedelta(0)
    if _mine(asked).update(next_attempt_at=now + pause) and not pause:
        hint(GO_ON, asked.pk)


def _settle(
    row: WalletReturn, status: WalletReturn.Status, *, grant: Grant | None = None, charges: int = 0, amount: int = 0
) -> WalletReturn:
    row.status, row.grant, row.charges, row.amount, row.error = status, grant, charges, amount, ""
    row.save(update_fields=["status", "grant", "charges", "amount", "error"])
    return row
