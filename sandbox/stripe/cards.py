"""Stripe's test cards, and the payment methods that stand for them."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.stripe import customers
from sandbox.stripe.errors import CardDeclined, Refused
from sandbox.stripe.parameters import METADATA, merged
from sandbox.stripe.routes import get, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

DECLINES = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "authentication_required": (
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}


@dataclass(frozen=True)
class Behaviour:
    """What a test card does. Both declines are decline codes."""

    brand: str = "visa"
    declines: str | None = None
    declines_later: str | None = None
    """What happens when it is charged while the customer is away."""
    three_d_secure: bool = False
    refund: str = "succeeded"
    """How a refund starts; a refund that starts pending succeeds later, one that starts "failing" fails later."""
    disputed: bool = False


CARDS = {
    "4242424242424242": Behaviour(),
    "5555555555554444": Behaviour(brand="mastercard"),
    "4000000000000002": Behaviour(declines="generic_decline"),
    "4000000000009995": Behaviour(declines="insufficient_funds"),
    "4000000000000069": Behaviour(declines="expired_card"),
    "4000000000000127": Behaviour(declines="incorrect_cvc"),
    "4000000000000341": Behaviour(declines_later="generic_decline"),
    "4000002500003155": Behaviour(three_d_secure=True),
    "4000002760003184": Behaviour(three_d_secure=True, declines_later="authentication_required"),
    "4000000000000259": Behaviour(disputed=True),
    "4000000000007726": Behaviour(refund="pending"),
    "4000000000005126": Behaviour(refund="failing"),
}
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
}


def declined(decline_code: str) -> CardDeclined:
    code, message = DECLINES[decline_code]
    return CardDeclined(code, decline_code if code == "card_declined" else None, message)


def read_number(number: str) -> str:
    """Return a card number's digits, or raise CardDeclined: only Stripe's test cards exist here."""
    digits = re.sub(r"[\s-]", "", number)
    if not digits.isdigit() or not 12 <= len(digits) <= 19 or not _has_right_check_digit(digits):
        raise CardDeclined("incorrect_number", None, "Your card number is incorrect.")
    if digits not in CARDS:
        message = "Your card was declined. Your request was in test mode, but used a non test card."
        raise CardDeclined("card_declined", "test_mode_live_card", message)
    return digits


def _has_right_check_digit(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def read_expiry(expiry: str | None, now: int) -> tuple[int, int]:
    """Return month and year of "12/34", or raise CardDeclined. Without one it is a date far ahead."""
    today = datetime.fromtimestamp(now, UTC)
    if expiry is None:
        return 12, today.year + 4
    found = re.fullmatch(r"\s*(\d{1,2})\s*/?\s*(\d{2}|\d{4})\s*", expiry)
    if not found or not 1 <= int(found[1]) <= 12:
        raise CardDeclined("invalid_expiry_month", None, "Your card's expiration month is invalid.")
    month, year = int(found[1]), int(found[2])
    year += 2000 if year < 100 else 0
    if (year, month) < (today.year, today.month):
        raise CardDeclined("invalid_expiry_year", None, "Your card's expiration year is invalid.")
    return month, year


def read_cvc(cvc: str | None) -> None:
    if cvc is not None and not re.fullmatch(r"\d{3,4}", cvc.strip()):
        raise CardDeclined("invalid_cvc", None, "Your card's security code is invalid.")


def create(
    world: World,
    number: str,
    *,
    customer: str | None = None,
    expiry: str | None = None,
    cvc: str | None = None,
    name: str | None = None,
    email: str | None = None,
) -> Object:
    """Make a payment method of a test card, or raise CardDeclined if it can't be a card."""
    digits = read_number(number)
    now = world.now(customer)
    month, year = read_expiry(expiry, now)
    read_cvc(cvc)
    behaviour = CARDS[digits]
    return world.put(
        {
            "id": world.new_id("pm_"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {"address": None, "email": email, "name": name, "phone": None, "tax_id": None},
            "card": {
                "brand": behaviour.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "display_brand": behaviour.brand,
                "exp_month": month,
                "exp_year": year,
                "fingerprint": hashlib.sha256(digits.encode()).hexdigest()[:16],
                "funding": "credit",
                "generated_from": None,
                "last4": digits[-4:],
                "networks": {"available": [behaviour.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": now,
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            "_number": digits,
        }
    )


def behaviour_of(method: Object) -> Behaviour:
    return CARDS[method["_number"]]


def attach(world: World, params: Object, method_id: str) -> Object:
    """Attach a payment method (or one of Stripe's test tokens, such as pm_card_visa) to a customer."""
    customer = customers.get_customer(world, params["customer"], param="customer", status=400)
    if method_id in TOKENS:
        method = create(world, TOKENS[method_id], customer=customer["id"])
    else:
        method = world.get("payment_method", method_id)
    if method["customer"] not in (None, customer["id"]):
        message = "The payment method you provided has already been attached to a customer."
        raise Refused(message, code="payment_method_unexpected_state")
    if behaviour_of(method).declines:
        raise declined(str(behaviour_of(method).declines))
    return world.change(method, event="payment_method.attached", customer=customer["id"])


def detach(world: World, params: Object, method_id: str) -> Object:
    method = world.get("payment_method", method_id)
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise Refused(message, code="payment_method_not_attached")
    return world.change(method, event="payment_method.detached", customer=None)


def update(world: World, params: Object, method_id: str) -> Object:
    method = world.get("payment_method", method_id)
    metadata = merged(method["metadata"], params.get("metadata"))
    return world.change(method, event="payment_method.updated", metadata=metadata)


def list_all(world: World, params: Object) -> list[Object]:
    wanted = {name: params[name] for name in ("customer", "type") if params.get(name)}
    return world.all("payment_method", **wanted) if "customer" in wanted else []


def list_of_customer(world: World, params: Object, customer_id: str) -> list[Object]:
    customers.get_customer(world, customer_id)
    return world.all("payment_method", customer=customer_id)


def default_of(world: World, customer_id: str, subscription: Object | None = None) -> Object | None:
    """Return the card that the next charge goes to: the subscription's own, or the customer's."""
    method_id = subscription["default_payment_method"] if subscription else None
    if method_id is None:
        customer = world.store.get(customer_id) or {}
        method_id = (customer.get("invoice_settings") or {}).get("default_payment_method")
    return world.store.get(method_id) if method_id else None


ROUTES = [
    get("/v1/payment_methods/<method>", retrieving("payment_method")),
    post("/v1/payment_methods/<method>", update, {"metadata": METADATA}),
    post("/v1/payment_methods/<method>/attach", attach, {"customer!": str}),
    post("/v1/payment_methods/<method>/detach", detach),
    pages("/v1/payment_methods", list_all, {"customer": str, "type": ("card",)}),
    pages("/v1/customers/<customer>/payment_methods", list_of_customer, {"type": ("card",)}),
]
