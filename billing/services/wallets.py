"""A wallet as a whole: as its owner's pages show it, its owner's limits, suspended, and resumed (decision 26)."""

import logging
from datetime import datetime

from django.db.models import Prefetch, prefetch_related_objects

from accounts.models import User
from billing import traces
from billing.errors import InvalidRequest, MeteringError
from billing.models import Wallet
from billing.services import settlement
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction
from billing.units import LARGEST_AMOUNT

logger = logging.getLogger(__name__)

MOST_OUTPUT_TOKENS = 1_000_000
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
    owner.wallet = settled(wallet, now=now)
    return owner.wallet


def settled(wallet: Wallet, *, now: datetime) -> Wallet:
    """Return a wallet that was just read after settling what is due by `now`, or as it stands if that can't be."""
    traces.wallet_id.set(wallet.pk)
    if wallet.next_due_at is None or wallet.next_due_at > now:
        return wallet
    try:
        return settlement.settle(wallet_id=wallet.pk, now=now)
    except MeteringError:
        logger.exception("Wallet %s can't be settled.", wallet.pk)
        return wallet


@in_one_transaction
def set_limits(*, wallet_id: int, max_output_tokens: int, confirm_above: int | None) -> bool:
    """Set how many tokens a chat's answer may have and above how many millicredits a use waits for its owner's word.

    `confirm_above` None never asks. Open holds stay as they are. Returns whether that changed anything; raises
    UnknownWallet, and InvalidRequest for what no wallet can have.
    """
    if not 1 <= max_output_tokens <= MOST_OUTPUT_TOKENS:
        raise InvalidRequest(f"An answer has 1 to {MOST_OUTPUT_TOKENS:,} tokens.")
    if confirm_above is not None and not 0 <= confirm_above <= LARGEST_AMOUNT:
        raise InvalidRequest("The limit above which to ask is 0 or more, and fits the books.")
    wallet = lock_wallet(wallet_id)
    if (wallet.max_output_tokens, wallet.confirm_above) == (max_output_tokens, confirm_above):
        return False
    wallet.max_output_tokens, wallet.confirm_above = max_output_tokens, confirm_above
    wallet.save(update_fields=["max_output_tokens", "confirm_above"])
    return True


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
