"""A wallet as a whole: as its owner's pages show it, suspended, and resumed (decision 26)."""

import logging
from datetime import datetime

from django.db.models import Prefetch, prefetch_related_objects

from accounts.models import User
from billing.errors import InvalidRequest, MeteringError
from billing.models import Wallet
from billing.services import settlement
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)

#: What pages say about a wallet besides its credits: read together with it.
SHOWN_WITH_IT = ("subscription__plan", "subscription__stripe_subscription", "customer")


def settled_wallet(*, owner: User, now: datetime) -> Wallet | None:
    """Return the owner's wallet after settling what is due by `now` (decision 14), or None when there is none.

    The owner object keeps it, and it keeps its plan, so that a page asks once. A wallet that can't be settled is shown
    as it stands.
    """
    prefetch_related_objects([owner], Prefetch("wallet", queryset=Wallet.objects.select_related(*SHOWN_WITH_IT)))
    try:
        wallet = owner.wallet
    except Wallet.DoesNotExist:
        return None
    if wallet.next_due_at is not None and wallet.next_due_at <= now:
        try:
            wallet = settlement.settle(wallet_id=wallet.pk, now=now)
        except MeteringError:
            logger.exception("Wallet %s can't be settled.", wallet.pk)
        owner.wallet = wallet
    return wallet


@in_one_transaction
def suspend(*, wallet_id: int, reason: str, now: datetime) -> bool:
    """Refuse charges and holds on a wallet from now on; open holds still settle. Return whether that was news.

    `reason` is shown to the owner. Raises UnknownWallet, and InvalidRequest without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidRequest("A suspension needs a reason: its owner is shown why.")
    wallet = lock_wallet(wallet_id)
    if wallet.suspended_at is not None:
        return False
    wallet.suspended_at, wallet.suspension_reason = now, reason
    wallet.save(update_fields=["suspended_at", "suspension_reason"])
    return True


@in_one_transaction
def resume(*, wallet_id: int) -> bool:
    """Let a suspended wallet be used again. Return whether it was suspended; raises UnknownWallet."""
    wallet = lock_wallet(wallet_id)
    if wallet.suspended_at is None:
        return False
    wallet.suspended_at, wallet.suspension_reason = None, ""
    wallet.save(update_fields=["suspended_at", "suspension_reason"])
    return True
