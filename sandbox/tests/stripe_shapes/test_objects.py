"""Objects that Stripe would send pass; each way of damaging one is told, with its place."""

from typing import Any

import pytest
import stripe

from sandbox.stripe_shapes.annotations import NoneType, alternatives, class_of, fields
from sandbox.stripe_shapes.objects import complaints, complaints_as, error_complaints
from sandbox.tests.stripe_shapes.samples import customer, event, listing, price, refund


@pytest.mark.parametrize("whole", [refund(), price(), customer(), listing(refund(), refund()), listing()])
def test_what_stripe_prints_passes(whole: dict[str, Any]) -> None:
    assert complaints(whole) == []


@pytest.mark.parametrize("sample", [refund, price, customer])
def test_any_required_field_left_out_is_told(sample: Any) -> None:
    required = [
        name
        for name, annotation in fields(class_of(sample()["object"])).items()
        if NoneType not in alternatives(annotation) and name != "object"
    ]
    assert len(required) >= 3

    for name in required:
        damaged = sample()
        del damaged[name]
        assert complaints(damaged) == [f"{damaged['object']}.{name}: missing"]


@pytest.mark.parametrize("sample", [refund, price, customer])
def test_any_field_of_another_type_is_told(sample: Any) -> None:
    for name in sample():
        damaged = {**sample(), name: [object()]}
        assert len(complaints(damaged)) > 0, name


@pytest.mark.parametrize("sample", [refund, price, customer])
def test_a_field_that_stripe_does_not_have_is_told(sample: Any) -> None:
    damaged = {**sample(), "payment": "pi_1"}

    assert complaints(damaged) == [f"{damaged['object']}.payment: Stripe has no such field"]


def test_a_field_that_may_be_null_may_also_be_left_out() -> None:
    sparse = {name: value for name, value in customer().items() if value is not None}

    assert len(sparse) < len(customer())
    assert complaints(sparse) == []


def test_null_is_told_where_stripe_always_has_a_value() -> None:
    assert complaints({**refund(), "amount": None}) == ["refund.amount: expected int, got NoneType None"]


@pytest.mark.parametrize("amount", ["1000", 1000.0, True])
def test_only_an_integer_is_an_amount(amount: Any) -> None:
    assert len(complaints({**refund(), "amount": amount})) == 1


@pytest.mark.parametrize(("written", "fits"), [("1000", True), ("0.5", True), (1000, False), ("ten", False)])
def test_a_decimal_travels_as_text(written: Any, fits: bool) -> None:
    assert (complaints({**price(), "unit_amount_decimal": written}) == []) is fits


def test_a_value_outside_its_enumeration_is_told() -> None:
    assert complaints({**price(), "type": "monthly"}) == ["price.type: 'monthly' is none of 'one_time', 'recurring'"]


def test_a_value_that_is_not_enumerated_is_free() -> None:
    assert complaints({**price(), "lookup_key": "anything at all"}) == []


def test_parts_are_looked_into() -> None:
    damaged = price()
    damaged["recurring"] |= {"interval": "moon", "usage": "licensed"}
    del damaged["recurring"]["interval_count"]

    assert complaints(damaged) == [
        "price.recurring.interval: 'moon' is none of 'day', 'month', 'week', 'year'",
        "price.recurring.interval_count: missing",
        "price.recurring.usage: Stripe has no such field",
    ]


def test_metadata_holds_only_text() -> None:
    assert complaints({**refund(), "metadata": {"purchase": 17}}) == [
        "refund.metadata.purchase: expected str, got int 17"
    ]


def test_an_id_may_be_the_object_itself_and_is_then_looked_into() -> None:
    product = {"id": "prod_1", "object": "product", "deleted": True}
    assert complaints({**price(), "product": product}) == []

    told = complaints({**price(), "product": {"id": "prod_1", "object": "product", "name": 3}})

    assert "price.product.name: expected str, got int 3" in told
    assert "price.product.active: missing" in told


def test_an_id_may_not_be_an_object_of_another_class() -> None:
    assert complaints({**price(), "product": refund()}) != []


