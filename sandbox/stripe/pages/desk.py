"""What the control page shows: the clock, subscriptions, payments and events, each put in words."""

from collections import defaultdict
from itertools import islice
from typing import Any

from sandbox.stripe.pages.documents import items_of
from sandbox.stripe.pages.frame import all_of, one_of
from sandbox.stripe.pages.portal import OVER, plan_of
from sandbox.stripe.serving import engine
from sandbox.stripe.store import Object

NEWEST_PLANS = 12
NEWEST_SESSIONS = 6
NEWEST_PAYMENTS = 12
NEWEST_EVENTS = 15
OPEN_DISPUTES = {"needs_response", "under_review"}
FAILABLE = {"pending", "requires_action", "succeeded"}
PENDING = {"pending", "requires_action"}
TONES = {
    "active": "good",
    "trialing": "info",
    "past_due": "bad",
    "unpaid": "bad",
    "incomplete": "warn",
    "succeeded": "good",
    "won": "good",
    "pending": "warn",
    "needs_response": "warn",
    "under_review": "warn",
    "failed": "bad",
    "lost": "bad",
}
STATES = {
    None: ("Not sent", ""),
    "waiting": ("Waiting", "warn"),
    "delivered": ("Delivered", "good"),
    "failed": ("Failed", "bad"),
    "dropped": ("Lost", "bad"),
}


def contents() -> dict[str, Any]:
    """Return everything the control page shows, newest first."""
    return {
        "now": engine().now(),
        "ahead": ahead(engine().offset),
        "plans": plans(),
        "customers": all_of("customer")[::-1],
        "failing": failing(),
        "faults": engine().faults,
        "sessions": sessions(),
        "payments": payments(),
        **events(),
    }


def ahead(seconds: int) -> str:
    """Say how far the account's clock is from the real one."""
    if not seconds:
        return "This is the real time."
    minutes = abs(seconds) // 60
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    words = [f"{count} {noun}{'s' if count != 1 else ''}" for count, noun in parts if count] or ["less than a minute"]
    return f"{', '.join(words[:2])} {'ahead of' if seconds > 0 else 'behind'} the real time."


def failing() -> str:
    """Say whose next payment is going to fail."""
    whose = [("anybody" if who == "*" else name_of(who)) for who in engine().store.state.get("fail_next", {})]
    return f"The next payment of {' and of '.join(whose)} will fail." if whose else ""


def plans() -> list[Object]:
    """Return the subscriptions that aren't over."""
    running = [item for item in all_of("subscription") if item["status"] not in OVER]
    return [_plan(item) for item in running[: -NEWEST_PLANS - 1 : -1]]


def sessions() -> list[Object]:
    """Return the Checkout Sessions that can be paid, and those whose payment is under way."""
    unpaid = all_of("checkout.session", payment_status="unpaid")
    shown = [item for item in unpaid if item["status"] == "open" or _is_under_way(item)]
    return [_session(item) for item in shown[: -NEWEST_SESSIONS - 1 : -1]]


def payments() -> list[Object]:
    """Return the payments that succeeded, with what became of each."""
    refunds, disputes = defaultdict(list), defaultdict(list)
    for item in all_of("refund"):
        refunds[item["charge"]].append(item)
    for item in all_of("dispute"):
        disputes[item["charge"]].append(item)
    paid = [charge for charge in all_of("charge") if charge["paid"]][: -NEWEST_PAYMENTS - 1 : -1]
    return [_payment(charge, refunds[charge["id"]], disputes[charge["id"]]) for charge in paid]


def events() -> dict[str, list[Object]]:
    """Return the newest events that were sent to somebody, with how that went, and the newest others."""
    deliveries = defaultdict(list)
    for delivery in all_of("_delivery"):
        deliveries[delivery["event"]].append(delivery)
    newest = engine().events[::-1]
    sent = (event for event in newest if event["id"] in deliveries)
    kept = (event for event in newest if event["id"] not in deliveries)
    return {
        "sent": [_event(event, deliveries[event["id"]]) for event in islice(sent, NEWEST_EVENTS)],
        "kept": [_event(event, []) for event in islice(kept, NEWEST_EVENTS)],
    }


def ends_at(subscription: Object) -> int | None:
    """Return when the present period of a subscription ends, or None if the subscription is over."""
    if subscription["status"] in OVER:
        return None
    plan = plan_of(subscription)
    return min(plan.renews_at, plan.ends_at or plan.renews_at)


def name_of(customer_id: str | None) -> str:
    """Return a customer's address, or whatever is known of them."""
    if customer_id is None:
        return "A guest"
    customer: Object = next(iter(all_of("customer", id=customer_id)), {})
    return str(customer.get("email") or customer.get("name") or customer_id)


def _plan(subscription: Object) -> Object:
    plan = plan_of(subscription)
    return {
        "id": plan.id,
        "name": plan.name,
        "customer": name_of(subscription["customer"]),
        "status": _words(subscription["status"]),
        "tone": TONES.get(subscription["status"], ""),
        "ends_at": plan.ends_at,
        "renews_at": plan.renews_at,
        "retried": next(
            (
                invoice["id"]
                for invoice in all_of("invoice", _subscription=plan.id, status="open")
                if invoice["next_payment_attempt"]
            ),
            None,
        ),
    }


def _is_under_way(session: Object) -> bool:
    intent = session["payment_intent"]
    return bool(intent and one_of("payment_intent", intent)["status"] == "processing")


def _payment(charge: Object, refunds: list[Object], disputes: list[Object]) -> Object:
    left = 0 if disputes else charge["amount"] - charge["amount_refunded"]
    return {
        "id": charge["payment_intent"],
        "amount": charge["amount"],
        "currency": charge["currency"],
        "customer": name_of(charge["customer"]),
        "created": charge["created"],
        "description": ", ".join(item["description"] for item in items_of(charge)),
        "receipt_url": charge["receipt_url"],
        "left": left,
        "can_dispute": bool(left),
        "refunds": [
            _follow(item) | {"can_fail": item["status"] in FAILABLE, "can_succeed": item["status"] in PENDING}
            for item in refunds
        ],
        "disputes": [_follow(item) | {"is_open": item["status"] in OPEN_DISPUTES} for item in disputes],
    }


def _follow(item: Object) -> Object:
    return {
        "id": item["id"],
        "amount": item["amount"],
        "currency": item["currency"],
        "status": _words(item["status"]),
        "tone": TONES.get(item["status"], ""),
    }


def _session(session: Object) -> Object:
    return {
        "id": session["id"],
        "url": session["url"],
        "what": ", ".join(line["description"] for line in session["_items"]),
        "amount": session["amount_total"],
        "currency": session["currency"],
        "customer": (session["customer_details"] or {}).get("email") or "A guest",
        "created": session["created"],
        "is_open": session["status"] == "open",
        "can_pay_later": session["status"] == "open" and session["mode"] == "payment",
    }


def _event(event: Object, deliveries: list[Object]) -> Object:
    words, tone = STATES[deliveries[-1]["state"] if deliveries else None]
    attempts = [attempt for delivery in deliveries for attempt in delivery["attempts"]]
    tried = f"{len(attempts)} attempt{'s' if len(attempts) != 1 else ''}"
    return {
        "id": event["id"],
        "type": event["type"],
        "created": event["created"],
        "state": words,
        "tone": tone,
        "was_sent": bool(deliveries),
        "attempts": f"{tried}, the last one answered {attempts[-1]['status'] or 'nothing'}" if attempts else "",
    }


def _words(status: str) -> str:
    return status.replace("_", " ").capitalize()
