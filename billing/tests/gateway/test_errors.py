"""Whatever goes wrong at Stripe or on the way comes out of every function as an error of ours."""

import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from inspect import isfunction
from typing import Any

import pytest
import stripe

from billing import gateway
from billing.errors import PaymentError, StripeNotFound, StripeRefused, StripeUnavailable
from billing.tests.gateway.conftest import Line

THEN = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
KEY = "sk_test_sandbox"
SECRET_WORDS = "Alice lives at 4 Privet Drive"
Connect = Callable[[stripe.HTTPClient], None]

CALLS: dict[str, Callable[[], Any]] = {
    "card_of": lambda: gateway.card_of("cus_1", "sub_1"),
    "change_endpoint": lambda: gateway.change_endpoint(endpoint_id="we_1", types=["invoice.paid"]),
    "create_customer": lambda: gateway.create_customer(email="a@b.example", name="A", metadata={}, idempotency_key="k"),
    "delete_customer": lambda: gateway.delete_customer("cus_1"),
    "create_endpoint": lambda: gateway.create_endpoint(url="https://a.example/", types=["invoice.paid"]),
    "create_price": lambda: gateway.create_price(
        lookup_key="pack_1",
        product_id="prod_1",
        cents=100,
        interval="month",
        metadata={},
        idempotency_key="k",
        transfer=True,
    ),
    "create_product": lambda: gateway.create_product(product_id="prod_1", name="One"),
    "create_refund": lambda: gateway.create_refund(payment_intent_id="pi_1", cents=1, metadata={}, idempotency_key="k"),
    "create_session": lambda: gateway.create_session(
        mode="payment",
        price_id="price_1",
        customer_id="cus_1",
        checkout_id="1",
        success_url="https://a.example/",
        cancel_url="https://a.example/",
        metadata={},
        idempotency_key="k",
    ),
    "disputes_of": lambda: gateway.disputes_of("pi_1"),
    "disputes_since": lambda: list(gateway.disputes_since(THEN)),
    "ensure_portal_configuration": gateway.ensure_portal_configuration,
    "events_since": lambda: list(gateway.events_since(THEN, ["invoice.paid"])),
    "expire_session": lambda: gateway.expire_session("cs_1"),
    "fetch_dispute": lambda: gateway.fetch_dispute("du_1"),
    "fetch_endpoints": gateway.fetch_endpoints,
    "fetch_event": lambda: gateway.fetch_event("evt_1"),
    "fetch_invoice": lambda: gateway.fetch_invoice("in_1"),
    "fetch_prices": lambda: gateway.fetch_prices(["pack_1"]),
    "fetch_product": lambda: gateway.fetch_product("prod_1"),
    "fetch_refund": lambda: gateway.fetch_refund("re_1"),
    "fetch_session": lambda: gateway.fetch_session("cs_1"),
    "fetch_subscription": lambda: gateway.fetch_subscription("sub_1"),
    "invoice_of_payment": lambda: gateway.invoice_of_payment("pi_1"),
    "invoices_of_customer": lambda: gateway.invoices_of_customer("cus_1"),
    "invoices_of_subscription": lambda: gateway.invoices_of_subscription("sub_1"),
    "is_customer_deleted": lambda: gateway.is_customer_deleted("cus_1"),
    "next_charge": lambda: gateway.next_charge("sub_1"),
    "open_portal": lambda: gateway.open_portal(customer_id="cus_1", return_url="https://a.example/"),
    "paid_invoices_since": lambda: list(gateway.paid_invoices_since(THEN)),
    "payment_of_invoice": lambda: gateway.payment_of_invoice("in_1"),
    "portal_differences": gateway.portal_differences,
    "receipt_url_of": lambda: gateway.receipt_url_of("pi_1"),
    "refunds_of": lambda: gateway.refunds_of("pi_1"),
    "refunds_since": lambda: list(gateway.refunds_since(THEN)),
    "rename_product": lambda: gateway.rename_product(product_id="prod_1", name="One"),
    "session_of_payment": lambda: gateway.session_of_payment("pi_1"),
    "sessions_since": lambda: list(gateway.sessions_since(THEN)),
    "subscriptions_of": lambda: gateway.subscriptions_of("cus_1"),
}
ASK_NOBODY = {"livemode", "verify_event"}


def refusal(status: int, *, type_: str = "invalid_request_error", code: str = "") -> tuple[str, int, dict[str, str]]:
    body = {"error": {"type": type_, "message": f"Stripe said {status}.", **({"code": code} if code else {})}}
    return json.dumps(body), status, {"request-id": "req_1"}


