"""Which events of the inbox are about whom: they name no wallet, only what Stripe calls its customer and things."""

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from billing.models import (
    Checkout,
    Customer,
    Dispute,
    FormerCustomer,
    Purchase,
    Refund,
    StripeEvent,
    StripeSubscription,
    Wallet,
)

#: Where else an event's object may name something of a customer's; no index has these.
MENTIONS = ("invoice", "payment_intent", "subscription")


def events_about(wallet: Wallet) -> QuerySet[StripeEvent]:
    """Return what Stripe sent about the wallet's customers, or about anything that they have at Stripe."""
    events = StripeEvent.objects.alias(customer=KT("payload__data__object__customer"))
    return events.filter(_names_them(_customers(wallet), _things(wallet)))


def events_that_mention(wallet: Wallet, *, among: QuerySet[StripeEvent]) -> QuerySet[StripeEvent]:
    """Return of some events, which should be few, those about a wallet, and about what mentions anything of it."""
    things = _things(wallet)
    of_any = Q()
    for name in MENTIONS:
        of_any |= Q(**{f"{name}__in": things})
    mentioned = {name: KT(f"payload__data__object__{name}") for name in ("customer", *MENTIONS)}
    return among.alias(**mentioned).filter(_names_them(_customers(wallet), things) | of_any)


def _names_them(customers: list[str], things: list[str]) -> Q:
    return Q(object_id__in=[*customers, *things]) | Q(customer__in=customers)


def _customers(wallet: Wallet) -> list[str]:
    now = Customer.objects.filter(wallet=wallet).values_list("stripe_customer_id", flat=True)
    before = FormerCustomer.objects.filter(wallet=wallet).values_list("stripe_customer_id", flat=True)
    return sorted({each for each in (*now, *before) if each})


def _things(wallet: Wallet) -> list[str]:
    things: set[str | None] = set()
    for model, field in (
        (StripeSubscription, "stripe_subscription_id"),
        (Checkout, "stripe_session_id"),
        (Purchase, "stripe_invoice_id"),
        (Purchase, "stripe_payment_intent_id"),
        (Refund, "stripe_refund_id"),
        (Dispute, "stripe_dispute_id"),
    ):
        things.update(model._default_manager.filter(wallet=wallet).values_list(field, flat=True))
    return sorted(thing for thing in things if thing)
