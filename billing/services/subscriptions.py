"""Which plan a wallet is on: everybody starts with Free, pays for a plan, or has a contract."""

from datetime import datetime

from accounts.models import User
from accounts.time_zones import zone
from billing.errors import InvalidRequest, NoPlan
from billing.models import Grant, Plan, StripeSubscription, Subscription, Wallet
from billing.periods import period_start
from billing.services import departures
from billing.services.cycles import (
    CONTRACT,
    FREE,
    add_grant,
    begin_cycle,
    change_plan,
    follow_calendar,
    is_of_this_cycle,
    issue_allowance,
    tell_of_plan,
    tell_of_reset,
)
from billing.services.ledger import Books
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction


@in_one_transaction
def open_wallet(*, user: User, now: datetime) -> Wallet:
    """Give a user a wallet, the Free subscription and its first allowance, once; return the wallet.

    Runs in the sign-up's transaction. The first cycle starts at this moment, later ones at 00:00 UTC (decision 13). Who
    comes back within a Free month that they have had goes on with that month, without a second allowance (decision 25).
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
            "last_posted_on": now.astimezone(zone(user.time_zone)).date(),
        },
    )
    if not is_new:
        return wallet
    subscription = Subscription(
        wallet=wallet,
        plan=plan,
        anchor_at=now,
        period_started_at=now,
        period_ends_at=period_start(now, 1),
        started_at=now,
    )
    before = departures.open_free_month(email=user.email, now=now)
    if before is not None:
        departures.go_on(subscription, before)
    subscription.save()
    with settled_books(wallet.pk, now=now) as books:
        if before is not None:
            begin_cycle(books, at=now, ends_at=subscription.period_ends_at, allowance=plan.allowance)
        else:
            key = f"allowance:{subscription.pk}:{now:%Y-%m-%d}:0"
            issue_allowance(books, starts_at=now, ends_at=subscription.period_ends_at, key=key)
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
            before = subscription.plan
            anchor_at = subscription.anchor_at if before == plan else starts_at
            change_plan(books, plan, anchor_at=anchor_at, starts_at=starts_at, ends_at=ends_at, payer=payer)
            issue_allowance(books, starts_at=effective_at, ends_at=ends_at, key=business_key)
            if before == plan:
                tell_of_reset(books)
            else:
                tell_of_plan(books, before=before)
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
        refuse_while_paying(wallet_id)
        if (books.subscription.plan, books.subscription.allowance) != (plan, allowance):
            follow_calendar(books, plan, allowance=allowance)
        return books.subscription


def refuse_while_paying(wallet_id: int) -> None:
    """Raise InvalidRequest while a subscription at Stripe goes on collecting for a wallet."""
    paying = StripeSubscription.objects.filter(wallet_id=wallet_id, status__in=StripeSubscription.LIVE).first()
    if paying is not None:
        plan = Subscription.objects.select_related("plan").get(wallet=wallet_id).plan
        raise InvalidRequest(
            f"This customer still pays for {plan.name} ({paying.stripe_subscription_id});"
            " cancel that subscription at Stripe first."
        )


@in_one_transaction
def return_to_free(*, wallet_id: int, now: datetime) -> Subscription:
    """End a paid plan or a contract: a new Free cycle starts, packs stay; nothing changes for who is on Free.

    A wallet whose owner has left begins nothing new: what it has expires in its time.
    """
    plan = _plan(FREE)
    with settled_books(wallet_id, now=now) as books:
        if books.wallet.owner_id is None:
            books.subscription.status = Subscription.Status.ENDED
            books.subscription.save(update_fields=["status"])
        elif books.subscription.plan != plan:
            follow_calendar(books, plan)
        return books.subscription


@in_one_transaction
def hand_over(*, wallet_id: int, now: datetime) -> StripeSubscription | None:
    """Let another subscription whose present period is paid carry the plan on, and return it; None without one.

    The cycle becomes the one that it has paid for; its allowance is there already.
    """
    with settled_books(wallet_id, now=now) as books:
        others = StripeSubscription.objects.filter(
            wallet_id=wallet_id, status__in=StripeSubscription.LIVE, price__plan__isnull=False
        ).exclude(pk=books.subscription.stripe_subscription_id or 0)
        for payer in others.select_related("price__plan").order_by("-current_period_ends_at", "pk"):
            paid = [
                grant
                for grant in books.open_grants()
                if grant.source == Grant.Source.ALLOWANCE
                and grant.expires_at == payer.current_period_ends_at
                and not is_of_this_cycle(books, grant)
            ]
            if paid and payer.price and payer.price.plan:
                _continue(books, payer.price.plan, paid[0], payer)
                return payer
        return None


def _continue(books: Books, plan: Plan, grant: Grant, payer: StripeSubscription) -> None:
    starts_at, ends_at = grant.effective_at, grant.expires_at
    if ends_at is None:
        raise AssertionError("An allowance lasts as long as its cycle.")
    change_plan(books, plan, anchor_at=starts_at, starts_at=starts_at, ends_at=ends_at, payer=payer)
    books.wallet.unlimited = plan.allowance is None
    begin_cycle(books, at=starts_at, ends_at=ends_at, allowance=plan.allowance)


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
