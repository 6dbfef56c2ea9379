"""Money that was paid and money that goes back: payments, cards, refunds, disputes."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from stripe import Charge, Dispute, PaymentMethod, Refund

from billing.gateway.client import PAGE, asks_stripe, client, id_of, lists_stripe, moment, seconds_of
from billing.gateway.facts import CardFacts, DisputeFacts, RefundFacts

#: What Stripe calls the brands, where capital letters alone don't do.
BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "eftpos_au": "eftpos Australia",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "unknown": "Card",
}


@asks_stripe
def card_of(customer_id: str, subscription_id: str = "") -> CardFacts | None:
    """Return the card that will be charged: the subscription's, else the customer's, else the newest one on file."""
    if subscription_id:
        subscription = client().v1.subscriptions.retrieve(subscription_id, {"expand": ["default_payment_method"]})
        if card := _card(subscription.default_payment_method):
            return card
    customer = client().v1.customers.retrieve(customer_id)
    if getattr(customer, "deleted", False):
        return None
    if customer.invoice_settings and (method_id := id_of(customer.invoice_settings.default_payment_method)):
        return _card(client().v1.payment_methods.retrieve(method_id))
    found = client().v1.payment_methods.list({"customer": customer_id, "type": "card", "limit": 1})
    return next((_card(method) for method in found.data), None)


@asks_stripe
def receipt_url_of(payment_intent_id: str) -> str:
    """Return the address of Stripe's receipt for a payment; empty when there is none."""
    payment = client().v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge"]})
    charge = payment.latest_charge
    return (charge.receipt_url or "") if isinstance(charge, Charge) else ""


@asks_stripe
def create_refund(
    *, payment_intent_id: str, cents: int, metadata: Mapping[str, str], idempotency_key: str
) -> RefundFacts:
    """Send cents of a payment back. Raises StripeRefused when that is more than is left of it."""
    return _refund_facts(
        client().v1.refunds.create(
            {"payment_intent": payment_intent_id, "amount": cents, "metadata": dict(metadata)},
            {"idempotency_key": idempotency_key},
        )
    )


@asks_stripe
def fetch_refund(refund_id: str) -> RefundFacts:
    """Return a refund as it is."""
    return _refund_facts(client().v1.refunds.retrieve(refund_id))


@lists_stripe
def refunds_since(created_at: datetime) -> Iterator[RefundFacts]:
    """Return the refunds that were made since then, newest first."""
    found = client().v1.refunds.list({"created": {"gte": seconds_of(created_at)}, "limit": PAGE})
    for refund in found.auto_paging_iter():
        yield _refund_facts(refund)


@asks_stripe
def refunds_of(payment_intent_id: str) -> list[RefundFacts]:
    """Return the refunds of a payment, newest first."""
    found = client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": PAGE})
    return [_refund_facts(refund) for refund in found.auto_paging_iter()]


@asks_stripe
def fetch_dispute(dispute_id: str) -> DisputeFacts:
    """Return a dispute as it is."""
    return _dispute_facts(client().v1.disputes.retrieve(dispute_id))


@lists_stripe
def disputes_since(created_at: datetime) -> Iterator[DisputeFacts]:
    """Return the disputes that were opened since then, newest first."""
    found = client().v1.disputes.list({"created": {"gte": seconds_of(created_at)}, "limit": PAGE})
    for dispute in found.auto_paging_iter():
        yield _dispute_facts(dispute)


@asks_stripe
def disputes_of(payment_intent_id: str) -> list[DisputeFacts]:
    """Return the disputes of a payment, newest first."""
    found = client().v1.disputes.list({"payment_intent": payment_intent_id, "limit": PAGE})
    return [_dispute_facts(dispute) for dispute in found.auto_paging_iter()]


def _card(method: str | PaymentMethod | None) -> CardFacts | None:
    card = method.card if isinstance(method, PaymentMethod) else None
    if card is None:
        return None
    return CardFacts(
        brand=BRANDS.get(card.brand, card.brand.replace("_", " ").title()),
        last4=card.last4 or "",
        expires_month=card.exp_month,
        expires_year=card.exp_year,
    )


def _refund_facts(refund: Refund) -> RefundFacts:
    return RefundFacts(
        id=refund.id,
        status=refund.status or "",
        cents=refund.amount,
        currency=refund.currency,
        payment_intent_id=id_of(refund.payment_intent),
        created_at=moment(refund.created),
        metadata=refund.metadata.to_dict() if refund.metadata else {},
    )


def _dispute_facts(dispute: Dispute) -> DisputeFacts:
    return DisputeFacts(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        cents=dispute.amount,
        withdrawn_cents=_withdrawn_cents(dispute),
        currency=dispute.currency,
        payment_intent_id=id_of(dispute.payment_intent),
        created_at=moment(dispute.created),
    )


def _withdrawn_cents(dispute: Dispute) -> int:
    """Return what the balance has lost at present: withdrawals count down, reinstatements count up again.

    A balance in another currency moves at that day's rate, so it only says whether the dispute's cents are gone.
    """
    movements = dispute.balance_transactions
    if any(movement.currency != dispute.currency for movement in movements):
        withdrawals = sum(1 if movement.amount < 0 else -1 for movement in movements)
        return dispute.amount if withdrawals > 0 else 0
    return min(max(0, -sum(movement.amount for movement in movements)), dispute.amount)
