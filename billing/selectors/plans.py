"""The plans as one customer sees them: which is theirs, what they can do, and what that changes. Millicredits."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import Grant, Plan, StripeSubscription, Subscription
from billing.selectors import chatbots
from billing.selectors.balance import Balance, is_renewing, subscription_of
from billing.selectors.chatbots import Counts


@dataclass(frozen=True, slots=True)
class PlanCard:
    """One plan and what its button does.

    `act` is "choose" (Checkout), "manage", "resume", "pay" or "cancel" (the Customer Portal), "ask" (a contract), or
    empty where there is nothing to do. `pausing` and `resuming` count the chatbots that the change would stop or wake.
    """

    plan: Plan
    is_current: bool
    act: str
    pausing: int = 0
    resuming: int = 0

    @property
    def is_by_contract(self) -> bool:
        """Whether staff agree this plan with the customer, so that it has no price of its own."""
        return self.plan.price_cents is None


@dataclass(frozen=True, slots=True)
class Choice:
    """The plans, and what a customer has that a change would end or keep.

    `monthly_left` ends when another plan is paid; `kept` stays through every change.
    """

    cards: tuple[PlanCard, ...]
    subscription: Subscription | None
    monthly_left: int
    kept: int
    is_renewing: bool


def choice(balance: Balance, *, now: datetime) -> Choice:
    """Return the plans in the catalog's order for the owner of this balance."""
    subscription = subscription_of(balance.wallet)
    bots = chatbots.counts(balance.wallet)
    monthly = sum(portion.left for portion in balance.portions if portion.source == Grant.Source.ALLOWANCE)
    return Choice(
        cards=tuple(_card(plan, subscription, bots) for plan in Plan.objects.all()),
        subscription=subscription,
        monthly_left=monthly,
        kept=balance.wallet.available - monthly,
        is_renewing=is_renewing(subscription, balance.wallet, now=now),
    )


def is_managed_at_stripe(subscription: Subscription | None) -> bool:
    """Return whether a subscription at Stripe pays for this plan, so that the Customer Portal can change it."""
    paid_by = subscription.stripe_subscription if subscription else None
    return paid_by is not None and paid_by.status in StripeSubscription.LIVE


def _card(plan: Plan, subscription: Subscription | None, bots: Counts) -> PlanCard:
    is_current = subscription is not None and subscription.plan == plan
    return PlanCard(
        plan=plan,
        is_current=is_current,
        act=_act(plan, subscription, is_current=is_current),
        pausing=0 if is_current else bots.pausing_under(plan.chatbot_limit),
        resuming=0 if is_current else bots.resuming_under(plan.chatbot_limit),
    )


def _act(plan: Plan, subscription: Subscription | None, *, is_current: bool) -> str:
    if plan.price_cents is None:
        return "ask"
    if subscription is None or subscription.plan.price_cents is None:
        return ""
    if not is_managed_at_stripe(subscription):
        return "choose" if plan.price_cents and not is_current and not subscription.plan.price_cents else ""
    if is_current:
        return _act_on_current(subscription)
    return "cancel" if not plan.price_cents and subscription.status != Subscription.Status.CANCELLING else ""


def _act_on_current(subscription: Subscription) -> str:
    if subscription.status == Subscription.Status.PAST_DUE:
        return "pay"
    return "resume" if subscription.status == Subscription.Status.CANCELLING else "manage"
