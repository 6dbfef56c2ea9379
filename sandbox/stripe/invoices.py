"""Invoices and what pays them: draft, open, paid."""

from sandbox.stripe import invoice_payments, payments
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, merged
from sandbox.stripe.routes import CREATED, created_within, get, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, listing

FINALIZED_AFTER = 3600
DESCRIPTIONS = {"subscription_create": "Subscription creation", "subscription_update": "Subscription update"}
STATUSES = ("draft", "open", "paid", "uncollectible", "void")
UNTOUCHED: Object = {
    "account_country": "US",
    "account_name": "CleverAI (sandbox)",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}
"""What says the same on every new invoice here."""


def line(
    world: World,
    subscription: Object,
    item: Object,
    *,
    amount: int,
    start: int,
    end: int,
    description: str,
    proration: bool = False,
) -> Object:
    """Return a line for an item of a subscription: `amount` cents for the time from `start` to `end`."""
    price = item["price"]
    return {
        "id": world.new_id("il_"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": world.new_id("ii_") if proration else None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def draft(
    world: World, subscription: Object, lines: list[Object], *, reason: str, period_start: int, period_end: int
) -> Object:
    """Make an invoice that is to be finalized and collected by itself an hour later."""
    invoice_id = world.new_id("in_")
    customer = world.get("customer", subscription["customer"])
    now = world.now(customer["id"])
    total = sum(entry["amount"] for entry in lines)
    lines = [{**entry, "invoice": invoice_id} for entry in lines]
    invoice: Object = {
        **UNTOUCHED,
        "id": invoice_id,
        "object": "invoice",
        "amount_due": max(total, 0),
        "amount_remaining": max(total, 0),
        "automatically_finalizes_at": now + FINALIZED_AFTER,
        "billing_reason": reason,
        "created": now,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "lines": listing(lines, f"/v1/invoices/{invoice_id}/lines"),
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "period_end": period_end,
        "period_start": period_start,
        "starting_balance": customer["balance"],
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": customer["test_clock"],
        "total": total,
        "total_excluding_tax": total,
        "_subscription": subscription["id"],
    }
    world.put(invoice)
    world.emit("invoice.created", invoice)
    return invoice


def open_up(world: World, invoice: Object, intent: Object | None = None) -> Object:
    """Finalize a draft: it gets its number and the payment intent that is to pay it (a given one, or a new one).

    What the customer has as a credit balance is used first. An invoice with nothing to pay is paid by that.
    """
    if invoice["status"] != "draft":
        message = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
        raise Refused(message, code="invoice_not_editable")
    customer = world.get("customer", invoice["customer"])
    now = world.now(customer["id"])
    sequence = customer["next_invoice_sequence"]
    due = max(invoice["total"] + customer["balance"], 0)
    ending_balance = min(invoice["total"] + customer["balance"], 0)
    world.change(customer, next_invoice_sequence=sequence + 1, balance=ending_balance)
    invoice = world.change(
        invoice,
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        effective_at=now,
        ending_balance=ending_balance,
        hosted_invoice_url=f"{world.base_url}/i/{invoice['id']}",
        number=f"{customer['invoice_prefix']}-{sequence:04}",
        starting_balance=customer["balance"],
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )
    world.emit("invoice.finalized", invoice)
    if due:
        intent = intent or payments.create_intent(
            world,
            amount=due,
            currency=invoice["currency"],
            customer=customer["id"],
            description=DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update"),
            setup_future_usage="off_session",
        )
        return world.change(invoice, _payment=invoice_payments.link(world, invoice, intent)["id"])
    return mark_paid(world, invoice)


def mark_paid(world: World, invoice: Object) -> Object:
    """Write down that an open invoice's money is here, and tell of it."""
    now = world.now(invoice["customer"])
    payment = invoice_payments.mark_paid(world, invoice)
    invoice = world.change(
        invoice,
        event="invoice.updated",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + 1 if payment else 0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    if payment:
        world.emit("invoice_payment.paid", payment)
    return invoice


def void(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refused(f"You can only void open or uncollectible invoices; this one is {invoice['status']}.")
    transitions = {**invoice["status_transitions"], "voided_at": world.now(invoice["customer"])}
    changes: Object = {"auto_advance": False, "next_payment_attempt": None, "status": "void"}
    invoice = world.change(invoice, status_transitions=transitions, **changes)
    world.emit("invoice.voided", invoice)
    return invoice


def update(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.get("invoice", invoice_id)
    changes: Object = {name: params[name] for name in ("auto_advance", "description") if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(invoice["metadata"], params["metadata"])
    return world.change(invoice, event="invoice.updated", **changes)


def list_all(world: World, params: Object) -> list[Object]:
    wanted = {name: params[name] for name in ("customer", "status") if params.get(name)}
    if params.get("subscription"):
        wanted["_subscription"] = params["subscription"]
    return [invoice for invoice in world.all("invoice", **wanted) if created_within(invoice, params)]


def list_lines(world: World, params: Object, invoice_id: str) -> list[Object]:
    found: list[Object] = world.get("invoice", invoice_id)["lines"]["data"]
    return found[::-1]


ROUTES = [
    get("/v1/invoices/<invoice>", retrieving("invoice")),
    post("/v1/invoices/<invoice>", update, {"auto_advance": bool, "description": str, "metadata": METADATA}),
    post("/v1/invoices/<invoice>/void", void),
    pages("/v1/invoices/<invoice>/lines", list_lines),
    pages("/v1/invoices", list_all, {"customer": str, "status": STATUSES, "subscription": str, **CREATED}),
]
