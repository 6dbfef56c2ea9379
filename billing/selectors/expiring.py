"""Use it or lose it: monthly credits that are about to expire, as far as that is worth a word."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.models import Grant, Wallet
from billing.selectors.balance import Balance

#: So long before the cycle ends there is still time to use them.
NOTICE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Expiring:
    """Monthly credits that expire with their cycle: `left` in millicredits."""

    left: int
    ends_at: datetime


def expiring(balance: Balance, *, now: datetime) -> Expiring | None:
    """Return the monthly credits that are about to expire, or None where there is nothing to tell."""
    left = monthly_left(balance)
    ends_at = balance.wallet.cycle_ends_at
    return Expiring(left, ends_at) if ends_at and is_worth_telling(balance.wallet, left, now=now) else None


def monthly_left(balance: Balance) -> int:
    """Return what is left of the credits that expire with the cycle, in millicredits."""
    ends_at = balance.wallet.cycle_ends_at
    return sum(
        portion.left
        for portion in balance.portions
        if portion.source == Grant.Source.ALLOWANCE and portion.expires_at == ends_at
    )


def is_worth_telling(wallet: Wallet, left: int, *, now: datetime) -> bool:
    """Return whether `left` is at least 20 % of the cycle's allowance, its end at most three days away.

    Nobody is told of credits that can't be used, or that nothing is taken from: suspended and unlimited wallets.
    """
    if wallet.unlimited or wallet.suspended_at is not None or wallet.cycle_ends_at is None:
        return False
    return timedelta(0) < wallet.cycle_ends_at - now <= NOTICE and left >= wallet.low_below > 0