FAILURES: dict[str, tuple[Any, type[PaymentError]]] = {
    "bad request": (refusal(400, code="parameter_unknown"), StripeRefused),
    "key used for something else": (refusal(400, type_="idempotency_error"), StripeRefused),
    "no such customer": (refusal(400, code="resource_missing"), StripeNotFound),
    "wrong key": (refusal(401), StripeUnavailable),
    "card declined": (refusal(402, type_="card_error", code="card_declined"), StripeRefused),
    "key without permission": (refusal(403), StripeUnavailable),
    "not found": (refusal(404, code="resource_missing"), StripeNotFound),
    "same request under way": (refusal(409, code="idempotency_key_in_use"), StripeUnavailable),
    "same key under way": (
        refusal(409, type_="idempotency_error", code="idempotency_key_in_use"),
        StripeUnavailable,
    ),
    "too fast": (refusal(429, code="rate_limit"), StripeUnavailable),
    "teapot": (refusal(418), StripeUnavailable),
    "broken": (refusal(500, type_="api_error"), StripeUnavailable),
    "broken without words": (("", 500, {}), StripeUnavailable),
    "a proxy's page": ((f"<html>{SECRET_WORDS}</html>", 502, {}), StripeUnavailable),
    "error of another shape": (('{"error": "invalid_client"}', 400, {}), StripeUnavailable),
    "error without error": (('{"message": "no"}', 400, {}), StripeUnavailable),
    "nothing": (("", 200, {}), StripeUnavailable),
    "half an answer": (('{"id": "cs_1", "obj', 200, {}), StripeUnavailable),
    "not text": ((b"\xff\xfe\x00", 200, {}), StripeUnavailable),
    "null": (("null", 200, {}), StripeUnavailable),
    "a list": (("[]", 200, {}), StripeUnavailable),
    "an empty object": (("{}", 200, {}), StripeUnavailable),
    "another object": ((json.dumps({"object": "balance", "name": SECRET_WORDS}), 200, {}), StripeUnavailable),
    "no answer": (stripe.APIConnectionError(SECRET_WORDS, should_retry=True), StripeUnavailable),
    "a bug on the way": (ValueError("bug"), StripeUnavailable),
}


def test_every_function_that_asks_stripe_is_tried_here() -> None:
    assert {name for name in gateway.__all__ if isfunction(getattr(gateway, name))} == set(CALLS) | ASK_NOBODY


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("call", CALLS)
def test_no_failure_comes_out_as_it_is(
    connect: Connect, call: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer, error = FAILURES[failure]
    connect(Line(answer))
    with pytest.raises(PaymentError) as raised:
        CALLS[call]()
    assert type(raised.value) is error
    told = "".join(traceback.format_exception(raised.value)) + caplog.text
    assert KEY not in told
    assert SECRET_WORDS not in told


@pytest.mark.parametrize("failure", ["same request under way", "same key under way"])
def test_a_request_that_is_under_way_is_told_as_what_it_is(connect: Connect, failure: str) -> None:
    connect(Line(FAILURES[failure][0]))
    with pytest.raises(StripeUnavailable, match=r"^Stripe is still busy with the same request\.$"):
        CALLS["create_customer"]()


EVENT = {"object": "event", "id": "evt_1", "type": "a", "created": 1, "livemode": False, "data": {"object": {}}}
REFUND = {"object": "refund", "id": "re_1", "status": "pending", "amount": 1, "currency": "usd", "created": 1}
REFUND |= {"payment_intent": None, "metadata": {}}


@pytest.mark.parametrize(("call", "item"), [("events_since", EVENT), ("refunds_since", REFUND)])
def test_a_list_that_breaks_off_is_no_short_list(connect: Connect, call: str, item: dict[str, Any]) -> None:
    class BreaksOff(Line):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            self.answer = refusal(500) if self.asked else self.answer
            return super().request(*args, **kwargs)

    page = {"object": "list", "data": [item], "has_more": True, "url": "/v1/things"}
    connect(BreaksOff((json.dumps(page), 200, {})))
    with pytest.raises(StripeUnavailable):
        CALLS[call]()


def test_a_refusal_keeps_stripe_s_word_for_its_reason(connect: Connect) -> None:
    connect(Line(refusal(400, code="charge_already_refunded")))
    with pytest.raises(StripeRefused, match=r"^Stripe said 400\.$") as raised:
        gateway.fetch_refund("re_1")
    assert raised.value.code == "charge_already_refunded"


@pytest.mark.parametrize("failure", ["broken", "same request under way", "no answer"])
def test_a_request_is_repeated_twice_under_the_same_key(connect: Connect, failure: str) -> None:
    line = Line(FAILURES[failure][0])
    connect(line)
    with pytest.raises(StripeUnavailable):
        gateway.create_refund(payment_intent_id="pi_1", cents=1, metadata={}, idempotency_key="refund-7")
    assert [headers["Idempotency-Key"] for headers in line.headers] == ["refund-7"] * 3


@pytest.mark.parametrize("failure", ["card declined", "not found", "wrong key", "too fast"])
def test_an_answer_is_taken_for_an_answer(connect: Connect, failure: str) -> None:
    line = Line(FAILURES[failure][0])
    connect(line)
    with pytest.raises(PaymentError):
        gateway.create_refund(payment_intent_id="pi_1", cents=1, metadata={}, idempotency_key="refund-7")
    assert len(line.asked) == 1


def test_every_request_asks_in_the_version_that_the_library_knows(connect: Connect) -> None:
    line = Line(refusal(404))
    connect(line)
    with pytest.raises(StripeNotFound):
        gateway.fetch_session("cs_1")
    assert line.headers[0]["Stripe-Version"] == gateway.API_VERSION == "2026-10-28.endive"
    assert line.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.fixture
def deaf_server() -> Iterator[int]:
    """A port where somebody takes every request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in taken:
            connection.close()


def over_the_wire(port: int, connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{port}"
    line = stripe.RequestsClient(timeout=(0.2, 0.2))
    monkeypatch.setattr(line, "_sleep_time_seconds", lambda *_, **__: 0)
    connect(line)


def test_a_stripe_that_doesn_t_answer_in_time_is_unavailable(
    deaf_server: int, connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_the_wire(deaf_server, connect, settings, monkeypatch)
    with pytest.raises(StripeUnavailable, match="doesn't answer"):
        gateway.fetch_session("cs_1")


def test_a_stripe_that_can_t_be_reached_is_unavailable(
    connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    over_the_wire(port, connect, settings, monkeypatch)
    with pytest.raises(StripeUnavailable, match="doesn't answer"):
        gateway.fetch_session("cs_1")
