"""Credits for money: what was paid is granted once, by the price that was paid, and written down beside the grant."""

from dataclasses import dataclass
from datetime import datetime

from billing.errors import UnexpectedPayment
from billing.gateway.facts import InvoiceFacts, LineFacts, SessionFacts
from billing.models import Grant, Message, Purchase, StripePrice
from billing.services import grants, outbox

CURRENCY = "usd"


@dataclass(frozen=True, slots=True)
class Payment:
    """What every sale has from its payment: cents in all, and Stripe's names for it."""

    cents: int
    paid_at: datetime
    stripe_payment_intent_id: str = ""
    stripe_session_id: str = ""
    stripe_invoice_id: str = ""


def fulfil_packs(*, wallet_id: int, session: SessionFacts, now: datetime) -> Purchase | None:
    """Grant the packs that a paid Checkout Session sold, once; return the purchase, or None while it isn't paid.

    Must run in a transaction that holds the wallet's lock. Raises UnexpectedPayment for a currency or price that we
    don't sell in: nothing is granted by amount.
    """
    if not session.is_paid:
        return None
    key = f"checkout_session:{session.id}"
    if first := Purchase.objects.filter(wallet_id=wallet_id, business_key=key).first():
        return first
    refuse_foreign_currency(session.currency, session.id)
    prices = {price.stripe_price_id: price for price in StripePrice.objects.filter(pack__isnull=False)}
    unknown = set(session.price_ids) - prices.keys()
    if unknown or not session.price_ids:
        raise UnexpectedPayment(
            f"{session.id} sold {', '.join(sorted(unknown)) or 'nothing'}, which is none of our packs."
        )
    grant = grants.issue(
        wallet_id=wallet_id,
        source=Grant.Source.PURCHASE,
        amount=sum(prices[price_id].amount or 0 for price_id in session.price_ids),
        business_key=key,
        now=now,
    )
    payment = Payment(
        cents=session.total_cents,
        paid_at=session.created_at,
        stripe_payment_intent_id=session.payment_intent_id,
        stripe_session_id=session.id,
    )
    purchase = record(
        wallet_id=wallet_id, business_key=key, sold=prices[session.price_ids[0]], grant=grant, payment=payment, now=now
    )
    outbox.tell(wallet=grant.wallet, kind=Message.Kind.PACK_RECEIPT, key=key, now=now, purchase=purchase.pk)
    return purchase


def record(
    *, wallet_id: int, business_key: str, sold: StripePrice, grant: Grant | None, payment: Payment, now: datetime
) -> Purchase:
    """Write down what was paid for a grant, in the grant's own transaction."""
    return Purchase.objects.create(
        wallet_id=wallet_id,
        business_key=business_key,
        pack_id=sold.pack_id,
        plan_id=sold.plan_id,
        grant=grant,
        cents=payment.cents,
        stripe_payment_intent_id=payment.stripe_payment_intent_id,
        stripe_session_id=payment.stripe_session_id,
        stripe_invoice_id=payment.stripe_invoice_id,
        paid_at=payment.paid_at,
        fulfilled_at=now,
    )


def plan_lines(invoice: InvoiceFacts) -> list[tuple[LineFacts, StripePrice]]:
    """Return an invoice's lines that buy a period of one of our plans, earliest first; prorations buy none.

    What is billed beside a plan is somebody else's sale. Raises UnexpectedPayment for a foreign currency, or when a
    subscription sold something else instead.
    """
    lines = [line for line in _lines_of_a_period(invoice) if not line.is_proration and line.price_id]
    if not lines:
        return []
    refuse_foreign_currency(invoice.currency, invoice.id)
    prices = {price.stripe_price_id: price for price in StripePrice.objects.filter(plan__isnull=False)}
    sold = [(line, prices[line.price_id]) for line in lines if line.price_id in prices]
    if not sold:
        others = ", ".join(sorted({line.price_id for line in lines}))
        raise UnexpectedPayment(f"{invoice.id} bills {others}, which is none of our plans.")
    return sorted(sold, key=lambda pair: (pair[0].starts_at, pair[0].id))


def _lines_of_a_period(invoice: InvoiceFacts) -> list[LineFacts]:
    """Return the lines for what a subscription sells, without extras that are charged once."""
    return [line for line in invoice.lines if line.quantity and not line.is_extra]


def refuse_foreign_currency(currency: str, what: str) -> None:
    """Raise UnexpectedPayment for anything but USD (decision 22)."""
    if currency.lower() != CURRENCY:
        raise UnexpectedPayment(f"{what} is in {currency.upper()}; we sell in {CURRENCY.upper()} only.")


def line_key(line: LineFacts) -> str:
    """Return the business key of what an invoice's line buys."""
    return f"invoice_line:{line.id}"
