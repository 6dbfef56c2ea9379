"""What a Checkout Session becomes, card by card."""

import pytest

from sandbox.stripe.errors import CardDeclined, NeedsThreeDSecure, Refused
from sandbox.tests.stripe.conftest import Shop


def test_a_paid_session_shows_its_payment_and_tells_the_story_in_order(shop: Shop) -> None:
    session = shop.checkout(
        client_reference_id="wallet-7",
        metadata={"thing": "pack"},
        payment_intent_data={"metadata": {"purchase": "12"}},
    )
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)

    shop.engine.pay(session.id, name="Alice")

    assert shop.told() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    session = shop.stripe.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert session.payment_intent.status == "succeeded"
    assert session.payment_intent.amount_received == 1000
    assert session.payment_intent.metadata.to_dict() == {"purchase": "12"}
    assert session.payment_intent.latest_charge.metadata.to_dict() == {"purchase": "12"}
    assert session.metadata.to_dict() == {"thing": "pack"}
    assert session.client_reference_id == "wallet-7"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000 0000 0000 0002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
        ("4000000000000127", "incorrect_cvc", None),
    ],
)
def test_a_declined_card_leaves_the_session_open_without_a_payment(shop: Shop, card, code, decline_code) -> None:
    session = shop.checkout()

    with pytest.raises(CardDeclined) as caught:
        shop.engine.pay(session.id, card)

    assert (caught.value.code, caught.value.decline_code) == (code, decline_code)
    assert shop.told() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    session = shop.stripe.checkout.sessions.retrieve(session.id)
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)


def test_after_a_declined_card_another_one_pays_the_same_intent(shop: Shop) -> None:
    session = shop.checkout()
    with pytest.raises(CardDeclined):
        shop.engine.pay(session.id, "4000000000000002")

    shop.engine.pay(session.id)

    [intent] = shop.stripe.payment_intents.list().data
    charges = shop.stripe.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]
    assert intent.last_payment_error is None


@pytest.mark.parametrize(
    ("card", "person", "code"),
    [
        ("4242424242424241", {}, "incorrect_number"),
        ("4242", {}, "incorrect_number"),
        ("4111111111111111", {}, "card_declined"),
        ("4242424242424242", {"expiry": "12/20"}, "invalid_expiry_year"),
        ("4242424242424242", {"expiry": "13/40"}, "invalid_expiry_month"),
        ("4242424242424242", {"cvc": "12"}, "invalid_cvc"),
    ],
)
def test_a_card_that_can_not_be_one_is_declined_without_a_charge(shop: Shop, card, person, code) -> None:
    session = shop.checkout()

    with pytest.raises(CardDeclined) as caught:
        shop.engine.pay(session.id, card, **person)

    assert caught.value.code == code
    assert shop.stripe.charges.list().data == []


def test_a_card_is_good_to_the_end_of_its_month(shop: Shop) -> None:
    assert shop.engine.pay(shop.checkout().id, expiry="01 / 27", cvc="123")["status"] == "complete"


def test_three_d_secure_asks_first_and_pays_once_confirmed(shop: Shop) -> None:
    session = shop.checkout()
    with pytest.raises(NeedsThreeDSecure):
        shop.engine.pay(session.id, "4000002500003155")
    assert shop.told() == ["payment_intent.created", "payment_intent.requires_action"]

    with pytest.raises(CardDeclined) as caught:
        shop.engine.pay(session.id, "4000002500003155", three_d_secure=False)
    assert caught.value.code == "payment_intent_authentication_failure"

    assert shop.engine.pay(session.id, "4000002500003155", three_d_secure=True)["payment_status"] == "paid"


def test_a_session_is_paid_only_once(shop: Shop) -> None:
    session = shop.checkout()
    shop.engine.pay(session.id)

    with pytest.raises(Refused, match="no longer open"):
        shop.engine.pay(session.id)

    assert len(shop.stripe.charges.list().data) == 1


def test_the_next_payment_fails_on_demand_and_only_that_one(shop: Shop) -> None:
    shop.engine.fail_next_payment(shop.alice, "insufficient_funds")
    session = shop.checkout()
    with pytest.raises(CardDeclined, match="insufficient funds"):
        shop.engine.pay(session.id)

    assert shop.engine.pay(session.id)["status"] == "complete"


