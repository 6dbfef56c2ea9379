"""What begins and ends with a billing cycle: the plan, its allowance, its thresholds, its chatbots. In open books."""

from datetime import datetime
from typing import Any

from billing.models import Chatbot, Grant, LedgerEntry, Message, Plan, StripeSubscription, Subscription
from billing.periods import period_start
from billing.selectors import chatbots
from billing.services import outbox
from billing.services.ledger import Books, Share

FREE, CONTRACT = "free", "enterprise"
LOW_PERCENT, VERY_LOW_PERCENT = 20, 5


def begin_cycle(books: Books, *, at: datetime, ends_at: datetime | None, allowance: int | None) -> None:
    """Number a new cycle and copy its warning thresholds; warnings start afresh (decision 19)."""
    wallet = books.wallet
    wallet.cycle += 1
    wallet.cycle_started_at = at
    wallet.cycle_ends_at = ends_at
    wallet.warning_level = 0
    wallet.low_below = share_of(allowance or 0, LOW_PERCENT)
    wallet.very_low_below = share_of(allowance or 0, VERY_LOW_PERCENT)


def share_of(amount: int, percent: int) -> int:
    """Return the least number of millicredits that is not below `percent` of `amount`."""
    return -(-amount * percent // 100)


def allowance_of(subscription: Subscription) -> int | None:
    """Return the millicredits of a cycle: the contract's, else the plan's; None where they are unlimited."""
    return subscription.plan.allowance if subscription.allowance is None else subscription.allowance


def issue_allowance(books: Books, *, starts_at: datetime, ends_at: datetime, key: str) -> LedgerEntry | None:
    """Begin a cycle and grant its allowance in open books; one of 0 is none, and one without a number is unlimited."""
    allowance = allowance_of(books.subscription)
    books.wallet.unlimited = allowance is None
    begin_cycle(books, at=starts_at, ends_at=ends_at, allowance=allowance)
    if not allowance:
        return None
    return add_grant(
        books,
        Grant(
            source=Grant.Source.ALLOWANCE,
            amount=allowance,
            effective_at=starts_at,
            expires_at=ends_at,
            business_key=key,
        ),
    )


def add_grant(books: Books, grant: Grant, **facts: Any) -> LedgerEntry | None:
    """Save a new grant and, unless it starts later, count it in; `facts` are further columns of its entry."""
    grant.wallet = books.wallet
    grant.remaining = 0
    grant.save(force_insert=True)
    books.grants[grant.pk] = grant
    books.left[grant.pk] = 0
    return start_grant(books, grant, **facts) if grant.effective_at <= books.posted_at else None


def start_grant(books: Books, grant: Grant, **facts: Any) -> LedgerEntry:
    """Count a grant in that was added before or just now."""
    books.start(grant)
    share = {grant.pk: Share(left=grant.amount)}
    return books.post(LedgerEntry.Kind.GRANT, share, effective_at=grant.effective_at, **facts)


def end_grant(books: Books, grant: Grant, *, effective_at: datetime | None = None) -> None:
    """Post what is left of a grant as expired and close it; what holds keep of it can still be captured."""
    if left := books.left[grant.pk]:
        books.post(LedgerEntry.Kind.EXPIRY, {grant.pk: Share(left=-left)}, effective_at=effective_at)
    books.end(grant)


def follow_calendar(books: Books, plan: Plan, *, allowance: int | None = None, at: datetime | None = None) -> None:
    """Put the wallet on Free or a contract from `at` (this moment) on: a new anchor, a new cycle; tell its owner."""
    starts_at = at or books.posted_at
    ends_at = period_start(starts_at, 1)
    before = books.subscription.plan
    change_plan(books, plan, anchor_at=starts_at, starts_at=starts_at, ends_at=ends_at, allowance=allowance, at=at)
    key = f"allowance:{books.subscription.pk}:cycle:{books.wallet.cycle + 1}"  # two changes can share a moment
    issue_allowance(books, starts_at=starts_at, ends_at=ends_at, key=key)
    tell_of_plan(books, before=before)


def change_plan(
    books: Books,
    plan: Plan,
    *,
    anchor_at: datetime,
    starts_at: datetime,
    ends_at: datetime,
    allowance: int | None = None,
    payer: StripeSubscription | None = None,
    at: datetime | None = None,
) -> None:
    """Write what the subscription is from now on, and end this cycle's allowance, as of `at` (this moment).

    An allowance that another subscription has paid for lasts as long as was paid.
    """
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
        if is_of_this_cycle(books, grant):
            end_grant(books, grant, effective_at=at)
    fit_chatbots(books)


def is_of_this_cycle(books: Books, grant: Grant) -> bool:
    """Return whether a grant is the allowance that the wallet's present cycle began with."""
    return grant.source == Grant.Source.ALLOWANCE and grant.effective_at == books.wallet.cycle_started_at


def fit_chatbots(books: Books) -> None:
    """Pause the newest active chatbots above the plan's limit, or resume the oldest that it allows again (decision 18).

    What its owner paused, or deleted, stays as it is.
    """
    limit = books.subscription.plan.chatbot_limit
    bots = chatbots.not_deleted(books.wallet).filter(paused_by_owner=False).order_by("created_at", "id")
    active = [bot for bot in bots if bot.paused_at is None]
    waiting = [bot for bot in bots if bot.paused_at is not None]
    room = len(waiting) if limit is None else max(limit - len(active), 0)
    Chatbot.objects.filter(pk__in=[bot.pk for bot in waiting[:room]]).update(paused_at=None)
    above = [] if limit is None else active[limit:]
    Chatbot.objects.filter(pk__in=[bot.pk for bot in above]).update(paused_at=books.posted_at)


def tell_of_plan(books: Books, *, before: Plan) -> None:
    """Tell the owner that a plan or a contract began, or that one ended, with the cycle that it began."""
    subscription = books.subscription
    is_end = subscription.plan_id == FREE
    _tell(
        books,
        Message.Kind.PLAN_ENDED if is_end else Message.Kind.PLAN_STARTED,
        key=f"plan:{books.wallet.cycle}",
        plan=before.pk if is_end else subscription.plan_id,
        price_cents=subscription.plan.price_cents,
    )


def tell_of_reset(books: Books) -> None:
    """Tell the owner that the next cycle of the same plan began."""
    cycle = books.wallet.cycle
    _tell(books, Message.Kind.CYCLE_RESET, key=f"cycle:{cycle}", cycle=cycle, ended_cycle=cycle - 1)


def _tell(books: Books, kind: Message.Kind, *, key: str, **facts: Any) -> None:
    ends_at = books.subscription.period_ends_at.isoformat()
    allowance = allowance_of(books.subscription)
    outbox.tell(
        wallet=books.wallet, kind=kind, key=key, now=books.posted_at, allowance=allowance, ends_at=ends_at, **facts
    )
