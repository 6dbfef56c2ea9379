"""API keys: who a key is, at each request of a program, and a wallet's keys as their owner's page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import compare_digest

from billing import api_tokens
from billing.errors import ApiAccessPaused, InvalidApiKey
from billing.models import ApiKey, Plan, Wallet
from billing.selectors.balance import subscription_of

#: Kept beside those that work, so that a key's end can be looked up; older ones leave the page.
MOST_ENDED = 20
#: Compared with when there is no such key, so that the answer takes as long.
NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that opens the API, with what it may do. `wallet` is its owner's; a service's key names one itself."""

    key: ApiKey
    wallet: Wallet | None
    is_service: bool
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A key with its state: whether it works at this moment, and if not, why."""

    key: ApiKey
    state: ApiKey.State

    @property
    def is_live(self) -> bool:
        """Whether it can be revoked and its end be set."""
        return self.state in (ApiKey.State.ACTIVE, ApiKey.State.ENDING)

    @property
    def scope_labels(self) -> list[str]:
        """What it may do, in words."""
        return [ApiKey.Scope(scope).label for scope in self.key.scopes]


@dataclass(frozen=True, slots=True)
class Page:
    """A wallet's keys: those that live, newest first, and the last ones that ended.

    Without `has_access` the plan lets none of them work; `upgrade` is a plan on sale that does, if there is one.
    """

    live: Sequence[Row]
    ended: Sequence[Row]
    has_access: bool
    plan: Plan | None
    upgrade: Plan | None


def authenticated(token: str, *, now: datetime) -> Caller:
    """Return whose key this is, asking the database once, and only for a key that is whole.

    Raises InvalidApiKey, which says why, and ApiAccessPaused while the owner's plan has no API access.
    """
    prefix = api_tokens.id_of(token)
    if prefix is None:
        raise InvalidApiKey("malformed")
    found = ApiKey.objects.select_related("wallet__owner", "wallet__subscription__plan").filter(prefix=prefix).first()
    if not compare_digest(found.secret_hash if found else NO_HASH, api_tokens.hash_of(token)) or found is None:
        raise InvalidApiKey("unknown")
    if found.revoked_at is not None:
        raise InvalidApiKey("revoked")
    if not found.is_live(now=now):
        raise InvalidApiKey("expired")
    wallet = found.wallet
    if wallet is not None:
        _require_open(wallet)
    return Caller(key=found, wallet=wallet, is_service=wallet is None, scopes=frozenset(found.scopes))


def page(wallet: Wallet, *, now: datetime) -> Page:
    """Return the wallet's keys as their owner's page shows them."""
    rows = [Row(key, key.state(now=now)) for key in ApiKey.objects.filter(wallet=wallet).order_by("-created_at", "-pk")]
    subscription = subscription_of(wallet)
    plan = subscription.plan if subscription else None
    has_access = plan is not None and plan.has_api_access
    return Page(
        live=[row for row in rows if row.is_live],
        ended=[row for row in rows if not row.is_live][:MOST_ENDED],
        has_access=has_access,
        plan=plan,
        upgrade=None if has_access else _smallest_with_access(),
    )


def find(wallet: Wallet, key_id: int, *, now: datetime) -> Row | None:
    """Return one of the wallet's keys, or None when it has no such one."""
    key = ApiKey.objects.filter(wallet=wallet, pk=key_id).first()
    return Row(key, key.state(now=now)) if key else None


def _require_open(wallet: Wallet) -> None:
    if wallet.owner is None or not wallet.owner.is_active:
        raise InvalidApiKey("closed")
    subscription = getattr(wallet, "subscription", None)  # read with the key; a wallet without a plan has none
    if subscription is None or not subscription.plan.has_api_access:
        raise ApiAccessPaused


def _smallest_with_access() -> Plan | None:
    return Plan.objects.filter(has_api_access=True, price_cents__gt=0).order_by("price_cents").first()
