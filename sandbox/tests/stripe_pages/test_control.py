"""The control page: each button does what it says and says what it did."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.stripe.delivery import Delivery
from sandbox.stripe.world import Faults
from sandbox.tests.stripe_pages.shop import DAY, FAILS_LATER, Shop, alert_in, words

FAULTS = {
    "duplicate": "0.5",
    "drop": "2",
    "delay_seconds": "1.5",
    "reorder": "yes",
    "error_next_calls": "3",
    "error_status": "429",
    "timeout_next": "1",
}


def act(shop: Shop, name: str, **values: str) -> str:
    """Press a button and return what the page says it did."""
    answer = shop.browser.post(f"/sandbox/acts/{name}", data=values)
    assert answer.status_code == 303
    return alert_in(shop.browser.get(answer.location).text, "status")


def bought(shop: Shop) -> str:
    """Sell a pack and return its payment intent."""
    session_id = shop.checkout()
    shop.pay(session_id)
    return str(shop.session(session_id).payment_intent)


@pytest.mark.parametrize(("step", "seconds"), [("hour", 3600), ("day", DAY)])
def test_the_clock_goes_on_by_a_step(shop: Shop, step: str, seconds: int) -> None:
    before = shop.engine.now()
    assert f"The clock went on by one {step}." in act(shop, "advance", step=step)
    assert seconds <= shop.engine.now() - before <= seconds + 5
    assert "ahead of the real time" in shop.text("/sandbox/")


def test_a_month_is_a_calendar_month_and_ends_with_it(shop: Shop) -> None:
    january = datetime(2031, 1, 31, 12, 0, tzinfo=UTC)
    shop.engine.advance_to(int(january.timestamp()))
    act(shop, "advance", step="month")
    now = datetime.fromtimestamp(shop.engine.now(), UTC)
    assert (now.year, now.month, now.day, now.hour) == (2031, 2, 28, 12)


def test_to_the_next_renewal_leaves_a_paid_invoice_and_says_so(shop: Shop) -> None:
    subscription = shop.subscribe()
    assert "To the next renewal" in shop.text("/sandbox/")
    said = act(shop, "renew", subscription=subscription)
    assert "The clock went on to the end of the period" in said
    assert "invoice.paid" in said
    assert [invoice.billing_reason for invoice in shop.api.invoices.list({"status": "paid"}).data] == [
        "subscription_cycle",
        "subscription_create",
    ]


def test_a_plan_that_ends_is_brought_to_its_end(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.engine.set_cancel_at_period_end(subscription, True)
    assert "To the period’s end" in shop.text("/sandbox/")
    assert "customer.subscription.deleted" in act(shop, "renew", subscription=subscription)
    assert "This subscription is over." in act(shop, "renew", subscription=subscription)


def test_a_customer_on_a_test_clock_moves_alone(shop: Shop) -> None:
    clock = shop.api.test_helpers.test_clocks.create({"frozen_time": shop.engine.now()})
    alice = shop.api.customers.create({"email": "alice@example.com", "test_clock": clock.id})
    session_id = shop.checkout("subscription", customer=alice.id)
    shop.pay(session_id)
    before = shop.engine.now()
    assert "invoice.paid" in act(shop, "renew", subscription=shop.session(session_id).subscription)
    assert shop.engine.now() - before < 60
    assert shop.api.test_helpers.test_clocks.retrieve(clock.id).frozen_time > before + 27 * DAY


def test_a_failed_renewal_is_tried_again_by_its_button(shop: Shop) -> None:
    subscription = shop.subscribe(FAILS_LATER)
    assert "invoice.payment_failed" in act(shop, "renew", subscription=subscription)
    assert "Past due" in shop.text("/sandbox/")
    [invoice] = shop.api.invoices.list({"status": "open"}).data
    shop.engine.set_card(shop.bob, "4242424242424242")
    assert "invoice.paid" in act(shop, "retry", invoice=invoice.id)
    assert "isn’t tried again" in act(shop, "retry", invoice=invoice.id)


def test_the_next_payment_fails_once(shop: Shop) -> None:
    act(shop, "fail-next-payment", customer=shop.bob)
    assert "The next payment of bob@example.com will fail." in shop.text("/sandbox/")
    session_id = shop.checkout()
    assert "Your card was declined." in shop.pay(session_id).text
    assert shop.pay(session_id).status_code == 303


def test_a_part_of_a_payment_is_refunded(shop: Shop) -> None:
    intent = bought(shop)
    said = act(shop, "refund", payment_intent=intent, amount="2.50", status="succeeded")
    assert said.startswith("Refunded $2.50, status succeeded. Events: ")
    [refund] = shop.api.refunds.list().data
    assert (refund.amount, refund.status, refund.payment_intent) == (250, "succeeded", intent)
    page = shop.browser.get("/sandbox/").text
    assert "Refund of $2.50" in page
    assert 'value="7.50"' in page


def test_a_pending_refund_succeeds_or_fails(shop: Shop) -> None:
    intent = bought(shop)
    for amount in ("1.00", "2.00"):
        act(shop, "refund", payment_intent=intent, amount=amount, status="pending")
    second, first = shop.api.refunds.list().data
    assert "The refund has succeeded." in act(shop, "succeed-refund", refund=first.id)
    assert "The refund has failed." in act(shop, "fail-refund", refund=second.id)
    assert [refund.status for refund in shop.api.refunds.list().data] == ["failed", "succeeded"]


@pytest.mark.parametrize("amount", ["", "ten", "-1", "1.234", "1e3", "10.01", "0"])
def test_an_amount_that_cannot_be_is_refused_in_words(shop: Shop, amount: str) -> None:
    intent = bought(shop)
    said = act(shop, "refund", payment_intent=intent, amount=amount, status="succeeded")
    assert "Refunded" not in said
    assert said
    assert shop.api.refunds.list().data == []


@pytest.mark.parametrize(("button", "status", "words_"), [("won", "won", "is won"), ("lost", "lost", "is lost")])
def test_a_dispute_is_begun_and_decided(shop: Shop, button: str, status: str, words_: str) -> None:
    intent = bought(shop)
    assert "charge.dispute.funds_withdrawn" in act(shop, "dispute", payment_intent=intent)
    [dispute] = shop.api.disputes.list().data
    assert dispute.status == "needs_response"
    said = act(shop, "close-dispute", dispute=dispute.id, status=button)
    assert words_ in said
    assert ("charge.dispute.funds_reinstated" in said) == (status == "won")
    assert shop.api.disputes.retrieve(dispute.id).status == status


def test_faults_are_set_and_taken_away(shop: Shop) -> None:
    act(shop, "faults", **FAULTS)
    assert shop.engine.faults == Faults(0.5, 2, True, 1.5, 3, 429, 1)
    page = shop.browser.get("/sandbox/").text
    assert 'name="delay_seconds" value="1.5"' in page
    assert 'name="reorder" value="yes" checked' in page
    act(shop, "faults", clear="yes", **FAULTS)
    assert shop.engine.faults == Faults()


@pytest.mark.parametrize("wrong", [{"drop": "many"}, {"delay_seconds": "-1"}, {"error_status": "200"}, {"drop": "1e9"}])
def test_faults_that_cannot_be_change_nothing(shop: Shop, wrong: dict[str, str]) -> None:
    act(shop, "faults", **{**FAULTS, **wrong})
    assert shop.engine.faults == Faults()


@pytest.mark.parametrize(("outcome", "said", "paid"), [("succeeded", "has arrived", 1), ("failed", "has failed", 0)])
def test_a_debit_arrives_later_or_fails(shop: Shop, outcome: str, said: str, paid: int) -> None:
    session_id = shop.checkout()
    assert "Pay by debit, arriving later" in shop.text("/sandbox/")
    assert "checkout.session.completed" in act(shop, "pay-later", session=session_id)
    assert shop.session(session_id).payment_status == "unpaid"
    assert "Payment under way" in shop.text("/sandbox/")
    answer = act(shop, "settle", session=session_id, outcome=outcome)
    assert said in answer
    assert f"checkout.session.async_payment_{outcome}" in answer
    assert len(shop.paid_charges()) == paid
    assert "Payment under way" not in shop.text("/sandbox/")


class TestEvents:
    @pytest.fixture
    def endpoint(self, shop: Shop) -> Any:
        wanted: Any = {"url": "https://cleverai.example/webhook/", "enabled_events": ["checkout.session.completed"]}
        return shop.api.webhook_endpoints.create(wanted)

    def test_only_what_somebody_listens_to_waits(self, shop: Shop, endpoint: Any) -> None:
        bought(shop)
        page = shop.text("/sandbox/")
        assert "checkout.session.completed Waiting" in page
        assert page.index("Events that nobody asked for") < page.index("charge.succeeded Not sent")

    def test_what_waits_can_be_delivered_now(self, shop: Shop, endpoint: Any) -> None:
        shop.engine.faults.delay_seconds = 600
        bought(shop)
        [delivery] = shop.engine.all("_delivery")
        assert delivery["next_at"] > shop.engine.real_time() + 500
        assert act(shop, "deliver") == "1 delivery goes out now."
        [delivery] = shop.engine.all("_delivery")
        assert delivery["next_at"] <= shop.engine.real_time()

    def test_how_a_delivery_went_is_told(self, shop: Shop, endpoint: Any) -> None:
        bought(shop)
        answers = [503, 200]
        delivery = Delivery(shop.engine, send=lambda url, body, headers: answers.pop(0))
        delivery.deliver_due()
        page = shop.text("/sandbox/")
        assert "checkout.session.completed Failed" in page
        assert "1 attempt, the last one answered 503" in page
        act(shop, "deliver")
        delivery.deliver_due()
        page = shop.text("/sandbox/")
        assert "checkout.session.completed Delivered" in page
        assert "2 attempts, the last one answered 200" in page

    def test_a_lost_event_is_told(self, shop: Shop, endpoint: Any) -> None:
        act(shop, "faults", drop="1", error_status="500")
        bought(shop)
        assert "checkout.session.completed Lost" in shop.text("/sandbox/")

    def test_an_event_can_be_delivered_again(self, shop: Shop, endpoint: Any) -> None:
        bought(shop)
        event = next(event for event in shop.engine.events if event["type"] == "checkout.session.completed")
        assert act(shop, "redeliver", event=event["id"]) == "The event goes out again."
        assert [delivery["event"] for delivery in shop.engine.all("_delivery")] == [event["id"]] * 2


def test_an_unknown_thing_is_refused_in_words_and_an_unknown_act_not_found(shop: Shop) -> None:
    assert "No such subscription: 'sub_none'" in act(shop, "renew", subscription="sub_none")
    assert "No such" in act(shop, "dispute", payment_intent="pi_none")
    assert act(shop, "advance", step="century") == "There is no such step."
    assert shop.browser.post("/sandbox/acts/explode").status_code == 404


def test_what_was_done_stays_listed_newest_first(shop: Shop) -> None:
    act(shop, "advance", step="hour")
    act(shop, "fail-next-payment")
    page = shop.text("/sandbox/")
    assert page.index("The next payment will fail.") < page.index("The clock went on by one hour.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_is_refused(shop: Shop, headers: dict[str, str]) -> None:
    before = shop.engine.now()
    answer = shop.browser.post("/sandbox/acts/advance", data={"step": "day"}, headers=headers)
    assert answer.status_code == 403
    assert shop.engine.now() - before < 60


def test_its_own_form_is_taken(shop: Shop) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = shop.browser.post("/sandbox/acts/advance", data={"step": "hour"}, headers=headers)
    assert answer.status_code == 303
    assert "ahead of the real time" in words(shop.browser.get(answer.location))
