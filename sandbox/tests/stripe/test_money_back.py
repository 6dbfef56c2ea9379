"""Refunds and disputes: what they change on the charge, and what is told."""

import pytest

from sandbox.stripe.errors import Refused
from sandbox.tests.stripe.conftest import Shop


@pytest.fixture
def payment(shop: Shop) -> str:
    payment = shop.buy()
    shop.engine.take_events()
    return payment


def charge_of(shop: Shop, payment: str):
    return shop.stripe.payment_intents.retrieve(payment, {"expand": ["latest_charge.refunds"]}).latest_charge


def movements(shop: Shop, source: str) -> list[tuple[int, int]]:
    found = shop.stripe.balance_transactions.list({"source": source}).data
    return [(item.amount, item.fee) for item in found[::-1]]


def test_a_refund_in_parts_adds_up_on_the_charge(shop: Shop, payment: str) -> None:
    first = shop.stripe.refunds.create({"payment_intent": payment, "amount": 300, "metadata": {"by": "stella"}})
    assert shop.told() == ["charge.refunded", "refund.created"]
    charge = charge_of(shop, payment)
    assert (charge.amount_refunded, charge.refunded) == (300, False)

    second = shop.stripe.refunds.create({"charge": charge.id})

    charge = charge_of(shop, payment)
    assert (second.amount, charge.amount_refunded, charge.refunded) == (700, 1000, True)
    assert [refund.id for refund in charge.refunds.data] == [second.id, first.id]
    assert first.metadata.to_dict() == {"by": "stella"}
    assert movements(shop, first.id) == [(-300, 0)]


def test_more_than_is_left_is_not_refunded(shop: Shop, refused, payment: str) -> None:
    shop.stripe.refunds.create({"payment_intent": payment, "amount": 300})

    error = refused(shop.stripe.refunds.create, {"payment_intent": payment, "amount": 701})

    assert "($7.01) is greater than unrefunded amount on charge ($7.00)" in error.message
    assert charge_of(shop, payment).amount_refunded == 300


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_and_less_is_not_refunded(shop: Shop, refused, payment: str, amount: int) -> None:
    assert refused(shop.stripe.refunds.create, {"payment_intent": payment, "amount": amount}).param == "amount"


def test_a_whole_refund_is_not_repeated(shop: Shop, refused, payment: str) -> None:
    shop.stripe.refunds.create({"payment_intent": payment})

    assert refused(shop.stripe.refunds.create, {"payment_intent": payment}).code == "charge_already_refunded"


def test_what_was_never_paid_is_not_refunded(shop: Shop, refused) -> None:
    assert refused(shop.stripe.refunds.create, {"payment_intent": "pi_none"}).code == "resource_missing"
    assert refused(shop.stripe.refunds.create, {"amount": 5}).code == "parameter_missing"


def test_a_refund_that_fails_gives_the_charge_its_amount_back(shop: Shop, payment: str) -> None:
    refund = shop.stripe.refunds.create({"payment_intent": payment})
    shop.engine.take_events()

    shop.engine.fail_refund(refund.id)

    assert shop.told() == ["charge.updated", "refund.updated", "charge.refund.updated", "refund.failed"]
    refund = shop.stripe.refunds.retrieve(refund.id)
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = charge_of(shop, payment)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert movements(shop, refund.id) == [(-1000, 0), (1000, 0)]
    with pytest.raises(Refused):
        shop.engine.fail_refund(refund.id)


def test_a_pending_refund_succeeds_later(shop: Shop, payment: str) -> None:
    refund = shop.engine.refund(payment, 400, status="pending")
    assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
    shop.engine.take_events()

    shop.engine.succeed_refund(refund["id"])

    assert shop.told() == ["refund.updated", "charge.refund.updated"]
    assert shop.stripe.refunds.retrieve(refund["id"]).status == "succeeded"