def test_of_a_deleted_object_only_a_stump_is_left() -> None:
    stump = {"id": "cus_1", "object": "customer", "deleted": True}

    assert complaints(stump) == []
    assert complaints({**stump, "email": "alice@example.com"}) == ["customer: a deleted object doesn't show email"]
    assert complaints({"object": "customer", "deleted": True}) == ["customer: a deleted object says its object and id"]


def test_each_object_of_a_list_is_looked_into() -> None:
    damaged = refund()
    del damaged["currency"]

    assert complaints(listing(refund(), damaged)) == ["list.data[1]: refund.currency: missing"]


@pytest.mark.parametrize(
    "damage", [{"has_more": None}, {"url": "https://api.stripe.com/v1/refunds"}, {"data": {}}, {"count": 1}]
)
def test_a_list_without_its_envelope_is_told(damage: dict[str, Any]) -> None:
    assert len(complaints({**listing(refund()), **damage})) == 1


@pytest.mark.parametrize("nothing", [None, [], "re_1", {}, {"object": "credit"}, {"object": ["refund"]}])
def test_what_is_no_object_of_stripes_is_told(nothing: Any) -> None:
    assert len(complaints(nothing)) == 1


class TestEvents:
    def test_a_whole_event_passes(self) -> None:
        assert complaints(event("refund.created", refund())) == []

    def test_the_object_it_is_about_is_looked_into(self) -> None:
        damaged = {**refund(), "amount": "1000"}

        assert complaints(event("refund.created", damaged)) == [
            "event.data.object: refund.amount: expected int, got str '1000'"
        ]

    def test_it_is_about_an_object_of_its_own_class(self) -> None:
        assert complaints(event("invoice.paid", refund())) == [
            "event.data.object: a invoice.paid is about Invoice, not 'refund'"
        ]

    def test_a_type_that_stripe_does_not_have_is_told(self) -> None:
        told = complaints(event("refund.completed", refund()))

        assert [complaint.partition(" is none")[0] for complaint in told] == ["event.type: 'refund.completed'"]

    def test_another_version_of_the_api_is_told(self) -> None:
        old = {**event("refund.created", refund()), "api_version": "2020-08-27"}

        assert complaints(old) == [f"event.api_version: expected {stripe.api_version}, got '2020-08-27'"]

    def test_earlier_values_are_parts_of_the_object(self) -> None:
        before = {"invoice_settings": {"default_payment_method": None}, "email": None, "delinquent": True}

        assert complaints(event("customer.updated", customer(), previous_attributes=before)) == []

    def test_an_earlier_value_of_no_field_or_another_type_is_told(self) -> None:
        before = {"mail": "alice@example.com", "balance": "0"}

        assert sorted(complaints(event("customer.updated", customer(), previous_attributes=before))) == [
            "event.data.previous_attributes.balance: expected int, got str '0'",
            "event.data.previous_attributes.mail: Stripe has no such field",
        ]


class TestAnswers:
    def test_an_answer_of_the_promised_class_passes(self) -> None:
        assert complaints_as(stripe.Refund, refund()) == []
        assert complaints_as(stripe.ListObject[stripe.Refund], listing(refund())) == []

    def test_another_class_is_told(self) -> None:
        assert complaints_as(stripe.Price, refund()) != []
        assert complaints_as(stripe.ListObject[stripe.Price], listing(refund())) != []
        assert complaints_as(stripe.ListObject[stripe.Refund], refund()) != []


class TestErrors:
    def test_a_declined_card_passes(self) -> None:
        declined = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "No."}

        assert error_complaints({"error": declined}) == []

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            {"error": "card_declined"},
            {"error": {"code": "card_declined"}},
            {"error": {"type": "declined"}},
            {"error": {"type": "api_error", "code": 7}},
            {"error": {"type": "api_error", "reason": "unknown"}},
            {"error": {"type": "api_error"}, "status": 500},
        ],
    )
    def test_any_other_body_is_told(self, body: Any) -> None:
        assert error_complaints(body) != []
