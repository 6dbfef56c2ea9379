"""Paying on the hosted page: what becomes of a Checkout Session."""

from contextlib import suppress

from sandbox.stripe import cards, changes, checkout, customers, disputes, invoices, payments
from sandbox.stripe.errors import CardDeclined, Refused
from sandbox.stripe.parameters import merged
from sandbox.stripe.store import Object
from sandbox.stripe.world import World


def pay(
    world: World,
    session: Object,
    number: str,
    *,
    expiry: str | None = None,
    cvc: str | None = None,
    name: str | None = None,
    email: str | None = None,
    three_d_secure: bool | None = None,
) -> Object:
    """Pay an open session with a card, and return the completed session.

    Raises CardDeclined or NeedsThreeDSecure, and then the session stays open; Refused if it isn't open.
    """
    if session["status"] != "open":
        raise Refused(f"This Checkout Session is no longer open; it is {session['status']}.", param="session")
    email = email or (session["customer_details"] or {}).get("email")
    method = cards.create(world, number, customer=session["customer"], expiry=expiry, cvc=cvc, name=name, email=email)
    intent = _intent_of(world, session)
    if intent:
        payments.attempt(world, intent, method, three_d_secure=three_d_secure)
        intent = world.get("payment_intent", intent["id"])
    customer_id = _customer_of(world, session, email, name)
    if session["mode"] == "payment":
        result: Object = {"payment_intent": intent["id"] if intent else None}
    else:
        result = _subscribe(world, session, customer_id, intent, method)
    session = world.change(
        world.get("checkout.session", session["id"]),
        customer=customer_id,
        customer_details=checkout.details_of(email, name),
        payment_status="paid" if intent else "no_payment_required",
        status="complete",
        url=None,
        **result,
    )
    world.emit("checkout.session.completed", session)
    if intent and cards.behaviour_of(method).disputed:
        disputes.begin(world, payments.charge_of(world, intent["id"]))
    return session


def pay_later(world: World, session: Object, number: str, *, email: str | None = None) -> Object:
    """Complete a session in payment mode with a payment that takes days, as a bank debit does; see `settle`."""
    if session["status"] != "open" or session["mode"] != "payment":
        raise Refused("Only an open Checkout Session in payment mode can be paid later.", param="session")
    intent = _intent_of(world, session)
    if intent is None:
        raise Refused("There is nothing to pay.", param="session")
    method = cards.create(world, number, customer=session["customer"], email=email)
    world.change(intent, event="payment_intent.processing", payment_method=method["id"], status="processing")
    session = world.change(
        world.get("checkout.session", session["id"]), payment_intent=intent["id"], status="complete", url=None
    )
    world.emit("checkout.session.completed", session)
    return session


def settle(world: World, session: Object, *, succeeded: bool) -> Object:
    """Let a payment that took days arrive, or fail, and return the session."""
    intent = world.get("payment_intent", session["payment_intent"] or "", param="session", status=400)
    if intent["status"] != "processing":
        raise Refused(f"The payment of this Checkout Session is {intent['status']}.", param="session")
    method = world.get("payment_method", intent["payment_method"])
    if succeeded:
        with suppress(CardDeclined):
            payments.attempt(world, intent, method, three_d_secure=True)
    else:
        payments.decline(world, intent, method, cards.declined("insufficient_funds"))
    if world.get("payment_intent", intent["id"])["status"] != "succeeded":
        world.emit("checkout.session.async_payment_failed", session)
        return session
    session = world.change(session, payment_status="paid")
    world.emit("checkout.session.async_payment_succeeded", session)
    return session


def _intent_of(world: World, session: Object) -> Object | None:
    """Return the intent that the page pays with; the session shows it only once it is paid."""
    if not session["amount_total"]:
        return None
    if session.get("_intent"):
        return world.get("payment_intent", session["_intent"])
    is_payment = session["mode"] == "payment"
    data = session["_data"]
    intent = payments.create_intent(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description=data.get("description") if is_payment else invoices.DESCRIPTIONS["subscription_create"],
        metadata=merged(None, data.get("metadata")) if is_payment else {},
        setup_future_usage=None if is_payment else "off_session",
    )
    world.change(session, _intent=intent["id"])
    return intent


def _customer_of(world: World, session: Object, email: str | None, name: str | None) -> str | None:
    """Return the session's customer; a subscription makes one of what was typed into the page."""
    if session["customer"] or session["mode"] == "payment":
        customer_id: str | None = session["customer"]
        return customer_id
    customer_id = customers.create(world, {"email": email, "name": name})["id"]
    intent_id = world.get("checkout.session", session["id"]).get("_intent")
    if intent_id:
        intent = world.change(world.get("payment_intent", intent_id), customer=customer_id)
        world.change(world.get("charge", intent["latest_charge"]), customer=customer_id)
    return customer_id


def _subscribe(world: World, session: Object, customer_id: str | None, intent: Object | None, method: Object) -> Object:
    assert customer_id is not None  # noqa: S101 - a subscription's session has one by now
    world.change(method, event="payment_method.attached", customer=customer_id)
    sold = [(item["price"], item["quantity"]) for item in session["_items"]]
    metadata = merged(None, session["_data"].get("metadata"))
    subscription = changes.begin_paid(world, customer_id, sold, intent, metadata=metadata, method=method["id"])
    return {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
