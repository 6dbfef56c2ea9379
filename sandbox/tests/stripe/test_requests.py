"""Who may ask, what is known, and what a refusal says."""

import pytest
import stripe

from sandbox.tests.stripe.conftest import Shop


def test_a_wrong_key_is_refused_before_anything_is_done(shop: Shop) -> None:
    stranger = stripe.StripeClient("sk_test_other", http_client=shop.http).v1

    with pytest.raises(stripe.AuthenticationError) as caught:
        stranger.customers.create({"email": "bob@example.com"})

    assert caught.value.http_status == 401
    assert len(shop.stripe.customers.list().data) == 1


def test_another_version_of_the_api_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"2025-03-31.*2026-10-28\.endive"):
        shop.stripe.customers.list({}, {"stripe_version": "2025-03-31.basil"})


def test_an_unknown_parameter_is_named(shop: Shop, refused) -> None:
    error = refused(lambda: shop.checkout(payment_method_types=["card"]))

    assert (error.status, error.code, error.param) == (400, "parameter_unknown", "payment_method_types")


def test_an_unknown_parameter_inside_of_another_is_named_with_its_path(shop: Shop, refused) -> None:
    error = refused(lambda: shop.checkout(payment_intent_data={"metadata": {}, "capture": "manual"}))

    assert error.param == "payment_intent_data[capture]"


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"mode": "gift"}, "mode", "must be one of payment, or subscription"),
        ({"mode": ""}, "mode", "Missing required param: mode."),
        ({"expires_at": "tomorrow"}, "expires_at", "Invalid integer: tomorrow"),
        ({"allow_promotion_codes": "maybe"}, "allow_promotion_codes", "Invalid boolean: maybe"),
        ({"customer": "cus_nobody"}, "customer", "No such customer: 'cus_nobody'"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]", "No such price"),
        ({"success_url": "/done"}, "success_url", "Not a valid URL"),
        ({"customer_email": "a@example.com"}, "customer", "only specify one of"),
        ({"subscription_data": {"description": "x"}}, "subscription_data", "in `payment` mode"),
    ],
)
def test_a_wrong_value_is_refused_with_its_parameter(shop: Shop, refused, change, param, words) -> None:
    error = refused(lambda: shop.checkout(**change))

    assert (error.status, error.param) == (400, param)
    assert words in error.message


def test_nothing_at_an_id_is_404(shop: Shop, refused) -> None:
    error = refused(shop.stripe.subscriptions.retrieve, "sub_none")

    assert (error.status, error.code, error.message) == (404, "resource_missing", "No such subscription: 'sub_none'")


def test_an_id_of_another_kind_is_404_too(shop: Shop, refused) -> None:
    assert refused(shop.stripe.subscriptions.retrieve, shop.alice).status == 404


def test_an_address_that_stripe_does_not_have_is_404(shop: Shop) -> None:
    answer = shop.http.app.test_client().get("/v1/planets", headers={"Authorization": "Bearer sk_test_sandbox"})

    assert answer.status_code == 404
    assert "Unrecognized request URL (GET: /v1/planets)" in answer.json["error"]["message"]


def test_every_answer_has_a_request_id_that_its_events_name(shop: Shop) -> None:
    customer = shop.stripe.customers.create({"email": "bob@example.com"}, {"idempotency_key": "bob"})

    [event] = shop.engine.take_events()
    assert customer.last_response.request_id.startswith("req_")
    assert event["request"] == {"id": customer.last_response.request_id, "idempotency_key": "bob"}


def test_metadata_is_merged_key_by_key(shop: Shop) -> None:
    shop.stripe.customers.update(shop.alice, {"metadata": {"plan": "pro"}})
    customer = shop.stripe.customers.update(shop.alice, {"metadata": {"wallet": ""}})

    assert customer.metadata.to_dict() == {"plan": "pro"}


def test_a_lookup_key_belongs_to_one_price_until_it_is_handed_over(shop: Shop, refused) -> None:
    params = {"currency": "usd", "unit_amount": 1200, "product_data": {"name": "1,000 credits"}}
    again = {**params, "lookup_key": "pack_1000"}
    assert refused(shop.stripe.prices.create, again).param == "lookup_key"

    new = shop.stripe.prices.create({**again, "transfer_lookup_key": True})

    assert [price.id for price in shop.stripe.prices.list({"lookup_keys": ["pack_1000"]}).data] == [new.id]
    assert shop.stripe.prices.retrieve(shop.pack).lookup_key is None


def test_an_update_that_changes_nothing_tells_nothing(shop: Shop) -> None:
    shop.stripe.customers.update(shop.alice, {"email": "alice@example.com"})
    assert shop.told() == []

    shop.stripe.customers.update(shop.alice, {"email": "alice@example.org"})
    [event] = shop.engine.take_events()
    assert event["type"] == "customer.updated"
    assert event["data"]["previous_attributes"] == {"email": "alice@example.com"}
    assert event["data"]["object"]["email"] == "alice@example.org"
