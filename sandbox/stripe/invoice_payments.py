"""Invoice payments: what links an invoice with the payment intent that is to pay it."""

from typing import Any

from sandbox.stripe.routes import CREATED, created_within, get, pages, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, listing, public


def link(world: World, invoice: Object, intent: Object) -> Object:
    return world.put(
        {
            "id": world.new_id("inpay_"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": world.now(invoice["customer"]),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
            "_customer": invoice["customer"],
        }
    )


def of(world: World, invoice: Object) -> Object | None:
    """Return the invoice payment that links an invoice with its payment intent."""
    payment_id = invoice.get("_payment")
    return world.store.get(payment_id) if payment_id else None


def intent_of(world: World, invoice: Object) -> Object | None:
    payment = of(world, invoice)
    return world.store.get(payment["payment"]["payment_intent"]) if payment else None


def mark_paid(world: World, invoice: Object) -> Object | None:
    """Write down that an invoice's payment has been made, and return it; None if there was nothing to pay."""
    payment = of(world, invoice)
    if payment is None:
        return None
    transitions = {"canceled_at": None, "paid_at": world.now(invoice["customer"])}
    return world.change(payment, amount_paid=invoice["amount_due"], status="paid", status_transitions=transitions)


def list_all(world: World, params: Object) -> list[Object]:
    wanted = {name: params[name] for name in ("invoice", "status") if params.get(name)}
    intent = (params.get("payment") or {}).get("payment_intent")
    return [
        payment
        for payment in world.all("invoice_payment", **wanted)
        if (intent is None or payment["payment"]["payment_intent"] == intent) and created_within(payment, params)
    ]


def shown(world: World, invoice: Object) -> Object:
    """Return the list of an invoice's payments, as `expand` shows it."""
    found = [public(payment) for payment in world.all("invoice_payment", invoice=invoice["id"])]
    return listing(found, f"/v1/invoice_payments?invoice={invoice['id']}")


PAYMENT: dict[str, Any] = {"type!": ("payment_intent",), "payment_intent": str}
ROUTES = [
    get("/v1/invoice_payments/<payment>", retrieving("invoice_payment")),
    pages(
        "/v1/invoice_payments",
        list_all,
        {"invoice": str, "payment": PAYMENT, "status": ("canceled", "open", "paid"), **CREATED},
    ),
]
