"""Webhooks: signed, delivered to who asked for them, tried again, and what the faults do to them."""

import json
import random
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe

from sandbox.stripe import server
from sandbox.stripe.delivery import Delivery, post
from sandbox.stripe.world import Faults
from sandbox.tests.stripe.conftest import Shop

SECRET = "whsec_shop"
ADDRESS = "http://127.0.0.1:8000/stripe/webhook/"


class Endpoint:
    """Somebody who listens; `answers` are the statuses of the next answers, after them it is 200."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.got: list[dict[str, Any]] = []
        self.answers: list[int | OSError] = []
        self.headers: list[Mapping[str, str]] = []
        self.delivery = Delivery(shop.engine, send=self.receive)
        server.listen(shop.engine, ADDRESS, SECRET)

    def receive(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        assert url == ADDRESS
        stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], SECRET, tolerance=None)
        self.got.append(json.loads(body))
        self.headers.append(headers)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, OSError):
            raise answer
        return answer

    def types(self) -> list[str]:
        return [event["type"] for event in self.got]

    def wait(self, seconds: float) -> int:
        """Let real time go by, and return how many deliveries were tried then."""
        self.shop.real += seconds
        return self.delivery.deliver_due()


@pytest.fixture
def endpoint(shop: Shop) -> Endpoint:
    return Endpoint(shop)


def test_an_event_arrives_signed_at_real_time(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.advance_to(shop.engine.now() + 86_400)
    shop.buy()

    assert endpoint.wait(0) == 1

    [event] = endpoint.got
    assert (event["type"], event["api_version"]) == ("checkout.session.completed", "2026-10-28.endive")
    assert event["livemode"] is False
    assert f"t={int(shop.real)}," in endpoint.headers[0]["Stripe-Signature"]
    assert event["created"] == int(shop.real) + 86_400


def test_only_what_an_endpoint_listens_to_is_delivered(shop: Shop, endpoint: Endpoint) -> None:
    shop.subscribe()
    endpoint.wait(0)

    assert endpoint.types() == ["customer.subscription.created", "invoice.paid", "checkout.session.completed"]


def test_an_endpoint_made_through_the_api_gets_its_own_secret(shop: Shop) -> None:
    got: list[tuple[str, bytes, str]] = []
    delivery = Delivery(
        shop.engine, send=lambda url, body, headers: got.append((url, body, headers["Stripe-Signature"])) or 200
    )  # type: ignore[func-returns-value]
    params = {"url": "https://shop.example/hook", "enabled_events": ["*"], "api_version": "2026-10-28.endive"}
    made = shop.stripe.webhook_endpoints.create(params)  # type: ignore[arg-type]
    assert made.secret.startswith("whsec_")
    assert "secret" not in shop.stripe.webhook_endpoints.retrieve(made.id)

    shop.stripe.customers.create({"email": "bob@example.com"})
    delivery.deliver_due()

    [(url, body, signature)] = got
    assert url == "https://shop.example/hook"
    stripe.WebhookSignature.verify_header(body, signature, made.secret, tolerance=None)


def test_a_disabled_or_deleted_endpoint_gets_nothing(shop: Shop, endpoint: Endpoint) -> None:
    [made] = shop.stripe.webhook_endpoints.list().data
    shop.buy()
    shop.stripe.webhook_endpoints.update(made.id, {"disabled": True})
    shop.buy()
    assert endpoint.wait(0) == 1

    shop.stripe.webhook_endpoints.update(made.id, {"disabled": False})
    shop.buy()
    shop.stripe.webhook_endpoints.delete(made.id)
    assert endpoint.wait(0) == 0


def test_it_is_tried_again_with_growing_pauses_until_2xx(shop: Shop, endpoint: Endpoint) -> None:
    endpoint.answers = [500, OSError("Connection refused"), 301, 404, 204]
    shop.buy()
    [event] = shop.stripe.events.list({"type": "checkout.session.completed"}).data
    assert event.pending_webhooks == 1

    tried = [endpoint.wait(seconds) for seconds in (0, 0.5, 0.5, 1.5, 0.5, 4, 8, 3600)]

    assert tried == [1, 0, 1, 0, 1, 1, 1, 0]
    assert len({event["id"] for event in endpoint.got}) == 1
    assert shop.stripe.events.retrieve(event.id).pending_webhooks == 0


def test_a_failing_event_does_not_hold_up_the_others(shop: Shop, endpoint: Endpoint) -> None:
    endpoint.answers = [500]
    shop.subscribe()

    endpoint.wait(0)

    assert endpoint.types() == ["customer.subscription.created", "invoice.paid", "checkout.session.completed"]
    assert endpoint.wait(1) == 1
    assert endpoint.types()[-1] == "customer.subscription.created"


def test_after_three_days_it_is_given_up(shop: Shop, endpoint: Endpoint) -> None:
    endpoint.answers = [500] * 5
    shop.buy()
    endpoint.wait(0)
    endpoint.wait(3 * 86_400 + 1)

    assert endpoint.wait(86_400) == 0
    assert len(endpoint.got) == 2


def test_it_can_be_delivered_again_and_what_waits_at_once(shop: Shop, endpoint: Endpoint) -> None:
    endpoint.answers = [500, 500, 500, 500]
    shop.buy()
    for seconds in (0, 1, 2, 4):
        endpoint.wait(seconds)
    assert shop.engine.deliver() == 1
    assert endpoint.wait(0) == 1
    assert shop.engine.deliver() == 0

    assert shop.engine.redeliver(endpoint.got[0]["id"]) == 1
    assert endpoint.wait(0) == 1
    [unheard] = [event for event in shop.engine.events if event["type"] == "charge.succeeded"]
    assert shop.engine.redeliver(unheard["id"]) == 0


def test_a_copy_of_the_next_events(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.set_faults(Faults(duplicate=1))
    shop.buy()
    shop.buy()
    endpoint.wait(0)

    first, copy, second = endpoint.got
    assert first["id"] == copy["id"] != second["id"]
    assert shop.engine.faults.duplicate == 0


def test_the_next_events_are_lost_and_stay_in_the_list(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.set_faults(Faults(drop=1))
    shop.buy()
    shop.buy()
    endpoint.wait(10_000)

    assert len(endpoint.got) == 1
    listed = shop.stripe.events.list({"type": "checkout.session.completed"}).data
    assert [event.pending_webhooks for event in listed] == [0, 1]
    lost = shop.stripe.events.list({"type": "checkout.session.completed", "delivery_success": False}).data
    assert [event.id for event in lost] == [listed[1].id]


def test_a_share_of_all_events_is_lost(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.chance = random.Random(7)
    shop.engine.set_faults(Faults(drop=0.5))
    for _ in range(60):
        shop.buy()
    endpoint.wait(0)

    assert 15 <= len(endpoint.got) <= 45
    assert shop.engine.faults.drop == 0.5


def test_events_come_out_of_order(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.chance = random.Random(7)
    shop.engine.set_faults(Faults(reorder=True))
    for _ in range(10):
        shop.buy()
    endpoint.wait(0)

    sent = [event.id for event in shop.stripe.events.list({"type": "checkout.session.completed"}).data[::-1]]
    got = [event["id"] for event in endpoint.got]
    assert sorted(got) == sorted(sent)
    assert got != sent


def test_events_come_late(shop: Shop, endpoint: Endpoint) -> None:
    shop.engine.set_faults(Faults(delay_seconds=30))
    shop.buy()

    assert [endpoint.wait(29), endpoint.wait(1)] == [0, 1]


@pytest.mark.parametrize(("status", "kind"), [(429, "RateLimitError"), (500, "APIError"), (402, "CardError")])
def test_the_next_calls_fail_and_do_nothing(shop: Shop, refused, status: int, kind: str) -> None:
    shop.engine.set_faults(Faults(error_next_calls=2, error_status=status))

    errors = [refused(shop.stripe.customers.create, {"email": "bob@example.com"}) for _ in range(2)]

    assert {(error.status, error.kind) for error in errors} == {(status, kind)}
    assert len(shop.stripe.customers.list().data) == 1


def test_a_lost_answer_is_a_connection_error_though_the_work_is_done(shop: Shop) -> None:
    shop.engine.set_faults(Faults(timeout_next=1))

    with pytest.raises(stripe.APIConnectionError):
        shop.stripe.customers.create({"email": "bob@example.com"}, {"max_network_retries": 0})

    assert len(shop.stripe.customers.list({"email": "bob@example.com"}).data) == 1


def test_the_transport_can_fail_by_itself_before_anything_is_done(shop: Shop, refused) -> None:
    shop.http.fail_next(503)
    shop.http.fail_next(stripe.APIConnectionError("No route to host"))  # type: ignore[no-untyped-call]

    assert refused(shop.stripe.customers.create, {"email": "bob@example.com"}).status == 503
    with pytest.raises(stripe.APIConnectionError):
        shop.stripe.customers.create({"email": "bob@example.com"})

    assert shop.stripe.customers.list({"email": "bob@example.com"}).data == []
    assert [(sent.method, sent.path) for sent in shop.http.requests[-2:]] == [
        ("POST", "/v1/customers"),
        ("GET", "/v1/customers"),
    ]
    assert shop.http.requests[-2].params == {"email": "bob@example.com"}


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = int(body)
        if status == 0:
            self.connection.close()
            return
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Any:
    listening = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/"
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.mark.parametrize("status", [200, 204, 302, 400, 503])
def test_it_posts_over_http_and_follows_no_redirect(site: str, status: int) -> None:
    assert post(site, str(status).encode(), {"Content-Type": "application/json"}) == status


def test_no_answer_is_an_error_that_is_tried_again(site: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        post(site, b"0", {})
    with pytest.raises(OSError, match="refused"):
        post("http://127.0.0.1:9/", b"200", {})


def test_the_thread_delivers_by_itself_and_stops(shop: Shop) -> None:
    arrived = threading.Event()
    send: Callable[..., int] = lambda *_: arrived.set() or 200  # type: ignore[func-returns-value]  # noqa: E731
    server.listen(shop.engine, ADDRESS, SECRET)
    delivery = Delivery(shop.engine, send=send)
    delivery.start()
    try:
        shop.buy()
        assert arrived.wait(10)
    finally:
        delivery.stop()
    assert not any(thread.name == "stripe-delivery" for thread in threading.enumerate())
