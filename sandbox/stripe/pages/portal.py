"""The customer portal: the plan, the card and the invoices of one customer, and straight ways to one of them."""

import json
from dataclasses import dataclass

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.stripe import changes
from sandbox.stripe.errors import Refused
from sandbox.stripe.pages.cards import EXAMPLE, TEST_CARDS, CardForm
from sandbox.stripe.pages.frame import MERCHANT, allow_form_target, blueprint, every, not_found, one_of
from sandbox.stripe.serving import engine
from sandbox.stripe.store import Object

NOTICES = {
    "canceled": "Your plan has been canceled.",
    "resumed": "Your plan has been renewed.",
    "card": "Your card has been updated.",
}
OVER = {"canceled", "incomplete", "incomplete_expired"}
TONES = {"paid": "good", "open": "warn", "void": "", "uncollectible": "bad", "draft": ""}
OVERDUE = {"past_due", "unpaid"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription in words. Times are seconds since 1970; `ends_at` is None while it renews."""

    id: str
    name: str
    amount: int
    currency: str
    every: str
    renews_at: int
    ends_at: int | None
    overdue: bool
    badge: str
    tone: str


@blueprint.get("/p/session/<session_id>")
def portal(session_id: str) -> ResponseReturnValue:
    """Show the portal, or go where the session's flow leads."""
    session = find(session_id)
    if session is None:
        return no_session()
    done = request.args.get("done", "")
    flow = session["flow"]
    if flow and done not in NOTICES:
        if flow["type"] == "payment_method_update":
            return redirect(url_for(".portal_card", session_id=session_id), 303)
        if flow["type"] == "subscription_cancel":
            subscription_id = flow["subscription_cancel"]["subscription"]
            return redirect(url_for(".portal_cancel", session_id=session_id, subscription_id=subscription_id), 303)
    features = features_of(session)
    return render_template(
        "stripe/portal.html",
        session=session,
        customer=one_of("customer", session["customer"]),
        plans=[plan_of(subscription) for subscription in running(session)],
        card=card_of(session),
        invoices=[] if not features["invoice_history"]["enabled"] else invoices_of(session),
        shows_invoices=features["invoice_history"]["enabled"],
        can_cancel=features["subscription_cancel"]["enabled"],
        can_change_card=features["payment_method_update"]["enabled"],
        notice=NOTICES.get(done, ""),
        tones=TONES,
    )


@blueprint.route("/p/session/<session_id>/subscriptions/<subscription_id>/cancel", methods=["GET", "POST"])
def portal_cancel(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """Ask whether to cancel, and cancel: when the period ends, unless the configuration says at once."""
    session = find(session_id)
    if session is None:
        return no_session()
    subscription = own(session, subscription_id)
    features = features_of(session)["subscription_cancel"]
    if not features["enabled"]:
        abort(403)
    immediately = features.get("mode") == "immediately"
    if request.method == "GET":
        allow_form_target(target_of(session))
        return render_template(
            "stripe/portal_cancel.html",
            session=session,
            plan=plan_of(subscription),
            immediately=immediately,
            back_url=back_of(session),
        )
    if immediately:
        with engine().acting():
            changes.cancel(engine(), {}, subscription_id)
    else:
        engine().set_cancel_at_period_end(subscription_id, True)
    return finish(session, "canceled")


@blueprint.post("/p/session/<session_id>/subscriptions/<subscription_id>/resume")
def portal_resume(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """Let a subscription that was to end renew again."""
    session = find(session_id)
    if session is None:
        return no_session()
    own(session, subscription_id)
    if not features_of(session)["subscription_cancel"]["enabled"]:
        abort(403)
    engine().set_cancel_at_period_end(subscription_id, False)
    return redirect(url_for(".portal", session_id=session_id, done="resumed"), 303)


@blueprint.route("/p/session/<session_id>/card", methods=["GET", "POST"])
def portal_card(session_id: str) -> ResponseReturnValue:
    """Ask for another card, and keep it as the one that pays."""
    session = find(session_id)
    if session is None:
        return no_session()
    if not features_of(session)["payment_method_update"]["enabled"]:
        abort(403)
    if request.method == "GET":
        return show_card(session, CardForm.empty(request.args.get("card")))
    form = CardForm.read(request.form)
    if not form.check(now=engine().now()):
        return show_card(session, form)
    try:
        engine().set_card(session["customer"], form.digits, expiry=form.expiry, cvc=form.cvc)
    except Refused as refused:
        return show_card(session, form, problem=refused.message)
    return finish(session, "card")


def show_card(session: Object, form: CardForm, problem: str = "") -> ResponseReturnValue:
    """Render the form for a card with what is wrong with it."""
    allow_form_target(target_of(session))
    return render_template(
        "stripe/portal_card.html",
        session=session,
        form=form,
        card=card_of(session),
        problem=problem,
        test_cards=TEST_CARDS,
        fill=json.dumps(EXAMPLE),
        back_url=back_of(session),
    )


def finish(session: Object, done: str) -> ResponseReturnValue:
    """Go where the flow says after it is done; without a flow, back to the portal with a notice."""
    after = after_completion_of(session)
    if after["type"] == "redirect":
        return redirect(after["redirect"]["return_url"], 303)
    if after["type"] == "hosted_confirmation":
        return render_template(
            "stripe/message.html",
            title=NOTICES[done],
            words=(after["hosted_confirmation"] or {}).get("custom_message") or "You can close this page.",
            icon_name="circle-check",
            back_url=session["return_url"],
            back_words=f"Return to {MERCHANT}",
        )
    return redirect(url_for(".portal", session_id=session["id"], done=done), 303)


def find(session_id: str) -> Object | None:
    """Return the portal session, or None where there is none."""
    try:
        return engine().portal_session(session_id)
    except Refused:
        return None


def no_session() -> ResponseReturnValue:
    """Answer an address that names no session."""
    return not_found("This link has expired", "Go back and open the billing page again.")


def features_of(session: Object) -> Object:
    """Return what the session's configuration lets a customer do."""
    features: Object = session["configuration"]["features"]
    return features


def back_of(session: Object) -> str:
    """Return where "Go back" leads: out of a flow to the merchant, else to the portal."""
    to_merchant = session["return_url"] if session["flow"] else None
    return str(to_merchant or url_for(".portal", session_id=session["id"]))


def target_of(session: Object) -> str | None:
    """Return the address outside to which a form of this session may lead."""
    after = after_completion_of(session)
    return after["redirect"]["return_url"] if after["type"] == "redirect" else None


def after_completion_of(session: Object) -> Object:
    """Return what follows when the session's flow is done; without a flow, the portal."""
    after: Object = session["flow"]["after_completion"] if session["flow"] else {"type": "portal_homepage"}
    return after


def running(session: Object) -> list[Object]:
    """Return the customer's subscriptions that aren't over."""
    return [item for item in engine().subscriptions_of(session["customer"]) if item["status"] not in OVER]


def own(session: Object, subscription_id: str) -> Object:
    """Return the customer's own subscription; any other is not found."""
    found = next((item for item in running(session) if item["id"] == subscription_id), None)
    return found or abort(404)


def invoices_of(session: Object) -> list[Object]:
    """Return the customer's invoices that were sent, newest first."""
    return [invoice for invoice in engine().invoices_of(session["customer"]) if invoice["status"] != "draft"]


def card_of(session: Object) -> Object | None:
    """Return brand, last four and expiry of the card on file."""
    method = engine().payment_method_of(session["customer"])
    return method["card"] if method else None


def plan_of(subscription: Object) -> Plan:
    """Put a subscription in words."""
    item = subscription["items"]["data"][0]
    ends = subscription["cancel_at"] or (item["current_period_end"] if subscription["cancel_at_period_end"] else None)
    overdue = subscription["status"] in OVERDUE
    badge, tone = ("Past due", "bad") if overdue else (("Cancels", "warn") if ends else ("", ""))
    return Plan(
        id=subscription["id"],
        name=one_of("product", item["price"]["product"])["name"],
        amount=item["price"]["unit_amount"] * item.get("quantity", 1),
        currency=item["price"]["currency"],
        every=every(item["price"]["recurring"]),
        renews_at=item["current_period_end"],
        ends_at=ends,
        overdue=overdue,
        badge=badge,
        tone=tone,
    )
