"""Collecting an invoice's money, and what comes of it for the subscription."""

from sandbox.stripe import cards, invoice_payments, invoices, payments, subscriptions
from sandbox.stripe.errors import CardDeclined, Refused
from sandbox.stripe.routes import post
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

RETRIED_AFTER_DAYS = (3, 5, 7)
"""How long after each failed attempt the next one follows. When the last has failed, the subscription ends."""


def finalize_and_collect(world: World, invoice: Object) -> Object:
    """Finalize a draft whose hour has come, and try to collect it."""
    invoice = invoices.open_up(world, invoice)
    return invoice if invoice["status"] == "paid" else collect(world, invoice)


def collect(world: World, invoice: Object) -> Object:
    """Charge the customer's card by ourselves. A decline moves the subscription on its way to the end."""
    try:
        return pay(world, invoice, off_session=True)
    except CardDeclined as refusal:
        return _schedule_retry(world, world.get("invoice", invoice["id"]), refusal)


def pay(world: World, invoice: Object, *, method: Object | None = None, off_session: bool = True) -> Object:
    """Charge a card for an open invoice, or raise CardDeclined; paid, the subscription is active again."""
    if invoice["status"] != "open":
        message = "Invoice is already paid" if invoice["status"] == "paid" else "This invoice can no longer be paid"
        raise Refused(message, code="invoice_not_payable" if invoice["status"] != "paid" else None)
    subscription = world.get("subscription", invoice["_subscription"])
    method = method or cards.default_of(world, invoice["customer"], subscription)
    intent = invoice_payments.intent_of(world, invoice)
    assert intent is not None  # noqa: S101 - an open invoice has something to pay, and so an intent
    if method is None:
        message = "There is no default_payment_method set on this Customer or Invoice."
        raise CardDeclined("card_declined", "generic_decline", message)
    payments.attempt(world, intent, method, off_session=off_session)
    invoice = invoices.mark_paid(world, invoice)
    if subscription["status"] in ("past_due", "unpaid", "incomplete"):
        world.change(subscription, event="customer.subscription.updated", status="active")
    return invoice


def _schedule_retry(world: World, invoice: Object, refusal: CardDeclined) -> Object:
    failures = invoice["attempt_count"] + 1
    last = failures > len(RETRIED_AFTER_DAYS)
    now = world.now(invoice["customer"])
    invoice = world.change(
        invoice,
        event="invoice.updated",
        attempt_count=failures,
        attempted=True,
        next_payment_attempt=None if last else now + RETRIED_AFTER_DAYS[failures - 1] * 86_400,
    )
    subscription = world.get("subscription", invoice["_subscription"])
    world.emit("invoice.payment_failed", invoice)
    if refusal.code == "authentication_required":
        world.emit("invoice.payment_action_required", invoice)
    if last:
        subscriptions.end(world, subscription, reason="payment_failed")
    else:
        world.change(subscription, event="customer.subscription.updated", status="past_due")
    return world.get("invoice", invoice["id"])


def pay_by_request(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        invoice = invoices.open_up(world, invoice)
        if invoice["status"] == "paid":
            return invoice
    method = None
    if params.get("payment_method"):
        method = world.get("payment_method", params["payment_method"], param="payment_method", status=400)
    try:
        return pay(world, invoice, method=method, off_session=params.get("off_session", True))
    except CardDeclined:
        attempts = invoice["attempt_count"] + 1
        invoice = world.change(invoice, event="invoice.updated", attempt_count=attempts, attempted=True)
        world.emit("invoice.payment_failed", invoice)
        raise


def finalize(world: World, params: Object, invoice_id: str) -> Object:
    invoice = invoices.open_up(world, world.get("invoice", invoice_id))
    if params.get("auto_advance") is not None:
        return world.change(invoice, auto_advance=params["auto_advance"])
    return invoice


ROUTES = [
    post("/v1/invoices/<invoice>/pay", pay_by_request, {"off_session": bool, "payment_method": str}),
    post("/v1/invoices/<invoice>/finalize", finalize, {"auto_advance": bool}),
]
