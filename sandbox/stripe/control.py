"""The control API: what a developer, a script or a test does to the sandbox that Stripe has no call for.

Every act is a POST of JSON to /sandbox/control/<act>, answered with JSON. None of this is Stripe's.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from inspect import Parameter, signature
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.stripe import serving
from sandbox.stripe.engine import Engine
from sandbox.stripe.errors import Refused
from sandbox.stripe.samples import GOOD_CARD
from sandbox.stripe.store import Object
from sandbox.stripe.world import Faults

DAY = 86_400


def advance(
    engine: Engine,
    *,
    seconds: int = 0,
    days: int = 0,
    to: int | None = None,
    next_renewal: str | None = None,
) -> Object:
    """Move the account's clock on: by a time, to a moment, or to when a subscription's next invoice is collected."""
    target = engine.now() + seconds + days * DAY if to is None else to
    if next_renewal:
        renewal = engine.next_renewal(next_renewal)
        if renewal is None:
            raise Refused(f"The subscription {next_renewal} won't be renewed.", param="next_renewal")
        target = renewal + 3600 + 1
    if target < engine.now():
        raise Refused("The clock can only be advanced; `clock` sets it.", param="to")
    engine.advance_to(target)
    return {"now": engine.now(), "offset": engine.offset}


def clock(engine: Engine, *, to: int | None = None, offset: int | None = None) -> Object:
    """Tell the account's clock, or set it, forward or back: to a moment, or to an offset."""
    if to is not None:
        engine.set_clock(to)
    elif offset is not None:
        engine.set_clock(int(engine.real_time()) + offset)
    return {"now": engine.now(), "offset": engine.offset}


def pay(engine: Engine, *, session: str, card: str = GOOD_CARD, three_d_secure: bool | None = None) -> Object:
    return engine.pay(session, card, three_d_secure=three_d_secure)


def pay_later(engine: Engine, *, session: str, card: str = GOOD_CARD) -> Object:
    return engine.pay_later(session, card)


def settle(engine: Engine, *, session: str, succeeded: bool = True) -> Object:
    return engine.settle(session, succeeded=succeeded)


def refund(engine: Engine, *, payment_intent: str, amount: int | None = None, status: str = "succeeded") -> Object:
    return engine.refund(payment_intent, amount, status)


def succeed_refund(engine: Engine, *, refund: str) -> Object:
    return engine.succeed_refund(refund)


def fail_refund(engine: Engine, *, refund: str) -> Object:
    return engine.fail_refund(refund)


def dispute(engine: Engine, *, payment_intent: str, amount: int | None = None) -> Object:
    return engine.dispute(payment_intent, amount)


def close_dispute(engine: Engine, *, dispute: str, status: str = "won") -> Object:
    return engine.close_dispute(dispute, status)


def fail_next_payment(engine: Engine, *, customer: str | None = None, decline_code: str = "generic_decline") -> Object:
    engine.fail_next_payment(customer, decline_code)
    return {"customer": customer, "decline_code": decline_code}


def faults(engine: Engine, **values: Any) -> Object:
    """Set faults; what isn't named stays as it is. An empty body only tells them."""
    known = {field.name: field.type for field in fields(Faults)}
    for name in values:
        if name not in known:
            raise Refused(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    return asdict(engine.set_faults(Faults(**{**asdict(engine.faults), **values})))


def deliver(engine: Engine) -> Object:
    return {"waiting": engine.deliver()}


def redeliver(engine: Engine, *, event: str) -> Object:
    return {"deliveries": engine.redeliver(event)}


def history(
    engine: Engine,
    *,
    customer: str,
    price: str,
    since: int,
    card: str = GOOD_CARD,
    client_reference_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Object:
    given = {"client_reference_id": client_reference_id, "metadata": dict(metadata or {})}
    return engine.history(customer, price, since=since, card=card, **given)


def packs_history(
    engine: Engine,
    *,
    customer: str,
    price: str,
    at: int,
    card: str = GOOD_CARD,
    client_reference_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Object:
    given = {"client_reference_id": client_reference_id, "metadata": dict(metadata or {})}
    return engine.packs_history(customer, price, at=at, card=card, **given)


ACTS: dict[str, Callable[..., Object]] = {
    act.__name__: act
    for act in (
        advance,
        clock,
        close_dispute,
        deliver,
        dispute,
        fail_next_payment,
        fail_refund,
        faults,
        history,
        packs_history,
        pay,
        pay_later,
        redeliver,
        refund,
        settle,
        succeed_refund,
    )
}


def blueprint() -> Blueprint:
    control = Blueprint("control", __name__, url_prefix="/sandbox/control")

    @control.post("/<act>")
    def perform(act: str) -> ResponseReturnValue:
        origin = request.headers.get("Origin")
        if origin and urlsplit(origin).netloc != request.host:
            return jsonify(error={"message": "Another site can't control the sandbox."}), 403
        if act not in ACTS:
            return jsonify(error={"message": f"The sandbox knows no act {act}: {', '.join(ACTS)}."}), 404
        body = request.get_json(silent=True) if request.get_data() else {}
        if not isinstance(body, dict):
            return jsonify(error={"message": "Send a JSON object, as application/json."}), 400
        try:
            _check(ACTS[act], body)
            return jsonify(ACTS[act](serving.engine(), **body))
        except Refused as refusal:
            return jsonify(error=refusal.body()), refusal.status

    return control


def _check(act: Callable[..., Object], body: Mapping[str, Any]) -> None:
    """Compare a body with what an act takes, or raise Refused."""
    known = {name: item for name, item in signature(act).parameters.items() if name != "engine"}
    if any(item.kind is Parameter.VAR_KEYWORD for item in known.values()):
        return
    for name in body:
        if name not in known:
            raise Refused(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name, item in known.items():
        if item.default is Parameter.empty and name not in body:
            raise Refused(f"Missing required param: {name}.", code="parameter_missing", param=name)
        if name in body and not _fits(item.annotation, body[name]):
            raise Refused(f"Invalid {name}: it must be of the type {item.annotation}", param=name)


def _fits(annotation: Any, value: Any) -> bool:
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation is str:
        return isinstance(value, str)
    return True
