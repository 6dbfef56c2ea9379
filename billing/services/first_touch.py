"""A person's wallet as a page may show it: settled on first touch, before anything else (decision 14)."""

import logging
from datetime import datetime

from accounts.models import User
from billing.errors import MeteringError
from billing.models import Wallet
from billing.services import settlement

logger = logging.getLogger(__name__)


def settled_wallet(*, owner: User, now: datetime) -> Wallet | None:
    """Return the owner's wallet after settling what is due by `now`, or None when there is none.

    The owner object keeps it, so that a page asks once. A wallet that can't be settled is shown as it stands.
    """
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
