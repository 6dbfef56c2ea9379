"""The control API, and the histories it makes."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.tests.stripe.conftest import Shop, moment

DAY = 86_400


@pytest.fixture
def control(shop: Shop) -> Callable[..., Any]:
    """Post an act, and return its answer, which has the expected status."""

    def post(act: str, expected: int = 200, /, headers: dict[str, str] | None = None, **body: Any) -> Any:
        answer = shop.http.app.test_client().post(f"/sandbox/control/{act}", json=body, headers=headers)
        assert answer.status_code == expected, answer.json
        return answer.json

    return post


def test_the_clock_goes_on(shop: Shop, control) -> None:
    start = shop.engine.now()

    assert control("advance", days=2, seconds=5) == {"now": start + 2 * DAY + 5, "offset": 2 * DAY + 5}
    assert control("advance", to=start + 3 * DAY)["now"] == start + 3 * DAY
    assert control("clock") == {"now": start + 3 * DAY, "offset": 3 * DAY}
    control("advance", 400, to=start)


def test_the_clock_goes_to_when_the_next_invoice_is_collected(shop: Shop, control) -> None:
    subscription = shop.subscribe()

    control("advance", next_renewal=subscription)

    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "paid"]
    shop.stripe.subscriptions.update(subscription, {"cancel_at_period_end": True})
    assert "won't be renewed" in control("advance", 400, next_renewal=subscription)["error"]["message"]


def test_the_clock_can_be_set_forward_and_back(shop: Shop, control) -> None:
    subscription = shop.subscribe()

    assert control("clock", offset=100 * DAY)["now"] == int(shop.real) + 100 * DAY
    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid"] * 4

    assert control("clock", to=int(shop.real))["offset"] == 0
    assert len(shop.invoices(subscription)) == 4


def test_a_purchase_from_beginning_to_dispute(shop: Shop, control) -> None:
    session = shop.checkout()
    control("fail_next_payment", customer=shop.alice, decline_code="insufficient_funds")
    assert control("pay", 402, session=session.id)["error"]["decline_code"] == "insufficient_funds"

    payment = control("pay", session=session.id)["payment_intent"]

    refund = control("refund", payment_intent=payment, amount=400, status="pending")
    assert control("succeed_refund", refund=refund["id"])["status"] == "succeeded"
    assert control("fail_refund", refund=refund["id"])["status"] == "failed"
    dispute = control("dispute", payment_intent=payment, amount=300)
    assert control("close_dispute", dispute=dispute["id"], status="lost")["status"] == "lost"


def test_a_payment_that_takes_days(shop: Shop, control) -> None:
    session = shop.checkout().id
    assert control("pay_later", session=session)["payment_status"] == "unpaid"

    assert control("settle", session=session)["payment_status"] == "paid"


def test_faults_are_set_one_by_one_and_told(control) -> None:
    control("faults", drop=0.5)
    faults = control("faults", reorder=True)

    assert (faults["drop"], faults["reorder"]) == (0.5, True)
    assert control("faults", 400, planets=1)["error"]["param"] == "planets"
    assert control("faults", 400, error_status=200)["error"]["message"]
    assert control("faults") == faults


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("explode", {}, 404),
        ("pay", {}, 400),
        ("pay", {"session": 5}, 400),
        ("pay", {"session": "cs_none"}, 404),
        ("pay", {"session": "cs_none", "planet": 1}, 400),
        ("advance", {"days": "many"}, 400),
        ("redeliver", {"event": "evt_none"}, 404),
    ],
)
def test_what_can_not_be_done_is_said(control, act: str, body: dict[str, Any], status: int) -> None:
    assert control(act, status, **body)["error"]["message"]


def test_only_json_is_read(shop: Shop) -> None:
    answer = shop.http.app.test_client().post("/sandbox/control/advance", data={"days": "1"})

    assert answer.status_code == 400


def test_another_site_controls_nothing(shop: Shop, control) -> None:
    start = shop.engine.now()
    control("advance", 403, headers={"Origin": "https://evil.example"}, days=1)

    assert shop.engine.now() == start
    control("advance", headers={"Origin": "http://localhost"}, days=1)


def test_a_history_is_paid_until_now_and_told_to_nobody(shop: Shop, control) -> None:
    shop.stripe.webhook_endpoints.create({"url": "https://shop.example/hook", "enabled_events": ["*"]})
    since = shop.engine.now() - 100 * DAY
    session = control(
        "history",
        customer=shop.alice,
        price="pro_month",
        since=since,
        client_reference_id="wallet-7",
        metadata={"wallet": "7"},
    )

    assert (session["status"], session["created"], session["client_reference_id"]) == ("complete", since, "wallet-7")
    subscription = session["subscription"]
    invoices = shop.invoices(subscription)
    assert [invoice.status for invoice in invoices] == ["paid"] * 4
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_create"] + ["subscription_cycle"] * 3
    start, end = shop.period(subscription)
    assert start <= moment(shop.engine.now()) < end
    assert shop.stripe.subscriptions.retrieve(subscription).metadata.to_dict() == {"wallet": "7"}
    assert shop.stripe.customers.retrieve(shop.alice).created == since
    assert not shop.engine.store.undelivered
    [newest] = shop.stripe.events.list({"type": "invoice.paid"}).data
    assert newest.data.object["id"] == invoices[-1].id
    assert len([event for event in shop.engine.events if event["type"] == "invoice.paid"]) == 1


def test_after_a_history_life_goes_on_aloud(shop: Shop, control) -> None:
    session = control("history", customer=shop.alice, price=shop.plan, since=shop.engine.now() - 40 * DAY)
    shop.stripe.webhook_endpoints.create({"url": "https://shop.example/hook", "enabled_events": ["invoice.paid"]})

    control("advance", next_renewal=session["subscription"])

    assert len(shop.engine.store.undelivered) == 1


def test_a_history_can_end_in_a_failed_renewal(shop: Shop, control) -> None:
    since = shop.engine.now() - 33 * DAY
    session = control("history", customer=shop.alice, price="pro_month", since=since, card="4000000000000341")

    assert shop.stripe.subscriptions.retrieve(session["subscription"]).status == "past_due"


def test_packs_of_the_past(shop: Shop, control) -> None:
    at = shop.engine.now() - 10 * DAY
    session = control("packs_history", customer=shop.alice, price="pack_1000", at=at, metadata={"wallet": "7"})

    assert (session["payment_status"], session["created"]) == ("paid", at)
    intent = shop.stripe.payment_intents.retrieve(session["payment_intent"])
    assert (intent.created, intent.metadata.to_dict()) == (at, {"wallet": "7"})


def test_the_future_is_not_history(shop: Shop, control) -> None:
    later = shop.engine.now() + 1
    assert control("packs_history", 400, customer=shop.alice, price="pack_1000", at=later)["error"]["param"] == "at"
