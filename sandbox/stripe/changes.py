"""What a request may change about a subscription: its items, its card, its end."""

from sandbox.stripe import cards, catalog, collection, customers, invoices, payments, subscriptions
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, merged
from sandbox.stripe.routes import delete, post
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
PRORATIONS = ("always_invoice", "create_prorations", "none")


def create(world: World, params: Object) -> Object:
    """Start a subscription without Checkout: the customer's card is charged at once."""
    customer = customers.get_customer(world, params["customer"], param="customer", status=400)
    sold = [
        (subscriptions.sellable(world, item["price"], recurring=True, param="items[price]"), item.get("quantity") or 1)
        for item in params["items"]
    ]
    method_id = params.get("default_payment_method")
    method = (
        world.get("payment_method", method_id, param="default_payment_method", status=400)
        if method_id
        else cards.default_of(world, customer["id"])
    )
    if method is None:
        message = "This customer has no attached payment source or default payment method."
        raise Refused(message, code="resource_missing")
    amount = sum(price["unit_amount"] * quantity for price, quantity in sold)
    intent = None
    if amount:
        intent = payments.create_intent(
            world,
            amount=amount,
            currency=sold[0][0]["currency"],
            customer=customer["id"],
            description=invoices.DESCRIPTIONS["subscription_create"],
            setup_future_usage="off_session",
        )
        payments.attempt(world, intent, method, off_session=bool(params.get("off_session")))
    metadata = merged(None, params.get("metadata"))
    return begin_paid(
        world,
        customer["id"],
        sold,
        intent,
        metadata=metadata,
        method=method_id,
        cancel_at_period_end=bool(params.get("cancel_at_period_end")),
    )


def begin_paid(
    world: World,
    customer_id: str,
    sold: list[tuple[Object, int]],
    intent: Object | None,
    *,
    metadata: dict[str, str],
    method: str | None,
    cancel_at_period_end: bool = False,
) -> Object:
    """Start a subscription whose first payment has been made, with its paid first invoice."""
    subscription = subscriptions.begin(
        world, customer_id, sold, metadata=metadata, method=method, cancel_at_period_end=cancel_at_period_end
    )
    start = subscription["start_date"]
    lines = subscriptions.period_lines(world, subscription)
    invoice = invoices.draft(
        world, subscription, lines, reason="subscription_create", period_start=start, period_end=start
    )
    subscription = world.change(subscription, latest_invoice=invoice["id"])
    world.emit("customer.subscription.created", subscription)
    invoice = invoices.open_up(world, invoice, intent)
    if invoice["status"] != "paid":
        invoices.mark_paid(world, invoice)
    return subscription


def update(world: World, params: Object, subscription_id: str) -> Object:
    subscription = subscriptions.live(world, subscription_id)
    if params.get("cancel_at") and params.get("cancel_at_period_end"):
        message = "You may only pass one of these parameters: cancel_at, cancel_at_period_end"
        raise Refused(message, param="cancel_at")
    changes: Object = {}
    if "cancel_at_period_end" in params or "cancel_at" in params:
        changes |= _cancellation(world, params, subscription)
    if "default_payment_method" in params:
        method = params["default_payment_method"]
        if method:
            world.get("payment_method", method, param="default_payment_method", status=400)
        changes["default_payment_method"] = method
    if "metadata" in params:
        changes["metadata"] = merged(subscription["metadata"], params["metadata"])
    if "description" in params:
        changes["description"] = params["description"]
    if params.get("cancellation_details"):
        details: Object = changes.get("cancellation_details") or subscription["cancellation_details"]
        changes["cancellation_details"] = {**details, **params["cancellation_details"]}
    if params.get("items"):
        return _change_items(world, subscription, params, changes)
    return world.change(subscription, event="customer.subscription.updated", **changes)


def _cancellation(world: World, params: Object, subscription: Object) -> Object:
    """Return what changes when a subscription is set to end later, or not any more."""
    at_period_end = bool(params.get("cancel_at_period_end"))
    moment = subscriptions.period_of(subscription)[1] if at_period_end else params.get("cancel_at")
    now = world.now(subscription["customer"])
    if moment is not None and moment <= now:
        raise Refused("cancel_at must be in the future", param="cancel_at")
    return {
        "cancel_at": moment,
        "cancel_at_period_end": at_period_end,
        "canceled_at": now if moment else None,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "reason": "cancellation_requested" if moment else None,
        },
    }


