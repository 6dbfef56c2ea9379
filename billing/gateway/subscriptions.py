"""Subscriptions and their invoices."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from stripe import Invoice, InvoiceLineItem, Subscription

from billing.gateway.client import PAGE, asks_stripe, client, id_of, lists_stripe, moment, moment_or_none, seconds_of
from billing.gateway.facts import InvoiceFacts, LineFacts, SubscriptionFacts

#: Stripe charges these again at the end of the period.
RENEWING = {"active", "trialing"}


@asks_stripe
def fetch_subscription(subscription_id: str) -> SubscriptionFacts:
    """Return a subscription as it is, an ended one too."""
    return _facts(client().v1.subscriptions.retrieve(subscription_id))


@asks_stripe
def subscriptions_of(customer_id: str) -> list[SubscriptionFacts]:
    """Return all the subscriptions of a customer, ended ones too, newest first."""
    found = client().v1.subscriptions.list({"customer": customer_id, "status": "all", "limit": PAGE})
    return [_facts(subscription) for subscription in found.auto_paging_iter()]


@asks_stripe
def next_charge(subscription_id: str) -> tuple[int, datetime] | None:
    """Return how many cents a subscription will cost next, and when; None when it doesn't renew."""
    subscription = client().v1.subscriptions.retrieve(subscription_id)
    facts = _facts(subscription)
    ends_at = facts.current_period_ends_at
    if ends_at is None or facts.status not in RENEWING or (facts.cancel_at and facts.cancel_at <= ends_at):
        return None
    cents = sum((item.price.unit_amount or 0) * (item.quantity or 1) for item in subscription.items.data)
    return cents, ends_at


@asks_stripe
def fetch_invoice(invoice_id: str) -> InvoiceFacts:
    """Return an invoice with all its lines; the payment is asked for apart (`payment_of_invoice`)."""
    return _with_lines(client().v1.invoices.retrieve(invoice_id))


@asks_stripe
def invoices_of_subscription(subscription_id: str, limit: int = 24) -> list[InvoiceFacts]:
    """Return the paid invoices of a subscription with all their lines, newest first, at most `limit`."""
    found = client().v1.invoices.list({"subscription": subscription_id, "status": "paid", "limit": limit})
    return [_with_lines(invoice) for invoice in found.data]


@asks_stripe
def invoices_of_customer(customer_id: str, limit: int = 12) -> list[InvoiceFacts]:
    """Return the invoices of a customer for a page, newest first, at most `limit`: without their lines."""
    found = client().v1.invoices.list({"customer": customer_id, "limit": limit})
    return [_invoice_facts(invoice, lines=()) for invoice in found.data]


@lists_stripe
def paid_invoices_since(created_at: datetime) -> Iterator[InvoiceFacts]:
    """Return the invoices that were made since then and are paid, with all their lines, newest first."""
    found = client().v1.invoices.list({"created": {"gte": seconds_of(created_at)}, "status": "paid", "limit": PAGE})
    for invoice in found.auto_paging_iter():
        yield _with_lines(invoice)


@asks_stripe
def payment_of_invoice(invoice_id: str) -> str:
    """Return the id of the payment intent that paid an invoice; empty when nothing was due or it isn't paid."""
    found = client().v1.invoice_payments.list({"invoice": invoice_id, "status": "paid", "limit": PAGE})
    return next(
        (id_of(part.payment.payment_intent) for part in found.data if part.payment.type == "payment_intent"), ""
    )


@asks_stripe
def invoice_of_payment(payment_intent_id: str) -> str:
    """Return the id of the invoice that a payment intent belongs to; empty for any other payment."""
    found = client().v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment_intent_id}, "limit": 1}
    )
    return next((id_of(part.invoice) for part in found.data), "")


def _facts(subscription: Subscription) -> SubscriptionFacts:
    items = subscription.items.data
    item = items[0] if items else None
    ends_at = moment(item.current_period_end) if item else None
    return SubscriptionFacts(
        id=subscription.id,
        status=subscription.status,
        customer_id=id_of(subscription.customer),
        price_id=id_of(item.price) if item else "",
        current_period_starts_at=moment(item.current_period_start) if item else None,
        current_period_ends_at=ends_at,
        cancel_at=moment_or_none(subscription.cancel_at) or (ends_at if subscription.cancel_at_period_end else None),
    )


def _with_lines(invoice: Invoice) -> InvoiceFacts:
    # the invoice carries its first ten, and the address of the others
    return _invoice_facts(invoice, lines=invoice.lines.auto_paging_iter())


def _invoice_facts(invoice: Invoice, *, lines: Iterable[InvoiceLineItem]) -> InvoiceFacts:
    parent = invoice.parent.subscription_details if invoice.parent else None
    return InvoiceFacts(
        id=invoice.id,
        number=invoice.number or "",
        status=invoice.status or "",
        billing_reason=invoice.billing_reason or "",
        customer_id=id_of(invoice.customer),
        subscription_id=id_of(parent.subscription) if parent else "",
        currency=invoice.currency,
        paid_cents=invoice.amount_paid,
        total_cents=invoice.total,
        created_at=moment(invoice.created),
        paid_at=moment_or_none(invoice.status_transitions.paid_at),
        hosted_url=invoice.hosted_invoice_url or "",
        lines=tuple(_line_facts(line) for line in lines),
        charged_cents=invoice.amount_paid - (getattr(invoice, "amount_paid_off_stripe", None) or 0),
    )


def _line_facts(line: InvoiceLineItem) -> LineFacts:
    price = line.pricing.price_details if line.pricing else None
    parent = line.parent
    item = (parent.subscription_item_details or parent.invoice_item_details) if parent else None
    return LineFacts(
        id=line.id,
        price_id=id_of(price.price) if price else "",
        is_proration=bool(item and item.proration),
        quantity=1 if line.quantity is None else line.quantity,
        starts_at=moment(line.period.start),
        ends_at=moment(line.period.end),
        is_extra=bool(parent and parent.invoice_item_details),
    )
