"""Customers, and the pages on which they pay."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from stripe import PaymentIntent
from stripe.checkout import Session

from billing.gateway.client import PAGE, asks_stripe, client, id_of, lists_stripe, moment, seconds_of
from billing.gateway.facts import SessionFacts

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams
    from stripe.params.checkout import SessionCreateParams

#: A payment in these states brings no money any more, unless the customer starts anew.
OVER = {"requires_payment_method", "canceled"}


@asks_stripe
def create_customer(*, email: str, name: str, metadata: Mapping[str, str], idempotency_key: str) -> str:
    """Make a customer and return its id; the same key returns the same one, for a day at least."""
    params: CustomerCreateParams = {"metadata": dict(metadata)}
    if email:
        params["email"] = email
    if name:
        params["name"] = name
    return client().v1.customers.create(params, {"idempotency_key": idempotency_key}).id


@asks_stripe
def is_customer_deleted(customer_id: str) -> bool:
    """Return whether a customer was deleted at Stripe. Raises StripeNotFound when there never was one."""
    customer = client().v1.customers.retrieve(customer_id)
    return customer.id == customer_id and bool(getattr(customer, "deleted", False))


@asks_stripe
def delete_customer(customer_id: str) -> None:
    """Delete a customer with their cards; subscriptions end at once, and nothing is charged any more.

    Raises StripeNotFound when there is none, or none any more, and StripeUnavailable for an answer that doesn't say so.
    """
    answer = client().v1.customers.delete(customer_id)
    if answer.id != customer_id or not answer.deleted:
        raise ValueError("Stripe did not say that the customer is deleted.")


@asks_stripe
def create_session(
    *,
    mode: str,
    price_id: str,
    customer_id: str,
    checkout_id: str,
    success_url: str,
    cancel_url: str,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> SessionFacts:
    """Open a page at Stripe on which the customer pays one piece of a price, by card and in the price's currency.

    It stays open for Stripe's 24 hours. `mode` is "payment" or "subscription". Our ids go onto everything that the page
    will make, because metadata isn't handed down. Raises StripeNotFound when the customer or the price is gone.
    """
    params: SessionCreateParams = {
        "mode": mode,
        "ui_mode": "hosted_page",
        "customer": customer_id,
        "client_reference_id": checkout_id,
        "line_items": [{"price": price_id, "quantity": 1}],
        "success_url": success_url,
        "cancel_url": cancel_url,
        "allowed_payment_method_types": ["card"],
        "adaptive_pricing": {"enabled": False},
        "allow_promotion_codes": False,
        "metadata": dict(metadata),
    }
    if mode == "subscription":
        params["subscription_data"] = {"metadata": dict(metadata)}
    else:
        params["payment_intent_data"] = {"metadata": dict(metadata)}
    return _facts(client().v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key}))


@asks_stripe
def fetch_session(session_id: str) -> SessionFacts:
    """Return a session with what it sells, and whether its payment has failed."""
    return _facts(client().v1.checkout.sessions.retrieve(session_id, {"expand": ["line_items", "payment_intent"]}))


@asks_stripe
def expire_session(session_id: str) -> SessionFacts:
    """Close an open session, so that nobody can pay it any more. Raises StripeRefused when it isn't open."""
    return _facts(client().v1.checkout.sessions.expire(session_id))


@asks_stripe
def session_of_payment(payment_intent_id: str) -> SessionFacts | None:
    """Return the session that a payment was made on, with what it sells, or None."""
    found = client().v1.checkout.sessions.list(
        {"payment_intent": payment_intent_id, "limit": 1, "expand": ["data.line_items"]}
    )
    return next((_facts(session) for session in found.data), None)


@lists_stripe
def sessions_since(created_at: datetime) -> Iterator[SessionFacts]:
    """Return the sessions that were opened since then and are complete, with what they sell, newest first."""
    found = client().v1.checkout.sessions.list(
        {
            "created": {"gte": seconds_of(created_at)},
            "status": "complete",
            "limit": PAGE,
            "expand": ["data.line_items"],
        }
    )
    for session in found.auto_paging_iter():
        yield _facts(session)


def _facts(session: Session) -> SessionFacts:
    return SessionFacts(
        id=session.id,
        mode=session.mode,
        status=session.status or "",
        payment_status=session.payment_status,
        url=session.url or "",
        expires_at=moment(session.expires_at),
        created_at=moment(session.created),
        customer_id=id_of(session.customer),
        client_reference_id=session.client_reference_id or "",
        payment_intent_id=id_of(session.payment_intent),
        subscription_id=id_of(session.subscription),
        currency=session.currency or "",
        total_cents=session.amount_total or 0,
        price_ids=tuple(_price_ids(session)),
        is_failed=_is_failed(session),
    )


def _is_failed(session: Session) -> bool:
    """Return whether a session was completed with a payment that has failed since, as far as that was asked for."""
    payment = session.payment_intent
    return session.payment_status == "unpaid" and isinstance(payment, PaymentIntent) and payment.status in OVER


def _price_ids(session: Session) -> Iterator[str]:
    lines = getattr(session, "line_items", None)
    for line in lines.auto_paging_iter() if lines else ():
        for _ in range(line.quantity or 1):
            yield id_of(line.price)
