"""What a person has right now: what can be spent, where it comes from, and how long it lasts. Millicredits."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.db import connection
from django.db.models import Prefetch, Sum, prefetch_related_objects

from accounts.time_zones import zone
from billing.models import DailyUsage, Grant, Notice, Subscription, Wallet

PACE_DAYS = 7
LONGEST_FORECAST_DAYS = 365
ENDING_IS_TOLD = timedelta(days=7)
LEVEL_NAMES = {0: "fine", Notice.Level.LOW: "low", Notice.Level.VERY_LOW: "very-low", Notice.Level.OUT: "out"}
SOURCE_LABELS = {
    Grant.Source.ALLOWANCE: "Monthly credits",
    Grant.Source.PURCHASE: "Bought credits",
    Grant.Source.PROMOTIONAL: "Promotional credits",
    Grant.Source.ADJUSTMENT: "Added by CleverAI",
}
SHOWN_NOW = """
    SELECT sequence, warning_level, unlimited, suspended_at IS NOT NULL FROM billing_wallet
    WHERE owner_id = %s AND (next_due_at IS NULL OR next_due_at > %s)
"""


@dataclass(frozen=True, slots=True)
class Portion:
    """What is left of the grants of one source that expire together."""

    source: str
    left: int
    expires_at: datetime | None

    @property
    def label(self) -> str:
        """What the pages call this source."""
        return SOURCE_LABELS[Grant.Source(self.source)]


@dataclass(frozen=True)
class Balance:
    """A wallet and its portions as they were at one moment, in burn-down order.

    `allowance` is what this cycle's monthly credits began with, or None when there are none.
    """

    wallet: Wallet
    portions: tuple[Portion, ...]
    allowance: int | None

    @cached_property
    def state(self) -> str:
        """What the header shows: suspended, unlimited, or fine, low, very-low, out."""
        if self.wallet.suspended_at is not None:
            return "suspended"
        return "unlimited" if self.wallet.unlimited else LEVEL_NAMES[deserved_level(self.wallet)]

    @property
    def shown(self) -> str:
        """What the chip sends back to ask whether anything is new."""
        return shown(self.wallet)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast credits go, from the last seven full days, and the day they run out at that pace.

    `per_day` is None until the first use lies seven days back. `runs_out_on` is None when nothing runs out before the
    next reset, or within a year where there is none.
    """

    per_day: int | None
    days_left: int | None = None
    runs_out_on: date | None = None


@dataclass(frozen=True, slots=True)
class Banners:
    """What the top of every page says about a wallet: the warning that still holds, with the pace behind it.

    `plan_word` is what there is to know of a paid plan: past-due, renewing, ending (within a week), or nothing.
    """

    wallet: Wallet
    notice: Notice | None
    pace: Pace | None
    subscription: Subscription | None
    plan_word: str


def deserved_level(wallet: Wallet) -> int:
    """Return the warning level that a wallet's posted credits deserve: 0 (none) to 3 (nothing left)."""
    if wallet.unlimited:
        return 0
    if wallet.posted == 0:
        return Notice.Level.OUT
    if wallet.posted < wallet.very_low_below:
        return Notice.Level.VERY_LOW
    return Notice.Level.LOW if wallet.posted < wallet.low_below else 0


def shown(wallet: Wallet) -> str:
    """Return a short text that differs whenever the header has something else to show."""
    return _shown(wallet.sequence, wallet.warning_level, wallet.unlimited, wallet.suspended_at is not None)


def shown_now(*, owner_id: int, now: datetime) -> str | None:
    """Return what `shown` says of the owner's wallet, or None when something is due first or there is no wallet.

    Every open page asks this every two seconds, so it goes past the ORM: a third of the time.
    """
    with connection.cursor() as cursor:
        cursor.execute(SHOWN_NOW, (owner_id, now))
        row = cursor.fetchone()
    return _shown(*row) if row else None


def _shown(sequence: int, warning_level: int, is_unlimited: bool, is_suspended: bool) -> str:
    return f"{sequence}-{warning_level}{'u' if is_unlimited else ''}{'s' if is_suspended else ''}"


