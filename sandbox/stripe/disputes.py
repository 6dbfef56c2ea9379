"""Disputes: the customer's bank takes the money back, until it is decided who keeps it."""

from sandbox.stripe import balance
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import CREATED, get, listing_by, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

OPEN = ("needs_response", "under_review")
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
TEXTS: Schema = dict.fromkeys(EVIDENCE, str)
DAYS_TO_ANSWER = 9


def begin(world: World, charge: Object, amount: int | None = None, *, reason: str = "fraudulent") -> Object:
    """Dispute `amount` cents of a charge, or all that wasn't refunded; the money is withdrawn at once."""
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if not charge["paid"] or not 0 < amount <= left:
        raise Refused(f"Charge {charge['id']} has no such amount to dispute.", param="amount")
    if charge["disputed"]:
        raise Refused(f"Charge {charge['id']} has been disputed already.", param="charge")
    dispute = world.put(_dispute(world, charge, amount, reason))
    charge = world.change(charge, disputed=True)
    world.emit("charge.dispute.created", dispute)
    movement = balance.book(
        world, "adjustment", dispute, amount=-amount, fee=balance.DISPUTE_FEE, description="Chargeback withdrawal"
    )
    world.change(dispute, event="charge.dispute.funds_withdrawn", balance_transactions=[movement])
    world.emit("charge.updated", charge, previous={"disputed": False})
    return world.get("dispute", dispute["id"])


def _dispute(world: World, charge: Object, amount: int, reason: str) -> Object:
    now = world.now(charge["customer"])
    card = charge["payment_method_details"]["card"]
    return {
        "id": world.new_id("du_"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys(EVIDENCE),
            "customer_email_address": charge["billing_details"]["email"],
            "customer_name": charge["billing_details"]["name"],
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": now + DAYS_TO_ANSWER * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "chargeback",
                "network": card["brand"],
                "network_reason_code": "83",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
        "_customer": charge["customer"],
    }


def close(world: World, dispute: Object, status: str) -> Object:
    """Decide a dispute: "won" brings the money back, "lost" doesn't."""
    if status not in ("won", "lost"):
        raise Refused("Invalid status: must be one of won or lost", param="status")
    if dispute["status"] not in OPEN:
        raise Refused("This dispute is already closed", param="dispute")
    dispute = world.change(dispute, status=status)
    if status == "won":
        movement = balance.book(
            world, "adjustment", dispute, amount=dispute["amount"], description="Chargeback reversal"
        )
        movements = [*dispute["balance_transactions"], movement]
        dispute = world.change(dispute, event="charge.dispute.funds_reinstated", balance_transactions=movements)
    world.emit("charge.dispute.closed", dispute)
    return dispute


def accept(world: World, params: Object, dispute_id: str) -> Object:
    return close(world, world.get("dispute", dispute_id), "lost")


def update(world: World, params: Object, dispute_id: str) -> Object:
    """Add evidence. In test mode the texts winning_evidence and losing_evidence decide the dispute when submitted."""
    dispute = world.get("dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise Refused("This dispute is already closed", param="dispute")
    evidence = params.get("evidence") or {}
    submitted = bool(evidence) and params.get("submit", True)
    changes: Object = {"metadata": merged(dispute["metadata"], params.get("metadata"))}
    if evidence:
        details = {**dispute["evidence_details"], "has_evidence": True}
        if submitted:
            details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
            changes["status"] = "under_review"
        changes |= {"evidence": {**dispute["evidence"], **evidence}, "evidence_details": details}
    dispute = world.change(dispute, event="charge.dispute.updated", **changes)
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}.get(str(evidence.get("uncategorized_text")))
    return close(world, dispute, verdict) if submitted and verdict else dispute


ROUTES = [
    get("/v1/disputes/<dispute>", retrieving("dispute")),
    post("/v1/disputes/<dispute>", update, {"evidence": TEXTS, "metadata": METADATA, "submit": bool}),
    post("/v1/disputes/<dispute>/close", accept),
    pages(
        "/v1/disputes",
        listing_by("dispute", "charge", "payment_intent"),
        {"charge": str, "payment_intent": str, **CREATED},
    ),
]