def test_a_pending_refund_can_be_canceled_and_a_finished_one_not(shop: Shop, refused, payment: str) -> None:
    pending = shop.engine.refund(payment, 400, status="pending")
    assert shop.stripe.refunds.cancel(pending["id"]).status == "canceled"
    assert charge_of(shop, payment).amount_refunded == 0

    done = shop.stripe.refunds.create({"payment_intent": payment})
    assert refused(shop.stripe.refunds.cancel, done.id).param == "status"


@pytest.mark.parametrize(
    ("card", "first", "later"),
    [("4000000000007726", "pending", "succeeded"), ("4000000000005126", "succeeded", "failed")],
)
def test_test_cards_decide_what_becomes_of_a_refund(shop: Shop, card: str, first: str, later: str) -> None:
    payment = shop.engine.pay(shop.checkout().id, card)["payment_intent"]
    refund = shop.stripe.refunds.create({"payment_intent": payment})
    assert refund.status == first

    shop.engine.advance_to(shop.engine.now() + 3600)

    assert shop.stripe.refunds.retrieve(refund.id).status == later


def test_a_dispute_takes_the_money_and_a_fee_at_once(shop: Shop, payment: str) -> None:
    dispute = shop.engine.dispute(payment)

    assert shop.told() == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.updated"]
    assert (dispute["status"], dispute["amount"], dispute["payment_intent"]) == ("needs_response", 1000, payment)
    assert [(item["amount"], item["fee"]) for item in dispute["balance_transactions"]] == [(-1000, 1500)]
    assert charge_of(shop, payment).disputed


def test_a_dispute_won_brings_the_money_back(shop: Shop, payment: str) -> None:
    dispute = shop.engine.dispute(payment, 600)
    shop.engine.take_events()

    won = shop.engine.close_dispute(dispute["id"], "won")

    assert shop.told() == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert [item["amount"] for item in won["balance_transactions"]] == [-600, 600]
    with pytest.raises(Refused, match="already closed"):
        shop.engine.close_dispute(dispute["id"], "lost")


def test_a_dispute_lost_does_not(shop: Shop, payment: str) -> None:
    dispute = shop.engine.dispute(payment)
    shop.engine.take_events()

    lost = shop.stripe.disputes.close(dispute["id"])

    assert shop.told() == ["charge.dispute.closed"]
    assert (lost.status, [item.amount for item in lost.balance_transactions]) == ("lost", [-1000])


def test_submitted_evidence_decides_as_in_stripe_s_test_mode(shop: Shop, payment: str) -> None:
    dispute = shop.engine.dispute(payment)
    evidence = {"evidence": {"uncategorized_text": "They used it."}, "submit": False}
    assert shop.stripe.disputes.update(dispute["id"], evidence).status == "needs_response"

    won = shop.stripe.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})

    assert won.status == "won"


def test_a_disputed_charge_is_not_refunded(shop: Shop, refused, payment: str) -> None:
    shop.engine.dispute(payment)

    assert refused(shop.stripe.refunds.create, {"payment_intent": payment}).code == "charge_disputed"


def test_only_what_was_not_refunded_is_disputed_and_only_once(shop: Shop, payment: str) -> None:
    shop.stripe.refunds.create({"payment_intent": payment, "amount": 300})
    with pytest.raises(Refused):
        shop.engine.dispute(payment, 800)

    assert shop.engine.dispute(payment)["amount"] == 700
    with pytest.raises(Refused):
        shop.engine.dispute(payment)


def test_a_subscription_s_invoice_is_refunded_through_its_payment(shop: Shop) -> None:
    [invoice] = shop.invoices(shop.subscribe())
    [link] = shop.stripe.invoice_payments.list({"invoice": invoice.id}).data

    refund = shop.stripe.refunds.create({"payment_intent": link.payment.payment_intent})

    assert refund.amount == 2900
    assert shop.stripe.invoices.retrieve(invoice.id).status == "paid"
