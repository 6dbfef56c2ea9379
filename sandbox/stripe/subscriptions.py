"""Subscriptions: their beginning, their periods, their changes and their end."""

from sandbox.stripe import catalog, invoices, periods
from sandbox.stripe.balance import dollars
from sandbox.stripe.errors import Refused
from sandbox.stripe.routes import CREATED, created_within, get, pages, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, listing, public

LIVE = ("active", "past_due", "unpaid", "trialing", "incomplete")
STATUSES = (*LIVE, "canceled", "incomplete_expired", "paused", "all", "ended")
UNTOUCHED: Object = {
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "latest_invoice": None,
    "livemode": False,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    "trial_start": None,
    "_pending_lines": [],
}
"""What says the same on every new subscription here."""


def begin(
    world: World,
    customer_id: str,
    sold: list[tuple[Object, int]],
    *,
    metadata: dict[str, str] | None = None,
    method: str | None = None,
    status: str = "active",
    cancel_at_period_end: bool = False,
) -> Object:
    """Start a subscription to some prices, each with its quantity, at the customer's present."""
    now = world.now(customer_id)
    subscription_id = world.new_id("sub_")
    end = periods.end_after(now, now, sold[0][0]["recurring"])
    items = [_item(world, subscription_id, price, quantity, now, end) for price, quantity in sold]
    customer = world.get("customer", customer_id)
    subscription: Object = {
        **UNTOUCHED,
        "id": subscription_id,
        "object": "subscription",
        "billing_cycle_anchor": now,
        "created": now,
        "currency": sold[0][0]["currency"],
        "customer": customer_id,
        "default_payment_method": method,
        "items": listing(items, f"/v1/subscription_items?subscription={subscription_id}"),
        "metadata": metadata or {},
        "start_date": now,
        "status": status,
        "test_clock": customer["test_clock"],
    }
    if cancel_at_period_end:
        subscription |= {"cancel_at": end, "cancel_at_period_end": True, "canceled_at": now}
    world.change(customer, currency=subscription["currency"])
    return world.put(subscription)


def _item(world: World, subscription_id: str, price: Object, quantity: int, start: int, end: int) -> Object:
    return {
        "id": world.new_id("si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": catalog.plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def period_of(subscription: Object) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def period_lines(world: World, subscription: Object) -> list[Object]:
    """Return a line for each item, for the subscription's current period."""
    start, end = period_of(subscription)
    found = []
    for item in subscription["items"]["data"]:
        amount = item["price"]["unit_amount"] * item["quantity"]
        description = f"{item['quantity']} × {title(world, item)}"
        found.append(
            invoices.line(world, subscription, item, amount=amount, start=start, end=end, description=description)
        )
    return found


def title(world: World, item: Object) -> str:
    """Return what an item sells, as invoices put it."""
    price = item["price"]
    product = world.get("product", price["product"])["name"]
    return f"{product} (at {dollars(price['unit_amount'])} / {price['recurring']['interval']})"


def renew(world: World, subscription: Object) -> Object:
    """Begin the next period, and draft the invoice for it. Returns the invoice."""
    start, end = period_of(subscription)
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    next_end = periods.end_after(subscription["billing_cycle_anchor"], end, recurring)
    items = [
        {**item, "current_period_start": end, "current_period_end": next_end} for item in subscription["items"]["data"]
    ]
    pending = subscription["_pending_lines"]
    renewed = {**subscription, "items": {**subscription["items"], "data": items}}
    lines = [*pending, *period_lines(world, renewed)]
    invoice = invoices.draft(
        world, subscription, lines, reason="subscription_cycle", period_start=start, period_end=end
    )
    world.change(
        subscription,
        event="customer.subscription.updated",
        items=renewed["items"],
        latest_invoice=invoice["id"],
        _pending_lines=[],
    )
    return invoice


def end(world: World, subscription: Object, *, reason: str) -> Object:
    """Cancel a subscription at once."""
    now = world.now(subscription["customer"])
    subscription = world.change(
        subscription,
        cancel_at_period_end=False,
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details={**subscription["cancellation_details"], "reason": reason},
        ended_at=now,
        status="canceled",
    )
    world.emit("customer.subscription.deleted", subscription)
    for invoice in world.all("invoice", _subscription=subscription["id"]):
        if invoice["status"] in ("draft", "open"):
            changes: Object = {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
            world.change(invoice, event="invoice.updated", **changes)
    return subscription


def live(world: World, subscription_id: str) -> Object:
    """Return a subscription that hasn't ended, or raise Refused."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] not in (*LIVE, "paused"):
        raise Refused(f"No such subscription: '{subscription_id}'", code="resource_missing", param="id", status=404)
    return subscription


def sellable(world: World, price_id: str, *, recurring: bool, param: str = "price") -> Object:
    """Return an active price of the right type, or raise Refused."""
    price = world.get("price", price_id, param=param, status=400)
    if not price["active"]:
        message = f"The price specified is inactive. This field only accepts active prices. ({price_id})"
        raise Refused(message, param=param)
    if recurring and price["type"] != "recurring":
        accepted = "this field only accepts prices with `type=recurring`"
        message = f"The price specified is set to `type=one_time` but {accepted}. ({price_id})"
        raise Refused(message, param=param)
    return price


def list_all(world: World, params: Object) -> list[Object]:
    wanted = {name: params[name] for name in ("customer", "test_clock") if params.get(name)}
    status = params.get("status")
    return [
        subscription
        for subscription in world.all("subscription", **wanted)
        if _has_status(subscription, status)
        and (not params.get("price") or params["price"] in _prices(subscription))
        and created_within(subscription, params)
    ]


def list_of(world: World, customer: Object) -> Object:
    """Return the list of a customer's subscriptions, as `expand` shows it."""
    found = [public(item) for item in reversed(list_all(world, {"customer": customer["id"]}))]
    return listing(found[:10], f"/v1/customers/{customer['id']}/subscriptions", has_more=len(found) > 10)


def _has_status(subscription: Object, status: str | None) -> bool:
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in ("canceled", "incomplete_expired")
    return bool(subscription["status"] == status if status else subscription["status"] != "canceled")


def _prices(subscription: Object) -> list[str]:
    return [item["price"]["id"] for item in subscription["items"]["data"]]


ROUTES = [
    get("/v1/subscriptions/<subscription>", retrieving("subscription")),
    pages(
        "/v1/subscriptions",
        list_all,
        {"customer": str, "price": str, "status": STATUSES, "test_clock": str, **CREATED},
    ),
]