def test_a_session_expires_by_the_clock(shop: Shop) -> None:
    session = shop.checkout(expires_at=shop.engine.now() + 1800)
    shop.engine.advance_to(session.expires_at - 1)
    assert shop.told() == []

    shop.engine.advance_to(session.expires_at)

    assert shop.told() == ["checkout.session.expired"]
    session = shop.stripe.checkout.sessions.retrieve(session.id)
    assert (session.status, session.url) == ("expired", None)
    with pytest.raises(Refused, match="expired"):
        shop.engine.pay(session.id)


def test_a_session_expires_as_real_time_goes_by_too(shop: Shop) -> None:
    session = shop.checkout()
    shop.real += 24 * 3600

    assert shop.stripe.checkout.sessions.retrieve(session.id).status == "expired"


def test_an_open_session_can_be_expired_and_a_paid_one_not(shop: Shop, refused) -> None:
    session = shop.checkout()
    assert shop.stripe.checkout.sessions.expire(session.id).status == "expired"

    paid = shop.checkout()
    shop.engine.pay(paid.id)
    assert refused(shop.stripe.checkout.sessions.expire, paid.id).param == "session"


def test_how_long_a_session_may_stay_open_has_bounds(shop: Shop, refused) -> None:
    for seconds in (1799, 24 * 3600 + 1):
        error = refused(lambda later=seconds: shop.checkout(expires_at=shop.engine.now() + later))
        assert error.param == "expires_at"


def test_an_inactive_price_is_not_sold(shop: Shop, refused) -> None:
    shop.stripe.prices.update(shop.pack, {"active": False})

    assert "inactive" in refused(shop.checkout).message


def test_a_monthly_price_is_not_sold_once(shop: Shop, refused) -> None:
    error = refused(lambda: shop.checkout(line_items=[{"price": shop.plan, "quantity": 1}]))

    assert "recurring price" in error.message


def test_a_deleted_customer_buys_nothing(shop: Shop, refused) -> None:
    shop.stripe.customers.delete(shop.alice)

    assert refused(shop.checkout).code == "resource_missing"
    assert shop.stripe.customers.retrieve(shop.alice).deleted


def test_deleting_a_customer_ends_their_subscriptions(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.engine.take_events()

    shop.stripe.customers.delete(shop.alice)

    assert shop.told() == ["customer.subscription.deleted", "customer.deleted"]
    assert shop.stripe.subscriptions.retrieve(subscription).status == "canceled"


def test_a_guest_who_subscribes_becomes_a_customer(shop: Shop) -> None:
    session = shop.stripe.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.plan, "quantity": 1}],
            "success_url": "https://shop.example/",
            "customer_email": "guest@example.com",
        }
    )
    done = shop.engine.pay(session.id, name="Greta")

    customer = shop.stripe.customers.retrieve(done["customer"])
    assert (customer.email, customer.name) == ("guest@example.com", "Greta")
    [charge] = shop.stripe.charges.list({"customer": customer.id}).data
    assert charge.amount == 2900


@pytest.mark.parametrize(
    ("succeeded", "event", "status"),
    [
        (True, "checkout.session.async_payment_succeeded", "paid"),
        (False, "checkout.session.async_payment_failed", "unpaid"),
    ],
)
def test_a_payment_that_takes_days_is_told_of_twice(shop: Shop, succeeded, event, status) -> None:
    session = shop.checkout()
    done = shop.engine.pay_later(session.id)
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert shop.told()[-1] == "checkout.session.completed"

    done = shop.engine.settle(session.id, succeeded=succeeded)

    assert shop.told()[-1] == event
    assert done["payment_status"] == status
    with pytest.raises(Refused):
        shop.engine.settle(session.id)


def test_a_card_that_is_disputed_at_once(shop: Shop) -> None:
    payment = shop.engine.pay(shop.checkout().id, "4000000000000259")["payment_intent"]

    [dispute] = shop.stripe.disputes.list({"payment_intent": payment}).data
    assert dispute.status == "needs_response"
