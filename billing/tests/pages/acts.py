"""What people do before they look at a page."""

from datetime import datetime

from accounts.models import User
from billing import metering


def charge(user: User, amount: int, *, now: datetime, key: str = "") -> None:
    """Charge this many whole credits' worth of GPT-4o Mini: 1,000 tokens each."""
    metering.charge(
        wallet=user.wallet, feature="gpt-4o-mini", quantity=amount * 1_000, key=key or f"{amount} at {now}", now=now
    )
