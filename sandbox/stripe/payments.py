"""Payment intents and their charges."""

from typing import Any

from sandbox.stripe import balance, cards
from sandbox.stripe.errors import CardDeclined, NeedsThreeDSecure, Refused
from sandbox.stripe.parameters import METADATA, merged
from sandbox.stripe.routes import CREATED, get, listing_by, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, listing, public

UNCONFIRMED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
SELLER_MESSAGES = {True: "Payment complete.", False: "The bank did not return any further details with this decline."}
UNTOUCHED_INTENT: Object = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic_async",
    "confirmation_method": "automatic",
    "customer_account": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {"card": {"installments": None, "mandate_options": None, "network": None}},
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
}
UNTOUCHED_CHARGE: Object = {
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "calculated_statement_descriptor": "CLEVERAI",
    "disputed": False,
    "failure_balance_transaction": None,
    "fraud_details": {},
    "livemode": False,
    "on_behalf_of": None,
    "radar_options": {},
    "receipt_email": None,
    "receipt_number": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}


def create_intent(
    world: World,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
    setup_future_usage: str | None = None,
) -> Object:
    intent_id = world.new_id("pi_")
    intent = world.put(
        {
            **UNTOUCHED_INTENT,
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "client_secret": world.new_id(f"{intent_id}_secret_"),
            "created": world.now(customer),
            "currency": currency,
            "customer": customer,
            "description": description,
            "metadata": metadata or {},
            "setup_future_usage": setup_future_usage,
        }
    )
    world.emit("payment_intent.created", intent)
    return intent


def attempt(
    world: World, intent: Object, method: Object, *, off_session: bool = False, three_d_secure: bool | None = None
) -> Object:
    """Charge the card and return the intent that succeeded.

    Raises CardDeclined when the bank refuses, and NeedsThreeDSecure when it wants to see the customer first; then
    `three_d_secure` of the next attempt says whether they confirmed.
    """
    behaviour = cards.behaviour_of(method)
    refusal = _refusal(world, intent, behaviour, off_session=off_session)
    if refusal is None and behaviour.three_d_secure and not off_session:
        if three_d_secure is None:
            action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
            changes: Object = {"next_action": action, "payment_method": method["id"], "status": "requires_action"}
            world.change(intent, event="payment_intent.requires_action", **changes)
            raise NeedsThreeDSecure
        if three_d_secure is False:
            raise decline(
                world, intent, method, CardDeclined("payment_intent_authentication_failure", None, UNCONFIRMED)
            )
    if refusal is not None:
        raise decline(world, intent, method, refusal)
    return _succeed(world, intent, method)


def _refusal(world: World, intent: Object, behaviour: cards.Behaviour, *, off_session: bool) -> CardDeclined | None:
    failing = dict(world.store.state.get("fail_next", {}))
    for name in (intent["customer"], "*"):
        if name in failing:
            code = failing.pop(name)
            world.store.state = {**world.store.state, "fail_next": failing}
            return cards.declined(code)
    code = behaviour.declines or (behaviour.declines_later if off_session else None)
    return cards.declined(code) if code else None


def fail_next(world: World, customer: str | None, decline_code: str) -> None:
    """Let the next charge of a customer, or of anybody, be declined."""
    if decline_code not in cards.DECLINES:
        raise Refused(f"Invalid decline_code: must be one of {', '.join(cards.DECLINES)}", param="decline_code")
    failing = {**world.store.state.get("fail_next", {}), customer or "*": decline_code}
    world.store.state = {**world.store.state, "fail_next": failing}


