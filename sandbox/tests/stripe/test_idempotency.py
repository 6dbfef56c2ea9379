"""The same key gives the same answer again, whatever it was."""

import threading
import time

import pytest
import stripe

from sandbox.stripe.errors import Refused
from sandbox.tests.stripe.conftest import Shop

KEY = {"idempotency_key": "customer-7"}
LONGEST_WAIT = 60


def test_the_same_request_is_answered_again_and_not_done_again(shop: Shop) -> None:
    first = shop.stripe.customers.create({"email": "bob@example.com"}, KEY)
    second = shop.stripe.customers.create({"email": "bob@example.com"}, KEY)

    assert second.id == first.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(shop.stripe.customers.list().data) == 2
    assert shop.told() == ["customer.created"]


def test_the_answer_is_the_first_one_even_if_the_object_has_changed(shop: Shop) -> None:
    first = shop.stripe.customers.create({"email": "bob@example.com"}, KEY)
    shop.stripe.customers.update(first.id, {"email": "bob@example.org"})

    assert shop.stripe.customers.create({"email": "bob@example.com"}, KEY).email == "bob@example.com"


def test_other_parameters_under_the_key_are_refused(shop: Shop) -> None:
    shop.stripe.customers.create({"email": "bob@example.com"}, KEY)

    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        shop.stripe.customers.create({"email": "carol@example.com"}, KEY)

    assert caught.value.http_status == 400


def test_another_address_under_the_key_is_refused(shop: Shop) -> None:
    shop.stripe.customers.create({"email": "bob@example.com"}, KEY)

    with pytest.raises(stripe.IdempotencyError):
        shop.stripe.customers.update(shop.alice, {"email": "bob@example.com"}, KEY)


def test_a_refusal_of_the_work_is_remembered(shop: Shop, refused) -> None:
    payment = shop.buy()
    shop.stripe.refunds.create({"payment_intent": payment})
    again = {"payment_intent": payment, "amount": 5}
    first = refused(shop.stripe.refunds.create, again, KEY)
    shop.engine.fail_refund(shop.stripe.refunds.list().data[0].id)

    assert refused(shop.stripe.refunds.create, again, KEY).body == first.body
    assert first.code == "charge_already_refunded"


def test_a_refusal_of_the_form_is_not_remembered(shop: Shop, refused) -> None:
    refused(shop.stripe.refunds.create, {"payment_intent": "pi_x", "amount": "much"}, KEY)

    assert shop.stripe.refunds.create({"payment_intent": shop.buy()}, KEY).status == "succeeded"


def test_an_injected_failure_is_not_remembered(shop: Shop, refused) -> None:
    shop.engine.faults.error_next_calls = 1
    assert refused(shop.stripe.customers.create, {"email": "bob@example.com"}, KEY).status == 500

    assert shop.stripe.customers.create({"email": "bob@example.com"}, KEY).email == "bob@example.com"


def test_a_lost_answer_is_found_again_by_a_retry(shop: Shop) -> None:
    shop.http._sleep_time_seconds = lambda *_: 0  # type: ignore[method-assign,assignment]
    shop.engine.faults.timeout_next = 1

    customer = shop.stripe.customers.create({"email": "bob@example.com"}, {**KEY, "max_network_retries": 1})

    assert customer.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(shop.stripe.customers.list({"email": "bob@example.com"}).data) == 1


def test_a_key_whose_request_is_under_way_is_refused_with_409(shop: Shop) -> None:
    """The library tries a 409 again by itself, so the second request is made by hand."""
    answers = []

    def ask() -> None:
        headers = {"Authorization": "Bearer sk_test_sandbox", "Idempotency-Key": "busy"}
        answers.append(shop.http.app.test_client().post("/v1/customers", data={"name": "Bob"}, headers=headers))

    with shop.engine.lock:
        slow = threading.Thread(target=ask)
        slow.start()
        deadline = time.monotonic() + LONGEST_WAIT
        while not shop.engine.keys_under_way and time.monotonic() < deadline:
            slow.join(0.01)
        assert shop.engine.keys_under_way
        other = threading.Thread(target=ask)
        other.start()
        other.join(LONGEST_WAIT)
        assert [answer.status_code for answer in answers] == [409]
    slow.join(LONGEST_WAIT)

    assert [answer.status_code for answer in answers] == [409, 200]
    assert answers[0].json["error"]["code"] == "idempotency_key_in_use"
    assert not shop.engine.keys_under_way


def test_a_get_has_no_key(shop: Shop) -> None:
    shop.stripe.customers.retrieve(shop.alice, {}, KEY)

    assert shop.stripe.customers.create({"email": "bob@example.com"}, KEY).email == "bob@example.com"


def test_keys_outlive_a_snapshot_only_if_they_were_there(shop: Shop) -> None:
    before = shop.engine.snapshot()
    first = shop.stripe.customers.create({"email": "bob@example.com"}, KEY)
    shop.engine.restore(before)

    with pytest.raises(Refused):
        shop.engine.find(first.id)
    assert shop.stripe.customers.create({"email": "carol@example.com"}, KEY).email == "carol@example.com"
