"""Nothing passes a watched client which Stripe would not know, in either direction."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import stripe

from sandbox.stripe_shapes.watch import NotStripe, Watching
from sandbox.tests.stripe_shapes.samples import listing, price, refund


class Prepared(stripe.HTTPClient):
    """Answers every request with one prepared answer."""

    name = "prepared"

    def __init__(self, body: Any, status: int = 200) -> None:
        super().__init__()
        self.content = body if isinstance(body, str) else json.dumps(body)
        self.status = status
        self.asked = 0

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        self.asked += 1
        return self.content, self.status, {}


def watched(body: Any, status: int = 200) -> tuple[stripe.StripeClient, Watching, Prepared]:
    prepared = Prepared(body, status)
    watching = Watching(prepared)
    return stripe.StripeClient("sk_test_watched", http_client=watching), watching, prepared


def test_a_sound_request_with_a_sound_answer_passes_unchanged() -> None:
    client, watching, _ = watched(refund())

    answer = client.v1.refunds.create({"payment_intent": "pi_1", "amount": 1000})

    assert answer.id == refund()["id"]
    assert watching.seen == [("post", "/v1/refunds")]
    assert watching.found == []


def test_a_query_is_looked_at_like_a_body() -> None:
    client, watching, prepared = watched(listing(refund()))

    assert len(client.v1.refunds.list({"payment_intent": "pi_1", "limit": 3}).data) == 1
    with pytest.raises(NotStripe, match="purchase: Stripe has no such parameter"):
        client.v1.refunds.list({"purchase": "17"})  # type: ignore[typeddict-unknown-key]

    assert prepared.asked == 1
    assert watching.found == ["GET /v1/refunds: purchase: Stripe has no such parameter"]


def test_an_unknown_parameter_is_never_sent() -> None:
    client, _, prepared = watched(refund())

    with pytest.raises(NotStripe, match=r"POST /v1/refunds: reason: 'bored' is none of"):
        client.v1.refunds.create({"payment_intent": "pi_1", "reason": "bored"})

    assert prepared.asked == 0


@pytest.mark.parametrize("body", [price(), listing(refund()), {**refund(), "amount": "1000"}, "<html>"])
def test_an_answer_that_is_not_stripes_is_refused(body: Any) -> None:
    client, watching, _ = watched(body)

    with pytest.raises(NotStripe):
        client.v1.refunds.retrieve("re_1")

    assert len(watching.found) > 0


def test_a_refusal_in_stripes_form_reaches_the_caller() -> None:
    refusal = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "No."}
    client, watching, _ = watched({"error": refusal}, status=402)

    with pytest.raises(stripe.CardError, match="No"):
        client.v1.refunds.create({"payment_intent": "pi_1"})

    assert watching.found == []


def test_a_refusal_in_another_form_is_told() -> None:
    client, _, _ = watched({"detail": "No."}, status=404)

    with pytest.raises(NotStripe, match="404: expected nothing but an error"):
        client.v1.refunds.retrieve("re_1")


def test_a_broken_gateway_may_answer_anything() -> None:
    client, watching, _ = watched("<h1>Bad gateway</h1>", status=502)

    with pytest.raises(stripe.APIError):
        client.v1.refunds.retrieve("re_1")

    assert watching.found == []


def test_another_version_of_the_api_is_told() -> None:
    client, _, _ = watched(refund())

    with pytest.raises(NotStripe, match="Stripe-Version"):
        client.v1.refunds.retrieve("re_1", {}, {"stripe_version": "2020-08-27"})


def test_an_idempotency_key_that_is_too_long_is_told() -> None:
    client, _, _ = watched(refund())

    client.v1.refunds.create({"payment_intent": "pi_1"}, {"idempotency_key": "k" * 255})
    with pytest.raises(NotStripe, match="Idempotency-Key"):
        client.v1.refunds.create({"payment_intent": "pi_1"}, {"idempotency_key": "k" * 256})
