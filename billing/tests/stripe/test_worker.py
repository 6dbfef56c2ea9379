"""Following the inbox: each event once, whatever goes wrong written on it, nothing given up in silence."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from billing import gateway, tasks
from billing.errors import StripeUnavailable
from billing.gateway.facts import EventFacts
from billing.models import Customer, Refund, StripeEvent, StripePrice
from billing.services import inbox, refunds
from billing.tests.people import FREE_ALLOWANCE
from billing.tests.stripe.shop import Shop

PACK = 1_000_000


def received(shop: Shop, event_type: str, object_id: str, *, number: int = 1) -> StripeEvent:
    facts = EventFacts(f"evt_{number}", event_type, object_id, gateway.API_VERSION, False, shop.now(), {})
    event_id = inbox.receive(event=facts, via=StripeEvent.Via.WEBHOOK, now=shop.now())
    return StripeEvent.objects.get(pk=event_id)


def handled(shop: Shop, row: StripeEvent) -> StripeEvent:
    shop.handle(row)
    row.refresh_from_db()
    return row


def until_given_up(shop: Shop, row: StripeEvent) -> StripeEvent:
    while row.status == "pending":
        shop.wait(inbox.LONGEST_DELAY)
        handled(shop, row)
    return row


def available(customer: User) -> int:
    customer.wallet.refresh_from_db()
    return customer.wallet.available


@pytest.mark.parametrize("event_type", ["invoice.created", "customer.updated", "payment_intent.succeeded", "no.such"])
def test_types_that_we_never_asked_for_are_nothing_to_do(stripe: Shop, event_type: str) -> None:
    stripe.wire.requests.clear()
    row = handled(stripe, received(stripe, event_type, "in_1"))

    assert (row.status, row.error) == ("ignored", "Nothing of ours hangs on events of this type.")
    assert stripe.wire.requests == []


def test_an_invoice_that_no_subscription_sent_is_nothing_to_do(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    invoice = stripe.engine.all("invoice")[0]
    stripe.engine.put({**invoice, "parent": None})

    row = handled(stripe, received(stripe, "invoice.paid", invoice["id"]))

    assert (row.status, row.error) == ("ignored", "Its object is none of ours.")


def test_what_was_followed_already_changes_nothing_more(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    StripeEvent.objects.update(status="pending", next_attempt_at=stripe.now())

    assert stripe.work() == StripeEvent.objects.count()

    assert available(alice) == FREE_ALLOWANCE + PACK
    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()


def test_an_event_is_handled_once_however_often_it_is_hinted_at(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    stripe.wire.requests.clear()
    event = StripeEvent.objects.get(type="checkout.session.completed")

    for _ in range(3):
        assert tasks.handle_stripe_event(event.pk) is True

    assert stripe.wire.requests == []
    event.refresh_from_db()
    assert event.attempts == 1


def test_a_hint_at_a_row_that_is_gone_is_harmless(stripe: Shop) -> None:
    assert tasks.handle_stripe_event(10**9) is True


def test_stripe_being_away_is_a_warning_and_a_later_attempt(
    stripe: Shop, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.buy_pack(alice, deliver=False)
    (event,) = stripe.take_events("checkout.session.completed")
    stripe.post(event)
    row = StripeEvent.objects.get()
    for _ in range(3):
        stripe.wire.fail_next(503)

    with caplog.at_level(logging.WARNING, logger="billing.webhooks"):
        handled(stripe, row)

    assert (row.status, row.attempts) == ("pending", 1)
    assert row.error.startswith("Stripe has a problem")
    assert row.next_attempt_at == stripe.now() + timedelta(minutes=1)
    assert [record.levelname for record in caplog.records if record.name == "billing.webhooks"] == ["WARNING"]
    assert available(alice) == FREE_ALLOWANCE
    stripe.wait(timedelta(minutes=1))
    stripe.work()
    assert available(alice) == FREE_ALLOWANCE + PACK


def test_money_that_we_can_not_explain_is_an_error_at_once_and_tried_again(
    stripe: Shop, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.buy_pack(alice, deliver=False)
    customer = Customer.objects.get()
    Customer.objects.all().delete()
    (event,) = stripe.take_events("checkout.session.completed")

    with caplog.at_level(logging.WARNING, logger="billing.webhooks"):
        stripe.deliver([event])

    row = StripeEvent.objects.get()
    assert (row.status, row.attempts) == ("pending", 1)
    assert "none of our customers" in row.error
    assert [record.levelname for record in caplog.records if record.name == "billing.webhooks"] == ["ERROR"]
    assert available(alice) == FREE_ALLOWANCE
    customer.save(force_insert=True)
    stripe.wait(timedelta(minutes=1))
    stripe.work()
    row.refresh_from_db()
    assert (row.status, row.error) == ("done", "")
    assert available(alice) == FREE_ALLOWANCE + PACK


def test_an_event_is_given_up_after_twelve_attempts_and_staff_can_replay_it(
    stripe: Shop, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.buy_pack(alice, deliver=False)
    price_id = StripePrice.objects.get(pack_id="pack-1000").stripe_price_id
    StripePrice.objects.filter(pack_id="pack-1000").update(stripe_price_id="price_of_another")
    (event,) = stripe.take_events("checkout.session.completed")
    stripe.post(event)

    with caplog.at_level(logging.ERROR, logger="billing.webhooks"):
        row = until_given_up(stripe, StripeEvent.objects.get())

    assert (row.status, row.attempts) == ("failed", 12)
    assert price_id in row.error
    assert "was given up after 12 attempts" in caplog.text
    assert stripe.work() == 0
    StripePrice.objects.filter(pack_id="pack-1000").update(stripe_price_id=price_id)
    inbox.replay(event_id=row.pk, now=stripe.now())
    stripe.work()
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == ("done", 1, "")
    assert available(alice) == FREE_ALLOWANCE + PACK


@pytest.mark.parametrize(
    ("event_type", "object_id"),
    [("checkout.session.completed", "cs_test_none"), ("invoice.paid", "in_none"), ("refund.created", "re_none")],
)
def test_what_stripe_does_not_have_is_given_up_soon(stripe: Shop, event_type: str, object_id: str) -> None:
    row = until_given_up(stripe, received(stripe, event_type, object_id))

    assert (row.status, row.attempts) == ("failed", inbox.ATTEMPTS_AT_NOTHING)
    assert object_id in row.error


def test_a_deleted_customers_subscription_is_followed_to_its_end(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    stripe.delete_customer(alice)

    stripe.deliver()

    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()
    alice.wallet.subscription.refresh_from_db()
    assert alice.wallet.subscription.plan_id == "free"
    assert Customer.objects.get(wallet=alice.wallet).stripe_customer_id is None


class TestSweeping:
    def test_what_the_queue_lost_is_found(self, stripe: Shop, alice: User) -> None:
        stripe.buy_pack(alice, deliver=False)
        for event in stripe.take_events():
            stripe.post(event)

        assert tasks.sweep_stripe_events() >= 1

        assert available(alice) == FREE_ALLOWANCE + PACK
        assert tasks.sweep_stripe_events() == 0

    def test_one_event_that_fails_keeps_no_other_waiting(
        self, stripe: Shop, alice: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        received(stripe, "refund.created", "re_none")
        stripe.advance(seconds=1)
        stripe.buy_pack(alice)

        assert available(alice) == FREE_ALLOWANCE + PACK
        assert StripeEvent.objects.get(object_id="re_none").status == "pending"

    def test_more_events_than_one_batch_are_all_handled(self, stripe: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(2 * inbox.BATCH + 1):
            received(stripe, "invoice.created", "in_1", number=number)

        assert tasks.sweep_stripe_events() == 2 * inbox.BATCH + 1

        assert not StripeEvent.objects.filter(status="pending").exists()

    def test_a_sweep_ends_before_the_next_begins(self, stripe: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(20):
            received(stripe, "invoice.created", "in_1", number=number)
        now = stripe.now

        def slow_clock() -> Any:
            stripe.wait(timedelta(seconds=5))
            return now()

        with monkeypatch.context() as patch:
            patch.setattr("django.utils.timezone.now", slow_clock)
            assert 1 <= tasks.sweep_stripe_events() < 10
        assert StripeEvent.objects.filter(status="pending").exists()

    def test_beat_knows_every_sweep(self, settings: Any) -> None:
        beat = {entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        minute, hour = timedelta(minutes=1), timedelta(hours=1)
        for task in ("sweep_stripe_events", "finish_refunds", "send_contract_requests"):
            assert beat[f"billing.tasks.{task}"] == minute
        assert beat["billing.tasks.reconcile_with_stripe"] == hour
        assert all(hasattr(tasks, name.rpartition(".")[2]) for name in beat)


class TestRefundsThatStaffAskedFor:
    def ask(self, shop: Shop, customer: User, staff: User, key: str = "form") -> Refund:
        """Return a refund that Stripe didn't answer for."""
        shop.buy_pack(customer)
        for _ in range(3):
            shop.wire.fail_next(500)
        with pytest.raises(StripeUnavailable):
            refunds.request(
                purchase=shop.purchases_of(customer)[-1],
                cents=400,
                actor=staff,
                reason="Goodwill.",
                key=key,
                now=shop.now(),
            )
        return Refund.objects.get(key=key)

    def test_they_are_sent_again_until_stripe_answers(self, stripe: Shop, alice: User, stella: User) -> None:
        refund = self.ask(stripe, alice, stella)
        assert refund.status == "requested"

        assert tasks.finish_refunds() == 1

        refund.refresh_from_db()
        assert refund.status == "succeeded"
        assert available(alice) == FREE_ALLOWANCE + PACK * 6 // 10
        assert tasks.finish_refunds() == 0

    def test_one_is_sent_by_its_number(self, stripe: Shop, alice: User, stella: User) -> None:
        first, second = self.ask(stripe, alice, stella, "one"), self.ask(stripe, alice, stella, "two")

        assert tasks.finish_refunds(second.pk) == 1

        assert [Refund.objects.get(pk=row.pk).status for row in (first, second)] == ["requested", "succeeded"]

    def test_stripe_being_away_keeps_them(
        self, stripe: Shop, alice: User, stella: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        refund = self.ask(stripe, alice, stella)
        for _ in range(3):
            stripe.wire.fail_next(500)

        with caplog.at_level(logging.WARNING, logger="billing.tasks"):
            assert tasks.finish_refunds() == 1

        assert f"Refund {refund.pk} has to wait for Stripe" in caplog.text
        refund.refresh_from_db()
        assert refund.status == "requested"
