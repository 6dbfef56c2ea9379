"""Checkout Sessions: what a customer is about to buy on the hosted page."""

from urllib.parse import urlsplit

from sandbox.stripe import customers, subscriptions
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import CREATED, created_within, get, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, listing

SHORTEST, LONGEST = 30 * 60, 24 * 3600
STATUSES = ("complete", "expired", "open")
EMPTY = (
    "after_expiration",
    "client_secret",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "invoice",
    "origin_context",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "saved_payment_method_options",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "subscription",
    "wallet_options",
)
UNTOUCHED: Object = {
    **dict.fromkeys(EMPTY),
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(
        ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"),
    ),
    "discounts": [],
    "livemode": False,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    "status": "open",
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "ui_mode": "hosted_page",
}
"""What says the same on every new session here."""


def create(world: World, params: Object) -> Object:
    _check(world, params)
    now = world.now(params.get("customer"))
    sold = [_item(world, params["mode"], item, place) for place, item in enumerate(params["line_items"])]
    if params["mode"] == "subscription" and not any(item["price"]["recurring"] for item in sold):
        message = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise Refused(message, param="line_items")
    expires_at = params.get("expires_at") or now + LONGEST
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise Refused(message, param="expires_at")
    session_id = world.new_id("cs_test_")
    total = sum(item["amount_total"] for item in sold)
    is_payment = params["mode"] == "payment"
    session: Object = {
        **UNTOUCHED,
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": params.get("adaptive_pricing") or {"enabled": True},
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": now,
        "currency": sold[0]["currency"],
        "customer": params.get("customer"),
        "customer_creation": None if params.get("customer") or not is_payment else "if_required",
        "customer_details": _details(world, params),
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "invoice_creation": _invoice_creation() if is_payment else None,
        "locale": params.get("locale"),
        "metadata": merged(None, params.get("metadata")),
        "mode": params["mode"],
        "payment_method_collection": "if_required" if is_payment else "always",
        "submit_type": params.get("submit_type"),
        "success_url": params["success_url"],
        "url": f"{world.base_url}/c/pay/{session_id}",
        "_items": sold,
        "_data": params.get("payment_intent_data") or params.get("subscription_data") or {},
    }
    return world.put(session)


def _check(world: World, params: Object) -> None:
    if params.get("customer") and params.get("customer_email"):
        message = "You may only specify one of these parameters: customer, customer_email."
        raise Refused(message, param="customer")
    if params.get("customer"):
        customers.get_customer(world, params["customer"], param="customer", status=400)
    for name, mode in (("payment_intent_data", "subscription"), ("subscription_data", "payment")):
        if name in params and params["mode"] == mode:
            raise Refused(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if len(params.get("client_reference_id") or "") > 200:
        raise Refused("Invalid string: must be at most 200 characters", param="client_reference_id")
    for name in ("success_url", "cancel_url"):
        address = urlsplit(params.get(name) or "https://example.com")
        if address.scheme not in ("http", "https") or not address.netloc:
            raise Refused("Not a valid URL", code="url_invalid", param=name)


def _item(world: World, mode: str, item: Object, place: int) -> Object:
    """Return a line item as the session shows it, or raise Refused for a price that can't be sold like this."""
    param = f"line_items[{place}][price]"
    price = subscriptions.sellable(world, item["price"], recurring=False, param=param)
    if mode == "payment" and price["recurring"]:
        message = (
            "You specified `payment` mode but passed a recurring price. "
            "Either switch to `subscription` mode or use only one-time prices."
        )
        raise Refused(message, param="mode")
    if mode == "subscription" and not price["recurring"]:
        raise Refused("The sandbox sells only recurring prices in `subscription` mode.", param=param)
    quantity = item.get("quantity")
    if quantity is None or quantity < 1:
        raise Refused("Quantity is required. Add `quantity` to `line_items`", param=f"line_items[{place}][quantity]")
    amount = price["unit_amount"] * quantity
    return {
        "id": world.new_id("li_"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": world.get("product", price["product"])["name"],
        "discounts": [],
        "price": price,
        "quantity": quantity,
        "taxes": [],
    }


def _details(world: World, params: Object) -> Object | None:
    """Return what is known of the customer before they have filled in the page."""
    if params.get("customer"):
        return details_of(world.get("customer", params["customer"])["email"], None)
    return details_of(params["customer_email"], None) if params.get("customer_email") else None


def details_of(email: str | None, name: str | None) -> Object:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _invoice_creation() -> Object:
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    return {"enabled": False, "invoice_data": {**dict.fromkeys(names), "metadata": {}}}


def expire(world: World, session: Object) -> Object:
    session = world.change(session, status="expired", url=None)
    world.emit("checkout.session.expired", session)
    return session


def expire_by_request(world: World, params: Object, session_id: str) -> Object:
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
        raise Refused(message, param="session")
    return expire(world, session)


def update(world: World, params: Object, session_id: str) -> Object:
    session = world.get("checkout.session", session_id)
    return world.change(session, metadata=merged(session["metadata"], params.get("metadata")))


def items_of(world: World, session: Object) -> Object:
    """Return the list of a session's line items, as `expand` shows it."""
    return listing(session["_items"], f"/v1/checkout/sessions/{session['id']}/line_items")


def list_items(world: World, params: Object, session_id: str) -> list[Object]:
    found: list[Object] = world.get("checkout.session", session_id)["_items"]
    return found[::-1]


def list_all(world: World, params: Object) -> list[Object]:
    names = ("customer", "payment_intent", "status", "subscription")
    wanted = {name: params[name] for name in names if params.get(name)}
    email = (params.get("customer_details") or {}).get("email")
    return [
        session
        for session in world.all("checkout.session", **wanted)
        if created_within(session, params) and (not email or (session["customer_details"] or {}).get("email") == email)
    ]


LINE: Schema = {"price!": str, "quantity": int}
CREATE: Schema = {
    "adaptive_pricing": {"enabled": bool},
    "allow_promotion_codes": bool,
    "allowed_payment_method_types": [("card",)],
    "billing_address_collection": ("auto", "required"),
    "cancel_url": str,
    "client_reference_id": str,
    "customer": str,
    "customer_email": str,
    "expires_at": int,
    "line_items!": [LINE],
    "locale": ("auto", "en"),
    "metadata": METADATA,
    "mode!": ("payment", "subscription"),
    "payment_intent_data": {"description": str, "metadata": METADATA, "receipt_email": str},
    "submit_type": ("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": {"description": str, "metadata": METADATA},
    "success_url!": str,
    "ui_mode": ("hosted_page",),
}
ROUTES = [
    post("/v1/checkout/sessions", create, CREATE),
    get("/v1/checkout/sessions/<session>", retrieving("checkout.session")),
    post("/v1/checkout/sessions/<session>", update, {"metadata": METADATA}),
    post("/v1/checkout/sessions/<session>/expire", expire_by_request),
    pages("/v1/checkout/sessions/<session>/line_items", list_items),
    pages(
        "/v1/checkout/sessions",
        list_all,
        {
            "customer": str,
            "customer_details": {"email!": str},
            "payment_intent": str,
            "status": STATUSES,
            "subscription": str,
            **CREATED,
        },
    ),
]
