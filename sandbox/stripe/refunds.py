"""Refunds: money that goes back, at once, later or not after all."""

from sandbox.stripe import balance, cards, payments
from sandbox.stripe.balance import dollars
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, merged
from sandbox.stripe.routes import CREATED, get, listing_by, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
SETTLED_AFTER = 3600


def create(world: World, params: Object) -> Object:
    if not params.get("payment_intent") and not params.get("charge"):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise Refused(message, code="parameter_missing")
    if params.get("charge"):
        charge = world.get("charge", params["charge"], param="charge", status=400)
        if params.get("payment_intent") not in (None, charge["payment_intent"]):
            raise Refused(f"The charge {charge['id']} does not belong to that PaymentIntent.", param="payment_intent")
    else:
        charge = payments.charge_of(world, params["payment_intent"])
    how = cards.behaviour_of(world.get("payment_method", charge["payment_method"])).refund
    refund = begin(
        world,
        charge,
        params.get("amount"),
        status="succeeded" if how == "failing" else how,
        reason=params.get("reason"),
        metadata=merged(None, params.get("metadata")),
    )
    if how != "succeeded":
        due = world.now(charge["customer"]) + SETTLED_AFTER
        refund = world.change(refund, _settles_at=due, _settles_as="failed" if how == "failing" else "succeeded")
    return refund


def begin(
    world: World,
    charge: Object,
    amount: int | None,
    *,
    status: str,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Object:
    """Refund `amount` cents of a charge, or all that is left, with the refund in that status (succeeded or pending)."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    _check(world, charge, amount, left)
    refund_id = world.new_id("re_")
    amount = left if amount is None else amount
    refund: Object = {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(charge["customer"]),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"card": _destination(status), "type": "card"},
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if status == "pending" else None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    movement = balance.book(world, "refund", refund, amount=-amount, description="REFUND FOR CHARGE")
    refund = world.put({**refund, "balance_transaction": movement["id"]})
    refunded = charge["amount_refunded"] + amount
    charge = _set_refunded(world, charge, refunded, event="charge.refunded")
    world.emit("refund.created", refund)
    return refund


def _check(world: World, charge: Object, amount: int | None, left: int) -> None:
    if not charge["paid"]:
        raise Refused(f"Charge {charge['id']} has failed and cannot be refunded.", param="charge")
    for dispute in world.all("dispute", charge=charge["id"]):
        if not dispute["is_charge_refundable"] and dispute["status"] != "won":
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise Refused(message, code="charge_disputed", param="charge")
    if not left:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount < 1:
        raise Refused("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount is not None and amount > left:
        message = f"Refund amount ({dollars(amount)}) is greater than unrefunded amount on charge ({dollars(left)})"
        raise Refused(message, code="amount_too_large", param="amount")


def _destination(status: str) -> Object:
    return {
        "reference_status": "pending" if status == "succeeded" else "unavailable",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }


def _set_refunded(world: World, charge: Object, refunded: int, *, event: str) -> Object:
    whole = refunded == charge["amount_captured"]
    return world.change(charge, event=event, amount_refunded=refunded, refunded=whole)


def settle(world: World, refund: Object) -> Object:
    """Let a refund become what its card was to show: succeeded or failed."""
    if refund.get("_settles_as") == "failed":
        return fail(world, refund)
    return succeed(world, refund)


def succeed(world: World, refund: Object) -> Object:
    _expect(refund, "pending", "requires_action")
    details = {**refund["destination_details"], "card": _destination("succeeded")}
    refund = world.change(
        refund,
        event="refund.updated",
        destination_details=details,
        pending_reason=None,
        status="succeeded",
        _settles_at=None,
    )
    world.emit("charge.refund.updated", refund)
    return refund


def fail(world: World, refund: Object, reason: str = "expired_or_canceled_card") -> Object:
    """Let a refund fail: the bank sends the money back, and the charge is as much refunded as before."""
    _expect(refund, "pending", "requires_action", "succeeded")
    refund = _undo(world, refund, status="failed", failure_reason=reason)
    world.emit("refund.failed", refund)
    return refund


def cancel(world: World, params: Object, refund_id: str) -> Object:
    refund = world.get("refund", refund_id)
    _expect(refund, "requires_action", "pending")
    return _undo(world, refund, status="canceled", failure_reason=None)


def _undo(world: World, refund: Object, *, status: str, failure_reason: str | None) -> Object:
    charge = world.get("charge", refund["charge"])
    movement = balance.book(world, "refund_failure", refund, amount=refund["amount"], description="REFUND FAILURE")
    changes: Object = {
        "failure_balance_transaction": movement["id"],
        "pending_reason": None,
        "status": status,
        "_settles_at": None,
    }
    if failure_reason:
        changes["failure_reason"] = failure_reason
    _set_refunded(world, charge, charge["amount_refunded"] - refund["amount"], event="charge.updated")
    refund = world.change(refund, event="refund.updated", **changes)
    world.emit("charge.refund.updated", refund)
    return refund


def _expect(refund: Object, *statuses: str) -> None:
    if refund["status"] not in statuses:
        message = f"This refund ({refund['id']}) has the status {refund['status']}; it must be {' or '.join(statuses)}."
        raise Refused(message, param="status")


def update(world: World, params: Object, refund_id: str) -> Object:
    refund = world.get("refund", refund_id)
    return world.change(refund, event="refund.updated", metadata=merged(refund["metadata"], params.get("metadata")))


ROUTES = [
    post(
        "/v1/refunds",
        create,
        {"amount": int, "charge": str, "metadata": METADATA, "payment_intent": str, "reason": REASONS},
    ),
    get("/v1/refunds/<refund>", retrieving("refund")),
    post("/v1/refunds/<refund>", update, {"metadata": METADATA}),
    post("/v1/refunds/<refund>/cancel", cancel),
    pages(
        "/v1/refunds",
        listing_by("refund", "charge", "payment_intent"),
        {"charge": str, "payment_intent": str, **CREATED},
    ),
]