def current(wallet: Wallet) -> Balance:
    """Return the balance with its portions, read together with the wallet so that they always add up."""
    grants = list(
        Grant.objects.filter(wallet=wallet, opened_at__isnull=False, closed_at=None)
        .select_related("wallet")
        .order_by("expires_at", "effective_at", "id")
    )
    if grants:
        wallet = grants[0].wallet
    left: dict[tuple[str, datetime | None], int] = {}
    for grant in grants:
        of_grant = wallet.head_left if grant.pk == wallet.head_grant_id else grant.remaining or 0
        if of_grant:
            left[grant.source, grant.expires_at] = left.get((grant.source, grant.expires_at), 0) + of_grant
    portions = tuple(Portion(source, amount, expires_at) for (source, expires_at), amount in left.items())
    allowances = [grant.amount for grant in grants if grant.source == Grant.Source.ALLOWANCE]
    return Balance(wallet=wallet, portions=portions, allowance=allowances[-1] if allowances else None)


def pace(wallet: Wallet, *, now: datetime) -> Pace:
    """Return how long the available credits last at the pace of the last seven full days of the owner's calendar."""
    today = now.astimezone(zone(wallet.time_zone)).date()
    first_day = today - timedelta(days=PACE_DAYS)
    usage = DailyUsage.objects.filter(wallet=wallet)
    if not usage.filter(used_on__lte=first_day).exists():
        return Pace(per_day=None)
    week = usage.filter(used_on__gte=first_day, used_on__lt=today).aggregate(cost=Sum("cost"))["cost"] or 0
    return pace_of(wallet, week, today=today, now=now)


def pace_of(wallet: Wallet, week: int, *, today: date, now: datetime) -> Pace:
    """Return the pace of seven full days that took `week` millicredits."""
    per_day = -(-week // PACE_DAYS)
    if not week or wallet.unlimited:
        return Pace(per_day=per_day)
    days_left = wallet.available * PACE_DAYS // week
    reset = wallet.cycle_ends_at
    days_that_matter = (reset - now).days if reset else LONGEST_FORECAST_DAYS
    if days_left > days_that_matter:
        return Pace(per_day=per_day)
    return Pace(per_day=per_day, days_left=days_left, runs_out_on=today + timedelta(days=days_left))


def banners(wallet: Wallet, *, now: datetime, known_pace: Pace | None = None) -> Banners:
    """Return what there is to say; while all is well this asks for the plan alone. A known pace isn't asked for."""
    notice = standing_notice(wallet)
    subscription = subscription_of(wallet)
    return Banners(
        wallet=wallet,
        notice=notice,
        pace=(known_pace or pace(wallet, now=now)) if notice else None,
        subscription=subscription,
        plan_word=plan_word(subscription, wallet, now=now),
    )


def plan_word(subscription: Subscription | None, wallet: Wallet, *, now: datetime) -> str:
    """Return "past-due", "renewing" or "ending" for a plan that is paid by the month, and nothing for any other."""
    if subscription is None or not subscription.plan.price_cents:
        return ""
    if subscription.status == Subscription.Status.PAST_DUE:
        return "past-due"
    if is_renewing(subscription, wallet, now=now):
        return "renewing"
    is_ending = subscription.status == Subscription.Status.CANCELLING
    return "ending" if is_ending and subscription.period_ends_at - now <= ENDING_IS_TOLD else ""


def is_renewing(subscription: Subscription | None, wallet: Wallet, *, now: datetime) -> bool:
    """Return whether a paid plan's cycle is over and its next payment is not there yet (decision 15)."""
    if subscription is None or subscription.status != Subscription.Status.ACTIVE or not subscription.plan.price_cents:
        return False
    return wallet.cycle_ends_at is not None and wallet.cycle_ends_at <= now


def standing_notice(wallet: Wallet) -> Notice | None:
    """Return the warning that still holds and wasn't dismissed, if any; it asks nothing while all is well."""
    if not wallet.warning_level or wallet.unlimited:
        return None
    newest = Notice.objects.filter(wallet=wallet).order_by("-id").first()
    holds = newest is not None and newest.cycle == wallet.cycle and newest.level == wallet.warning_level
    return newest if holds and newest and newest.dismissed_at is None else None


def subscription_of(wallet: Wallet) -> Subscription | None:
    """Return the wallet's subscription with its plan and who pays for it, or None when it is on no plan.

    The wallet object keeps it, so that a page asks once.
    """
    whole = Subscription.objects.select_related("plan", "stripe_subscription")
    prefetch_related_objects([wallet], Prefetch("subscription", queryset=whole))
    try:
        return wallet.subscription
    except Subscription.DoesNotExist:
        return None
