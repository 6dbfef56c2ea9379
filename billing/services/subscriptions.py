"""Which plan a wallet is on: everybody starts with Free."""

from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import User
from billing.errors import NoPlan
from billing.models import Plan, Subscription, Wallet
from billing.periods import period_start
from billing.services.settlement import issue_allowance, settled_books
from billing.services.transactions import in_one_transaction

FREE = "free"


@in_one_transaction
def open_wallet(*, user: User, now: datetime) -> Wallet:
    """Give a user a wallet, the Free subscription and its first allowance, once; return the wallet.

    Runs in the sign-up's transaction. The first cycle starts at this moment, later ones at 00:00 UTC (decision 13).
    Raises NoPlan when the catalog has no Free plan.
    """
    plan = Plan.objects.filter(code=FREE).first()
    if plan is None:
        raise NoPlan("The catalog has no Free plan, so nobody can sign up.")
    wallet, is_new = Wallet.objects.get_or_create(
        owner=user,
        defaults={
            "time_zone": user.time_zone,
            "cycle_started_at": now,
            "last_posted_at": now,
            "last_posted_on": now.astimezone(ZoneInfo(user.time_zone)).date(),
        },
    )
    if not is_new:
        return wallet
    subscription = Subscription.objects.create(
        wallet=wallet,
        plan=plan,
        anchor_at=now,
        period_started_at=now,
        period_ends_at=period_start(now, 1),
        started_at=now,
    )
    with settled_books(wallet.pk, now=now) as books:
        issue_allowance(
            books,
            starts_at=now,
            ends_at=subscription.period_ends_at,
            key=f"allowance:{subscription.pk}:{now:%Y-%m-%d}:0",
        )
    wallet.refresh_from_db()
    return wallet
