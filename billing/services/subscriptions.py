"""Which plan a wallet is on: everybody starts with Free, pays for a plan, or has a contract."""

from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import User
from billing.errors import InvalidRequest, NoPlan
from billing.models import Grant, Plan, StripeSubscription, Subscription, Wallet
from billing.periods import period_start
from billing.services import chatbots
from billing.services.ledger import Books
from billing.services.settlement import add_grant, end_grant, issue_allowance, settled_books
from billing.services.transactions import in_one_transaction

FREE, CONTRACT = "free", "enterprise"


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


@in_one_transaction
def begin_bought_period(
    *,
    wallet_id: int,
    plan: Plan,
    starts_at: datetime,
    ends_at: datetime,
    business_key: str,
    payer: StripeSubscription | None,
    now: datetime,
) -> Grant | None:
    """Begin a period of a plan that was paid for, once per business key, and return its grant.

    What is left of the allowance before it expires; packs stay (decisions 15 and 16). Only the credits are granted
    where the period can't decide the plan: it was overtaken by a later one, the wallet has a contract, or another
    subscription pays already. None for a plan that comes without credits of its own. Raises NoPlan and InvalidRequest.
    """
    if not plan.price_cents:
        raise NoPlan(f"The plan {plan.name} isn't paid for by the month.")
    if ends_at <= starts_at:
        raise InvalidRequest("A period ends after it starts.")
    with settled_books(wallet_id, now=now) as books:
        if first := Grant.objects.filter(wallet_id=wallet_id, business_key=business_key).first():
            return first
        effective_at = min(starts_at, books.posted_at)
        subscription = books.subscription
        if _decides_nothing(subscription, plan, payer, starts_at):
            _grant_only(books, plan, starts_at=effective_at, ends_at=ends_at, business_key=business_key)
        else:
            anchor_at = subscription.anchor_at if subscription.plan == plan else starts_at
            _change(books, plan, anchor_at=anchor_at, starts_at=starts_at, ends_at=ends_at, payer=payer)
            issue_allowance(books, starts_at=effective_at, ends_at=ends_at, key=business_key)
        return Grant.objects.filter(wallet_id=wallet_id, business_key=business_key).first()


@in_one_transaction
def begin_contract(*, wallet_id: int, allowance: int | None, now: datetime) -> Subscription:
    """Put a wallet on a contract: unlimited, or `allowance` millicredits a month (decision 12).

    Its cycles start now and follow the calendar. Saying the same again changes nothing. Raises NoPlan when the catalog
    has no such plan, InvalidRequest for a negative allowance or while a subscription at Stripe goes on collecting.
    """
    plan = _plan(CONTRACT)
    if allowance is not None and allowance < 0:
        raise InvalidRequest("A contract's allowance is not negative.")
    with settled_books(wallet_id, now=now) as books:
        paying = StripeSubscription.objects.filter(wallet_id=wallet_id, status__in=StripeSubscription.LIVE).first()
        if paying is not None:
            raise InvalidRequest(
                f"This customer still pays for {books.subscription.plan.name} ({paying.stripe_subscription_id});"
                " cancel that subscription at Stripe first."
            )
        if (books.subscription.plan, books.subscription.allowance) != (plan, allowance):
            _begin_calendar(books, plan, allowance=allowance)
        return books.subscription


@in_one_transaction
def return_to_free(*, wallet_id: int, now: datetime) -> Subscription:
    """End a paid plan or a contract: a new Free cycle starts, packs stay; nothing changes for who is on Free."""
    plan = _plan(FREE)
    with settled_books(wallet_id, now=now) as books:
        if books.subscription.plan != plan:
            _begin_calendar(books, plan, allowance=None)
        return books.subscription


def _begin_calendar(books: Books, plan: Plan, *, allowance: int | None) -> None:
    starts_at = books.posted_at
    ends_at = period_start(starts_at, 1)
    _change(books, plan, anchor_at=starts_at, starts_at=starts_at, ends_at=ends_at, allowance=allowance)
    key = f"allowance:{books.subscription.pk}:cycle:{books.wallet.cycle + 1}"  # two changes can share a moment
    issue_allowance(books, starts_at=starts_at, ends_at=ends_at, key=key)


def _change(
    books: Books,
    plan: Plan,
    *,
    anchor_at: datetime,
    starts_at: datetime,
    ends_at: datetime,
    allowance: int | None = None,
    payer: StripeSubscription | None = None,
) -> None:
    """Write what the subscription is from now on, and end the allowance that it had."""
    subscription = books.subscription
    if subscription.plan != plan:
        subscription.plan = plan
        subscription.started_at = starts_at
    subscription.status = Subscription.Status.ACTIVE
    subscription.anchor_at = anchor_at
    subscription.period = 0
    subscription.period_started_at = starts_at
    subscription.period_ends_at = ends_at
    subscription.allowance = allowance
    subscription.stripe_subscription = payer
    subscription.save()
    for grant in books.open_grants():
        if grant.source == Grant.Source.ALLOWANCE:
            end_grant(books, grant)
    chatbots.fit_to_plan(books)


def _decides_nothing(
    subscription: Subscription, plan: Plan, payer: StripeSubscription | None, starts_at: datetime
) -> bool:
    """Return whether a bought period leaves the wallet's plan and cycle alone."""
    if subscription.plan == plan and starts_at < subscription.period_started_at:
        return True
    if payer is None:
        return False
    other = subscription.stripe_subscription
    is_paid_by_another = other is not None and other != payer and other.status in StripeSubscription.LIVE
    return subscription.plan_id == CONTRACT or is_paid_by_another


def _grant_only(books: Books, plan: Plan, *, starts_at: datetime, ends_at: datetime, business_key: str) -> None:
    if plan.allowance:
        add_grant(
            books,
            Grant(
                source=Grant.Source.ALLOWANCE,
                amount=plan.allowance,
                effective_at=starts_at,
                expires_at=ends_at,
                business_key=business_key,
            ),
        )


def _plan(code: str) -> Plan:
    plan = Plan.objects.filter(code=code).first()
    if plan is None:
        raise NoPlan(f"The catalog has no plan “{code}”.")
    return plan