def _change_items(world: World, subscription: Object, params: Object, changes: Object) -> Object:
    """Change prices or quantities; the rest of the period is prorated by the second unless the request says "none"."""
    items = {item["id"]: item for item in subscription["items"]["data"]}
    behaviour = params.get("proration_behavior") or "create_prorations"
    lines: list[Object] = []
    for wanted in params["items"]:
        old = items.get(wanted.get("id") or "")
        if old is None:
            raise Refused(f"No such subscription item: '{wanted.get('id')}'", code="resource_missing", param="items")
        price = old["price"]
        if wanted.get("price"):
            price = subscriptions.sellable(world, wanted["price"], recurring=True, param="items[price]")
            if price["recurring"] != old["price"]["recurring"]:
                raise Refused("The sandbox changes prices only within the same interval.", param="items[price]")
        quantity = wanted.get("quantity") or old["quantity"]
        new = {**old, "plan": catalog.plan_of(price), "price": price, "quantity": quantity}
        items[old["id"]] = new
        if behaviour != "none" and new != old:
            lines += _prorations(world, subscription, old, new)
    changes["items"] = {**subscription["items"], "data": list(items.values())}
    if behaviour == "create_prorations":
        changes["_pending_lines"] = [*subscription["_pending_lines"], *lines]
    subscription = world.change(subscription, event="customer.subscription.updated", **changes)
    return _invoice_now(world, subscription, lines) if behaviour == "always_invoice" and lines else subscription


def _prorations(world: World, subscription: Object, old: Object, new: Object) -> list[Object]:
    """Return what is given back for the rest of the period, and what it costs now."""
    now = world.now(subscription["customer"])
    start, end = subscriptions.period_of(subscription)
    lines = []
    for item, sign, word in ((old, -1, "Unused"), (new, 1, "Remaining")):
        whole = item["price"]["unit_amount"] * item["quantity"]
        amount = sign * (whole * (end - now) // (end - start))
        description = f"{word} time on {subscriptions.title(world, item)}"
        lines.append(
            invoices.line(
                world,
                subscription,
                item,
                amount=amount,
                start=now,
                end=end,
                description=description,
                proration=True,
            )
        )
    return lines


def _invoice_now(world: World, subscription: Object, lines: list[Object]) -> Object:
    now = world.now(subscription["customer"])
    invoice = invoices.draft(world, subscription, lines, reason="subscription_update", period_start=now, period_end=now)
    subscription = world.change(subscription, event="customer.subscription.updated", latest_invoice=invoice["id"])
    collection.finalize_and_collect(world, invoice)
    return world.get("subscription", subscription["id"])


def cancel(world: World, params: Object, subscription_id: str) -> Object:
    subscription = subscriptions.live(world, subscription_id)
    return subscriptions.end(world, subscription, reason="cancellation_requested")


def resume(world: World, params: Object, subscription_id: str) -> Object:
    """Resume a paused subscription."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] != "paused":
        message = "Only subscriptions with a status of `paused` can be resumed with this endpoint."
        raise Refused(message)
    subscription = world.change(subscription, status="active")
    world.emit("customer.subscription.resumed", subscription, previous={"status": "paused"})
    return subscription


def pause(world: World, subscription_id: str) -> Object:
    """Pause a subscription, as Stripe does when a trial ends without a card."""
    subscription = world.change(subscriptions.live(world, subscription_id), status="paused")
    world.emit("customer.subscription.paused", subscription, previous={"status": "active"})
    return subscription


def delete_customer(world: World, params: Object, customer_id: str) -> Object:
    """Delete a customer; all their subscriptions end at once."""
    customers.get_customer(world, customer_id)
    for subscription in world.all("subscription", customer=customer_id):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            subscriptions.end(world, subscription, reason="cancellation_requested")
    return customers.remove(world, customer_id)


DETAILS = {"comment": str, "feedback": FEEDBACK}
ROUTES = [
    post(
        "/v1/subscriptions",
        create,
        {
            "cancel_at_period_end": bool,
            "customer!": str,
            "default_payment_method": str,
            "items!": [{"price!": str, "quantity": int}],
            "metadata": METADATA,
            "off_session": bool,
        },
    ),
    post(
        "/v1/subscriptions/<subscription>",
        update,
        {
            "cancel_at": int,
            "cancel_at_period_end": bool,
            "cancellation_details": DETAILS,
            "default_payment_method": str,
            "description": str,
            "items": [{"id": str, "price": str, "quantity": int}],
            "metadata": METADATA,
            "proration_behavior": PRORATIONS,
        },
    ),
    delete("/v1/subscriptions/<subscription>", cancel),
    post(
        "/v1/subscriptions/<subscription>/resume",
        resume,
        {"billing_cycle_anchor": {"type!": ("now", "unchanged")}, "proration_behavior": PRORATIONS},
    ),
    delete("/v1/customers/<customer>", delete_customer),
]
