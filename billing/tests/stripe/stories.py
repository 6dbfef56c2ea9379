"""A customer's story at Stripe, and what our books must tell of it whichever way its events came."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from accounts.models import User
from billing.models import (
    Checkout,
    Customer,
    Dispute,
    EntryShare,
    Grant,
    LedgerEntry,
    Purchase,
    Refund,
    StripeSubscription,
    Wallet,
)
from billing.tests.stripe.shop import Shop

Event = dict[str, Any]


def six_events(shop: Shop, customer: User) -> list[Event]:
    """Let a customer buy, subscribe, be refunded, dispute and leave within a day; return what Stripe tells of it.

    Nothing has reached us but the Checkouts that were opened. The pack is refunded in part, and its rest disputed.
    """
    pack = shop.buy_pack(customer, pack="pack-5000", deliver=False)
    shop.advance(hours=1)
    plan = shop.subscribe(customer, deliver=False)
    shop.advance(hours=1)
    payment = shop.payment_of(pack)
    shop.engine.refund(payment, amount=1_234)
    shop.advance(hours=1)
    shop.engine.dispute(payment, amount=2_000)
    shop.advance(hours=1)
    shop.cancel_now(str(shop.engine.session(str(plan.stripe_session_id))["subscription"]))
    events = shop.take_events(
        "checkout.session.completed",
        "invoice.paid",
        "refund.created",
        "charge.dispute.funds_withdrawn",
        "customer.subscription.deleted",
    )
    assert Counter(event["type"] for event in events) == {
        "checkout.session.completed": 2,
        "invoice.paid": 1,
        "refund.created": 1,
        "charge.dispute.funds_withdrawn": 1,
        "customer.subscription.deleted": 1,
    }
    return events


@dataclass(frozen=True, slots=True)
class Books:
    """All that must be the same whichever way the events came: what stands in the rows, not when or in which order."""

    wallet: dict[str, Any]
    plan: dict[str, Any]
    grants: list[dict[str, Any]]
    moved: list[tuple[Any, ...]]
    sales: dict[str, list[dict[str, Any]]]


def books_of(customer: User) -> Books:
    """Return what our books tell of a customer, with everything left out that is only about order or time."""
    wallet = Wallet.objects.select_related("subscription__stripe_subscription").get(owner=customer)
    subscription = wallet.subscription
    payer = subscription.stripe_subscription
    return Books(
        wallet={
            "available": wallet.available,
            "held": wallet.held,
            "low_below": wallet.low_below,
            "very_low_below": wallet.very_low_below,
            "unlimited": wallet.unlimited,
        },
        plan={
            "plan": subscription.plan_id,
            "status": subscription.status,
            # a Free cycle begins when we hear that the paid plan is over
            "period": payer and (subscription.period_started_at, subscription.period_ends_at),
            "payer": payer and payer.stripe_subscription_id,
        },
        grants=_grants(wallet),
        moved=_moved(wallet),
        sales={
            model.__name__: _rows(model, wallet, *fields)
            for model, fields in {
                Checkout: ("thing", "status", "stripe_session_id"),
                Customer: ("stripe_customer_id", "generation"),
                Purchase: ("business_key", "pack", "plan", "cents", "stripe_payment_intent_id", "stripe_invoice_id"),
                Refund: ("stripe_refund_id", "stripe_payment_intent_id", "cents", "status"),
                Dispute: ("stripe_dispute_id", "stripe_payment_intent_id", "cents", "withdrawn_cents", "status"),
                StripeSubscription: ("stripe_subscription_id", "status", "cancel_at", "current_period_ends_at"),
            }.items()
        },
    )


def _rows(model: Any, wallet: Wallet, *fields: str) -> list[dict[str, Any]]:
    return sorted(model.objects.filter(wallet=wallet).values(*fields), key=repr)


def _name(grant: Grant) -> str:
    """Return what a grant is called whichever cycle it came in: the calendar's allowances are numbered by cycle."""
    return "calendar" if grant.business_key.startswith("allowance:") else grant.business_key


def _grants(wallet: Wallet) -> list[dict[str, Any]]:
    return sorted(
        (
            {
                "name": _name(grant),
                "source": grant.source,
                "amount": grant.amount,
                "left": wallet.head_left if grant.pk == wallet.head_grant_id else grant.remaining,
                "is_open": grant.closed_at is None,
                "asked_back": grant.clawback_target,
                "taken_back": grant.taken_back,
            }
            for grant in wallet.grants.all()
        ),
        key=repr,
    )


def _moved(wallet: Wallet) -> list[tuple[Any, ...]]:
    """Return how much each kind of entry moved of each grant in all: two refunds may be taken back by one entry."""
    names = {grant.pk: _name(grant) for grant in wallet.grants.all()}
    alone = LedgerEntry.objects.filter(wallet=wallet, grant__isnull=False).values_list("kind", "grant")
    shared = EntryShare.objects.filter(wallet=wallet).values_list("entry__kind", "grant")
    moved: Counter[tuple[str, str, str]] = Counter()
    for kind, grant, left, held in [
        *alone.annotate(left=Sum("available_change"), held=Sum("held_change")),
        *shared.annotate(left=Sum("left_change"), held=Sum("held_change")),
    ]:
        moved[kind, names[grant], "left"] += left
        moved[kind, names[grant], "held"] += held
    return sorted((*what, amount) for what, amount in moved.items() if amount)
