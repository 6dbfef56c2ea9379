"""Stripe's REST API over the engine: who may, what was asked, asked before or not, and the answer."""

import json
import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from socket import SHUT_RDWR
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from sandbox.stripe import (
    balance,
    cards,
    catalog,
    changes,
    checkout,
    clocks,
    collection,
    customers,
    disputes,
    endpoints,
    events,
    invoice_payments,
    invoices,
    payments,
    portal,
    refunds,
    serving,
    subscriptions,
)
from sandbox.stripe.engine import Engine
from sandbox.stripe.errors import Refused
from sandbox.stripe.expansion import check_depth, expanded
from sandbox.stripe.parameters import Schema, decode, read
from sandbox.stripe.routes import Route
from sandbox.stripe.store import Object
from sandbox.stripe.world import API_VERSION, listing

NOUNS = (
    balance,
    cards,
    catalog,
    changes,
    checkout,
    clocks,
    collection,
    customers,
    disputes,
    endpoints,
    events,
    invoice_payments,
    invoices,
    payments,
    portal,
    refunds,
    subscriptions,
)
MOST_PER_PAGE = 100
LONGEST_KEY = 255
LOST = "Sandbox-Answer-Lost"
"""The header of an answer that the caller mustn't see."""


def routes() -> list[Route]:
    """Return every route of every noun."""
    return [route for noun in NOUNS for route in noun.ROUTES]


def blueprint(secret_key: str) -> Blueprint:
    """Return the API as a Flask blueprint that accepts that secret key."""
    api = Blueprint("api", __name__)
    for number, route in enumerate(routes()):
        api.add_url_rule(route.path, f"route_{number}", _view(secret_key, route), methods=[route.method])

    @api.route("/v1/<path:path>", methods=["GET", "POST", "DELETE"])
    def unknown(path: str) -> Response:
        message = f"Unrecognized request URL ({request.method}: /v1/{path}), or one that the sandbox doesn't have."
        return _answer(404, {"error": Refused(message).body()}, f"req_{secrets.token_hex(7)}")

    return api


def _view(secret_key: str, route: Route) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        request_id = f"req_{secrets.token_hex(7)}"
        try:
            _check_caller(secret_key)
            engine = serving.engine()
            _fail_on_purpose(engine)
            answer = _alone(engine, route, list(ids.values()), request_id)
            return _lost(engine, answer)
        except Refused as refusal:
            return _answer(refusal.status, {"error": refusal.body()}, request_id)

    return view


def _fail_on_purpose(engine: Engine) -> None:
    if engine.faults.error_next_calls < 1:
        return
    with engine.acting():
        if engine.faults.error_next_calls < 1:
            return
        engine.faults.error_next_calls -= 1
        status = engine.faults.error_status
    code = "rate_limit" if status == 429 else None
    kind = "invalid_request_error" if 400 <= status < 500 else "api_error"
    raise Refused("The sandbox fails on purpose.", status=status, type=kind, code=code, saved=False)


def _lost(engine: Engine, answer: Response) -> Response:
    """Lose the answer if the faults say so: the connection ends, as if the network had failed."""
    if engine.faults.timeout_next < 1:
        return answer
    with engine.acting():
        if engine.faults.timeout_next < 1:
            return answer
        engine.faults.timeout_next -= 1
    for name in ("gunicorn.socket", "werkzeug.socket"):
        connection = request.environ.get(name)
        if connection is not None:
            connection.shutdown(SHUT_RDWR)
    answer.headers[LOST] = "true"
    return answer


def _alone(engine: Engine, route: Route, ids: list[str], request_id: str) -> Response:
    """Answer a request unless another with the same idempotency key is under way."""
    key = request.headers.get("Idempotency-Key") if route.method == "POST" else None
    if key is None:
        return _once(engine, route, ids, request_id, None)
    if len(key) > LONGEST_KEY:
        raise Refused(f"Idempotency keys can have at most {LONGEST_KEY} characters.", saved=False)
    with engine.keys_lock:
        if key in engine.keys_under_way:
            message = f"There is currently another in-progress request using this Idempotent Key: {key}."
            kind = "idempotency_error"
            raise Refused(message, status=409, code="idempotency_key_in_use", type=kind, saved=False)
        engine.keys_under_way.add(key)
    try:
        return _once(engine, route, ids, request_id, key)
    finally:
        engine.keys_under_way.discard(key)


