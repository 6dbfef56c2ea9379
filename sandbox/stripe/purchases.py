"""Paying on the hosted page: what becomes of a Checkout Session."""

from sandbox.stripe import cards, changes, checkout, customers, disputes, invoices, payments
from sandbox.stripe.errors import Refused
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
