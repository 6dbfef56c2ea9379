"""Suspending a wallet, and resuming it (decision 26)."""

from datetime import datetime

from billing.errors import InvalidRequest, UnknownWallet
from billing.models import Wallet
from billing.services.transactions import in_one_transaction


@in_one_transaction
def suspend(*, wallet_id: int, reason: str, now: datetime) -> bool:
    """Refuse charges and holds on a wallet from now on; open holds still settle. Return whether that was news.

    `reason` is shown to the owner. Raises UnknownWallet, and InvalidRequest without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidRequest("A suspension needs a reason: its owner is shown why.")
    wallet = _locked(wallet_id)
    if wallet.suspended_at is not None:
        return False
    wallet.suspended_at, wallet.suspension_reason = now, reason
    wallet.save(update_fields=["suspended_at", "suspension_reason"])
    return True


@in_one_transaction
def resume(*, wallet_id: int) -> bool:
    """Let a suspended wallet be used again. Return whether it was suspended; raises UnknownWallet."""
    wallet = _locked(wallet_id)
    if wallet.suspended_at is None:
        return False
    wallet.suspended_at, wallet.suspension_reason = None, ""
    wallet.save(update_fields=["suspended_at", "suspension_reason"])
    return True


def _locked(wallet_id: int) -> Wallet:
    wallet = Wallet.objects.select_for_update(no_key=True).filter(pk=wallet_id).first()
    if wallet is None:
        raise UnknownWallet("There is no such wallet.")
    return wallet
