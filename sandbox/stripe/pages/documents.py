"""Invoices and receipts, as a customer opens them from the portal or from a mail."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from sandbox.stripe import collection
from sandbox.stripe.errors import Refused
from sandbox.stripe.pages.frame import all_of, blueprint, not_found, one_of
from sandbox.stripe.pages.portal import TONES
from sandbox.stripe.serving import engine
from sandbox.stripe.store import Object


@blueprint.get("/i/<invoice_id>")
def invoice(invoice_id: str) -> ResponseReturnValue:
    """Show an invoice, which can be printed."""
    try:
        found = one_of("invoice", invoice_id)
    except Refused:
        return not_found("Invoice not found", "There is no such invoice. Check the address.")
    return show_invoice(found)


@blueprint.post("/i/<invoice_id>")
def pay_invoice(invoice_id: str) -> ResponseReturnValue:
    """Pay an open invoice with the card on file, as its customer does after a failed renewal."""
    try:
        with engine().acting():
            collection.pay(engine(), one_of("invoice", invoice_id), off_session=False)
    except Refused as refused:
        if refused.status == 404:
            return not_found("Invoice not found", "There is no such invoice. Check the address.")
        found = one_of("invoice", invoice_id)
        if found["status"] == "open":
            return show_invoice(found, problem=refused.message)
    return redirect(url_for(".invoice", invoice_id=invoice_id), 303)


def show_invoice(found: Object, problem: str = "") -> str:
    """Render an invoice with what went wrong about paying it."""
    charge = charge_of(found)
    method = engine().payment_method_of(found["customer"]) if found["status"] == "open" else None
    return render_template(
        "stripe/invoice.html",
        invoice=found,
        problem=problem,
        card=method["card"] if method else None,
        status=found["status"].capitalize(),
        tone=TONES[found["status"]],
        paid_at=found["status_transitions"]["paid_at"],
        receipt_url=charge["receipt_url"] if charge else None,
    )


@blueprint.get("/receipts/<charge_id>")
def receipt(charge_id: str) -> ResponseReturnValue:
    """Show what was charged, and what of it was refunded."""
    try:
        charge = one_of("charge", charge_id)
    except Refused:
        return not_found("Receipt not found", "There is no such receipt. Check the address.")
    status, tone = status_of(charge)
    return render_template(
        "stripe/receipt.html",
        charge=charge,
        status=status,
        tone=tone,
        card=(charge["payment_method_details"] or {}).get("card"),
        items=items_of(charge),
    )


def status_of(charge: Object) -> tuple[str, str]:
    """Return how a charge stands, in a word, and its colour."""
    if charge["status"] != "succeeded":
        return "Failed", "bad"
    if charge["disputed"]:
        return "Disputed", "bad"
    if charge["refunded"]:
        return "Refunded", "info"
    return ("Partly refunded", "info") if charge["amount_refunded"] else ("Paid", "good")


def charge_of(found: Object) -> Object | None:
    """Return the charge that paid an invoice, if one did."""
    for payment in all_of("invoice_payment", invoice=found["id"], status="paid"):
        intent = one_of("payment_intent", payment["payment"]["payment_intent"])
        return one_of("charge", intent["latest_charge"])
    return None


def items_of(charge: Object) -> list[Object]:
    """Return what a charge paid for: description and amount in cents of each line."""
    intent = charge["payment_intent"]
    for session in all_of("checkout.session", payment_intent=intent):
        return [{"description": line["description"], "amount": line["amount_total"]} for line in session["_items"]]
    for payment in all_of("invoice_payment"):
        if payment["payment"].get("payment_intent") == intent:
            lines = one_of("invoice", payment["invoice"])["lines"]["data"]
            return [{"description": line["description"], "amount": line["amount"]} for line in lines]
    return []
