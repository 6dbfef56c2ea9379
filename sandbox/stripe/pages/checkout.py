"""Hosted Checkout: what is sold on the left, the card on the right, and the way back."""

import json
from dataclasses import dataclass

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox.stripe.errors import CardDeclined, NeedsThreeDSecure, Refused
from sandbox.stripe.pages.cards import EXAMPLE, TEST_CARDS, CardForm
from sandbox.stripe.pages.frame import MERCHANT, allow_form_target, blueprint, every, money, not_found
from sandbox.stripe.serving import engine
from sandbox.stripe.store import Object


@dataclass(frozen=True, slots=True)
class Offer:
    """What a session sells, in words. `every` is empty for a single payment."""

    title: str
    lines: list[Object]
    every: str
    button: str


@blueprint.get("/c/pay/<session_id>")
def checkout(session_id: str) -> ResponseReturnValue:
    """Show the form, or what has become of the session."""
    session = find(session_id)
    if session is None:
        return no_session()
    if session["status"] != "open":
        return over(session)
    return show(session, CardForm.empty(request.args.get("card"), asks_email=email_of(session) is None))


@blueprint.post("/c/pay/<session_id>")
def pay(session_id: str) -> ResponseReturnValue:
    """Try the card. A session that is paid already leads on like the first time, so a second click does no harm."""
    session = find(session_id)
    if session is None:
        return no_session()
    if session["status"] == "complete":
        return leave(session)
    if session["status"] != "open":
        return over(session)
    form = CardForm.read(request.form, asks_email=email_of(session) is None)
    if not form.check(now=engine().now()):
        return show(session, form)
    return try_card(session, form)


def try_card(session: Object, form: CardForm) -> ResponseReturnValue:
    """Pay with what the form says, and answer with the way back, the bank's question, or what went wrong."""
    answer = request.form.get("three_d_secure")
    try:
        paid = engine().pay(
            session["id"],
            form.digits,
            expiry=form.expiry,
            cvc=form.cvc,
            name=form.name,
            email=form.email,
            three_d_secure=answer == "complete" if answer else None,
        )
    except NeedsThreeDSecure:
        allow_form_target(session["success_url"])
        return render_template("stripe/three_d_secure.html", session=session, form=form)
    except CardDeclined as declined:
        return show(session, form, problem=declined.message)
    except Refused as refused:
        session = engine().session(session["id"])
        if session["status"] == "open":
            return show(session, form, problem=refused.message)
        return leave(session) if session["status"] == "complete" else over(session)
    return leave(paid)


def find(session_id: str) -> Object | None:
    """Return the session, or None where there is none."""
    try:
        return engine().session(session_id)
    except Refused:
        return None


def email_of(session: Object) -> str | None:
    """Return the address the session knows, or None where the page has to ask for it."""
    details = session["customer_details"] or {}
    return details.get("email")


def offer_of(session: Object) -> Offer:
    """Return what the session sells."""
    lines = session["line_items"]["data"]
    recurring = next((line["price"]["recurring"] for line in lines if line["price"]["recurring"]), None)
    names = " and ".join(line["description"] for line in lines[:2]) + (" and more" if len(lines) > 2 else "")
    amount = money(session["amount_total"], session["currency"])
    if session["mode"] == "subscription":
        return Offer(f"Subscribe to {names}", lines, every(recurring), "Subscribe")
    return Offer(names, lines, "", f"Pay {amount}")


def show(session: Object, form: CardForm, problem: str = "") -> ResponseReturnValue:
    """Render the form with what is wrong with it."""
    allow_form_target(session["success_url"])
    return render_template(
        "stripe/checkout.html",
        session=session,
        offer=offer_of(session),
        email=email_of(session),
        form=form,
        problem=problem,
        test_cards=TEST_CARDS,
        fill=json.dumps(EXAMPLE),
    )


def leave(session: Object) -> ResponseReturnValue:
    """Send the customer back to the merchant, with the session's id where the address asks for it."""
    return redirect(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def over(session: Object) -> ResponseReturnValue:
    """Show that the session is paid or expired, and the way back."""
    complete = session["status"] == "complete"
    back = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]) if complete else session["cancel_url"]
    return render_template(
        "stripe/message.html",
        title="You’re all done here" if complete else "This session has expired",
        words=(
            "You’ve already completed this payment. You won’t be charged again."
            if complete
            else "Checkout sessions are open for a limited time. Nothing was charged. Go back and start again."
        ),
        icon_name="circle-check" if complete else "clock",
        back_url=back,
        back_words=f"Return to {MERCHANT}",
    )


def no_session() -> ResponseReturnValue:
    """Answer an address that names no session."""
    return not_found("Something went wrong", "The page you were looking for could not be found. Check the address.")