def _check_caller(secret_key: str) -> None:
    given = request.authorization
    if given is None:
        message = "You did not provide an API key. You need to provide your API key in the Authorization header."
        raise Refused(message, status=401, saved=False)
    key = given.token if given.type == "bearer" else given.username
    if key != secret_key:
        raise Refused(f"Invalid API Key provided: {(key or '')[:8]}****", status=401, saved=False)
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise Refused(f"Invalid Stripe API version: {version}; the sandbox speaks {API_VERSION}.", saved=False)


def _once(engine: Engine, route: Route, ids: list[str], request_id: str, key: str | None) -> Response:
    """Answer a request, or give the same answer again to the same idempotency key."""
    pairs = list(request.args.items(multi=True)) + list(request.form.items(multi=True))
    with engine.acting():
        fingerprint = sha256(json.dumps([request.method, request.path, sorted(pairs)]).encode()).hexdigest()
        before = engine.store.get(f"_key_{key}") if key else None
        if before:
            if before["fingerprint"] != fingerprint:
                raise _other_parameters(str(key))
            return _answer(before["status"], before["body"], before["request"], key=key, replayed=True)
        engine.catch_up()
        status, body, saved = _call(engine, route, ids, pairs, request_id, key)
        if key and saved:
            engine.put(
                {
                    "id": f"_key_{key}",
                    "object": "_key",
                    "body": body,
                    "fingerprint": fingerprint,
                    "request": request_id,
                    "status": status,
                }
            )
        return _answer(status, body, request_id, key=key)


def _other_parameters(key: str) -> Refused:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return Refused(message, type="idempotency_error", saved=False)


def _call(
    engine: Engine, route: Route, ids: list[str], pairs: list[tuple[str, str]], request_id: str, key: str | None
) -> tuple[int, Object, bool]:
    """Return the status, the body, and whether an idempotency key remembers them."""
    engine.request = {"id": request_id, "idempotency_key": key}
    try:
        schema: Schema = {**route.schema, "expand": [str]}
        params = read(schema, decode(pairs))
        paths = params.pop("expand", None) or []
        result = route.call(engine, params, *ids)
        if route.is_list:
            return 200, _page(engine, result, params, paths), True
        return 200, expanded(engine, result, paths), True
    except Refused as refusal:
        return refusal.status, {"error": refusal.body()}, refusal.saved
    finally:
        engine.request = None


def _page(engine: Engine, found: list[Object], params: Object, paths: list[str]) -> Object:
    """Return one page of a list, newest first."""
    limit = 10 if params.get("limit") is None else params["limit"]
    if not 1 <= limit <= MOST_PER_PAGE:
        raise Refused(f"This value must be between 1 and {MOST_PER_PAGE}: {limit}", param="limit")
    if params.get("starting_after") and params.get("ending_before"):
        raise Refused("You may only specify one of these parameters: starting_after, ending_before.", param="limit")
    ordered = found[::-1]
    ordered.sort(key=lambda item: -int(item.get("created", 0)))
    backwards = bool(params.get("ending_before"))
    if backwards:
        ordered.reverse()
    cursor = params.get("starting_after") or params.get("ending_before")
    if cursor:
        places = [place for place, item in enumerate(ordered) if item["id"] == cursor]
        if not places:
            param = "ending_before" if backwards else "starting_after"
            raise Refused(f"No such object: '{cursor}'", code="resource_missing", param=param)
        ordered = ordered[places[0] + 1 :]
    page = ordered[:limit]
    if backwards:
        page.reverse()
    for path in paths:
        check_depth(path)
    inner = [path.removeprefix("data.") for path in paths if path.startswith("data.")]
    if len(inner) != len(paths):
        raise Refused("On a list, expand what is inside of `data`.", param="expand")
    data = [expanded(engine, item, inner) for item in page]
    return listing(data, re.sub(r"\?.*", "", request.path), has_more=len(ordered) > limit)


def _answer(status: int, body: Any, request_id: str, *, key: str | None = None, replayed: bool = False) -> Response:
    headers = Headers({"Request-Id": request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-store"})
    if key:
        headers["Idempotency-Key"] = key
    if replayed:
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = request_id
    return Response(json.dumps(body, indent=2), status, headers, content_type="application/json")
