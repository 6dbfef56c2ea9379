"""Customers for tests: signed up at a moment of the test's choosing, through the same door as everybody."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from billing.models import Grant, Pack, Plan, Purchase, StripeSubscription, Subscription, Wallet
from billing.services import grants, subscriptions

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
    cents: int = 0,
    payment: str = "",
) -> Grant:
    """Give the wallet a grant of `amount` millicredits and return it, with the wallet read again; packs were paid."""
    with transaction.atomic():
        grant = grants.issue(
            wallet_id=wallet.pk,
            source=Grant.Source(source),
            amount=amount,
            business_key=key or f"test:{wallet.grants.count()}",
            now=now,
            effective_at=starts_at,
            expires_at=expires_at,
        )
        if grant.source == Grant.Source.PURCHASE:
            paid(grant, pack=Pack.objects.first(), now=now, cents=cents, payment=payment)
    wallet.refresh_from_db()
    return grant


def paid(
    grant: Grant,
    *,
    now: datetime,
    pack: Pack | None = None,
    plan: Plan | None = None,
    cents: int = 0,
    payment: str = "",
) -> None:
    """Write down that a grant was paid for, once."""
    Purchase.objects.get_or_create(
        grant=grant,
        wallet_id=grant.wallet_id,
        business_key=grant.business_key,
        defaults={
            "pack": pack,
            "plan": plan,
            "cents": cents,
            "stripe_payment_intent_id": payment,
            "paid_at": now,
            "fulfilled_at": now,
        },
    )


@transaction.atomic
def begin_paid_cycle(
    *,
    wallet_id: int,
    plan: str,
    starts_at: datetime,
    ends_at: datetime,
    business_key: str,
    now: datetime,
    payer: StripeSubscription | None = None,
) -> Subscription:
    """Begin a period of a plan that was paid for outside Stripe, and return the subscription."""
    bought = Plan.objects.get(pk=plan)
    grant = subscriptions.begin_bought_period(
        wallet_id=wallet_id,
        plan=bought,
        starts_at=starts_at,
        ends_at=ends_at,
        business_key=business_key,
        payer=payer,
        now=now,
    )
    if grant is not None:
        paid(grant, plan=bought, now=now)
    return Subscription.objects.select_related("plan").get(wallet_id=wallet_id)


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
