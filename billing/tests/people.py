"""Customers for tests: signed up at a moment of the test's choosing, through the same door as everybody."""

from datetime import datetime

from accounts.models import User
from billing.models import Grant, Wallet
from billing.services import grants

FREE_ALLOWANCE = 100_000


def sign_up(name: str, *, at: datetime, **fields: object) -> User:
    """Return a new customer whose wallet was opened at `at`, with the Free allowance of 100 credits."""
    return User.objects.create_user(
        f"{name}@example.com", "a long passphrase", name=name.title(), joined_at=at, **fields
    )


def give(
    wallet: Wallet,
    amount: int,
    *,
    now: datetime,
    source: str = "purchase",
    key: str = "",
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Give the wallet a grant of `amount` millicredits and return it, with the wallet read again."""
    grant = grants.issue(
        wallet_id=wallet.pk,
        source=Grant.Source(source),
        amount=amount,
        business_key=key or f"test:{wallet.grants.count()}",
        now=now,
        effective_at=starts_at,
        expires_at=expires_at,
    )
    wallet.refresh_from_db()
    return grant


def books(wallet: Wallet, *, after: int = 0) -> list[tuple[str, int, int, int]]:
    """Return the entries after a sequence number as (kind, change of available, change of held, cost)."""
    wallet.refresh_from_db()
    entries = wallet.entries.filter(sequence__gt=after).order_by("sequence")
    return [(entry.kind, entry.available_change, entry.held_change, entry.cost) for entry in entries]


def left(grant: Grant) -> int:
    """Return the millicredits left of a grant, wherever they are written down."""
    grant.refresh_from_db()
    return grant.remaining if grant.remaining is not None else Wallet.objects.get(pk=grant.wallet_id).head_left


def planless_wallet(*, at: datetime) -> Wallet:
    """Return a wallet that no sign-up made: it is on no plan, and a contract's flag makes it no richer."""
    return Wallet.objects.create(
        last_posted_at=at, last_posted_on=at.date(), cycle_started_at=at, next_due_at=at, unlimited=True
    )
