"""API keys for tests, and a plan that has room for them."""

from datetime import datetime, timedelta

from accounts.models import User
from billing.services import api_keys
from billing.services.api_keys import NewKey
from billing.tests.people import begin_paid_cycle


def go_pro(user: User, *, now: datetime) -> None:
    """Put somebody on Pro, whose plan has API access."""
    begin_paid_cycle(
        wallet_id=user.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key=f"test:pro:{user.pk}:{now}",
        now=now,
    )


def key_of(
    user: User,
    *,
    now: datetime,
    name: str = "Reports",
    scopes: tuple[str, ...] = ("read", "quote"),
    expires_at: datetime | None = None,
) -> NewKey:
    """Return a new key of somebody whose plan has API access."""
    return api_keys.create(
        wallet_id=user.wallet.pk, name=name, scopes=scopes, expires_at=expires_at, created_by=user, now=now
    )


def service_key(
    staff: User, *, now: datetime, name: str = "Chat backend", scopes: tuple[str, ...] = ("read", "quote", "spend")
) -> NewKey:
    """Return a new key of one of our own services."""
    return api_keys.create_for_service(name=name, scopes=scopes, expires_at=None, created_by=staff, now=now)