def decline(world: World, intent: Object, method: Object, refusal: CardDeclined) -> CardDeclined:
    """Write down a declined charge, and return the refusal with what it concerns."""
    intent = world.store.get(intent["id"]) or intent
    charge = world.put(_charge(world, intent, method, refusal))
    world.emit("charge.failed", charge)
    error = {**refusal.body(), "charge": charge["id"], "payment_method": public(method)}
    intent = world.change(
        intent,
        last_payment_error=error,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    world.emit("payment_intent.payment_failed", intent)
    refusal.details = {"charge": charge["id"], "payment_intent": public(intent), "payment_method": public(method)}
    return refusal


def _succeed(world: World, intent: Object, method: Object) -> Object:
    intent = world.store.get(intent["id"]) or intent
    charge = _charge(world, intent, method, None)
    fee = balance.processing_fee(charge["amount"])
    movement = balance.book(world, "charge", charge, amount=charge["amount"], fee=fee)
    charge = world.put({**charge, "balance_transaction": movement["id"]})
    world.emit("charge.succeeded", charge)
    intent = world.change(
        intent,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method["id"],
        status="succeeded",
    )
    world.emit("payment_intent.succeeded", intent)
    return intent


def _charge(world: World, intent: Object, method: Object, refusal: CardDeclined | None) -> Object:
    charge_id = world.new_id("ch_")
    paid = refusal is None
    return {
        **UNTOUCHED_CHARGE,
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "billing_details": method["billing_details"],
        "captured": paid,
        "created": world.now(intent["customer"]),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "failure_code": refusal.code if refusal else None,
        "failure_message": refusal.message if refusal else None,
        "metadata": intent["metadata"],
        "outcome": _outcome(refusal),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(method, intent["amount"]), "type": "card"},
        "receipt_url": f"{world.base_url}/receipts/{charge_id}" if paid else None,
        "status": "succeeded" if paid else "failed",
    }


def _outcome(refusal: CardDeclined | None) -> Object:
    return {
        "advice_code": "try_again_later" if refusal else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if refusal else "approved_by_network",
        "reason": (refusal.decline_code or refusal.code) if refusal else None,
        "risk_level": "normal",
        "risk_score": 32,
        "seller_message": SELLER_MESSAGES[refusal is None],
        "type": "issuer_declined" if refusal else "authorized",
    }


def _card_details(method: Object, amount: int) -> Object:
    card = method["card"]
    names = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details: dict[str, Any] = {name: card[name] for name in names}
    return {
        **details,
        "amount_authorized": amount,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
    }


def charge_of(world: World, intent_id: str) -> Object:
    """Return the successful charge of an intent, or raise Refused."""
    intent = world.get("payment_intent", intent_id, param="payment_intent", status=400)
    charge = world.store.get(intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or not charge["paid"]:
        message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
        raise Refused(message, code="payment_intent_unexpected_state", param="payment_intent")
    return charge


def refunds_of(world: World, charge: Object) -> Object:
    """Return the list of a charge's refunds, newest first, as `expand` shows it."""
    found = [public(refund) for refund in reversed(world.all("refund", charge=charge["id"]))]
    return listing(found[:10], f"/v1/charges/{charge['id']}/refunds", has_more=len(found) > 10)


def update_intent(world: World, params: Object, intent_id: str) -> Object:
    intent = world.get("payment_intent", intent_id)
    changes: Object = {name: params[name] for name in ("description",) if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(intent["metadata"], params["metadata"])
    return world.change(intent, **changes)


def update_charge(world: World, params: Object, charge_id: str) -> Object:
    charge = world.get("charge", charge_id)
    changes: Object = {name: params[name] for name in ("description",) if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(charge["metadata"], params["metadata"])
    return world.change(charge, event="charge.updated", **changes)


ROUTES = [
    get("/v1/payment_intents/<intent>", retrieving("payment_intent")),
    post("/v1/payment_intents/<intent>", update_intent, {"description": str, "metadata": METADATA}),
    pages("/v1/payment_intents", listing_by("payment_intent", "customer"), {"customer": str, **CREATED}),
    get("/v1/charges/<charge>", retrieving("charge")),
    post("/v1/charges/<charge>", update_charge, {"description": str, "metadata": METADATA}),
    pages(
        "/v1/charges",
        listing_by("charge", "customer", "payment_intent"),
        {"customer": str, "payment_intent": str, **CREATED},
    ),
]
