"""What was missed is made up for once; what can't be explained is told, and nothing else is touched."""

import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Value
from django.db.models.functions import Concat

from accounts.models import User
from billing import gateway, tasks
from billing.gateway.facts import EventFacts
from billing.models import Checkout, Customer, ReconciliationRun, Refund, StripeEvent, StripePrice, Wallet
from billing.services import inbox, proof, reconciliation
from billing.tests.people import FREE_ALLOWANCE, give
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.stories import books_of

PACK, PRO = 1_000_000, 5_000_000
HOUR = timedelta(hours=1)


def run(shop: Shop) -> ReconciliationRun:
    return reconciliation.run(now=shop.now())


def available(customer: User) -> int:
    customer.wallet.refresh_from_db()
    return customer.wallet.available


def lose_events(shop: Shop, *types: str) -> None:
    """Let the events of these types, or all so far, never have happened as far as Stripe's list tells."""
    for event in shop.engine.events:
        if not types or event["type"] in types:
            shop.engine.store.remove(event["id"])
    shop.take_events()


def test_with_nothing_missed_it_changes_nothing(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    stripe.subscribe(alice)
    before, events = books_of(alice), StripeEvent.objects.count()

    found = run(stripe)

    assert books_of(alice) == before
    assert StripeEvent.objects.count() == events
    assert found.findings == []
    assert found.finished_at is not None
    assert {what for what in found.counts if "repaired" in what or "missed" in what} == set()
    assert (found.counts["sessions seen"], found.counts["invoices seen"]) == (2, 1)


def test_missed_events_come_into_the_inbox_and_are_followed(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    stripe.engine.set_cancel_at_period_end(stripe.subscription_of(alice).stripe_subscription_id, True)

    stripe.reconcile()

    found = ReconciliationRun.objects.get()
    assert found.counts["events missed"] == 1
    missed = StripeEvent.objects.get(via="reconciliation")
    assert (missed.type, missed.status) == ("customer.subscription.updated", "done")
    assert books_of(alice).plan["status"] == "cancelling"
    assert stripe.post(stripe.take_events("customer.subscription.updated")[0]).content == b"Known already."


def test_it_hints_at_each_missed_event(
    stripe: Shop, alice: User, django_capture_on_commit_callbacks: pytest.FixtureRequest
) -> None:
    stripe.buy_pack(alice, deliver=False)
    with django_capture_on_commit_callbacks(execute=True):
        run(stripe)
    assert ("billing.tasks.handle_stripe_event", [StripeEvent.objects.get().pk]) in stripe.hints


def test_a_paid_session_without_its_grant_is_fulfilled(stripe: Shop, alice: User) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    lose_events(stripe)

    found = run(stripe)

    assert found.counts["sessions repaired"] == 1
    assert found.findings == []
    assert available(alice) == FREE_ALLOWANCE + PACK
    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.COMPLETE


def test_a_subscription_nobody_told_us_of_begins(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice, deliver=False)
    lose_events(stripe)

    found = run(stripe)

    assert found.findings == []
    assert available(alice) == PRO
    assert books_of(alice).plan["plan"] == "pro"


def test_a_paid_invoice_without_its_grant_is_granted(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    stripe.renew(alice)
    lose_events(stripe)

    found = run(stripe)

    assert found.counts["invoices repaired"] == 1
    assert found.findings == []
    assert len(stripe.purchases_of(alice)) == 2
    assert available(alice) == PRO


@pytest.mark.parametrize("days", [0, 29])
def test_refunds_and_disputes_that_nobody_told_us_of_take_back(stripe: Shop, alice: User, days: int) -> None:
    payments = [stripe.payment_of(stripe.buy_pack(alice)) for _ in range(2)]
    if days:
        run(stripe)
        stripe.advance(days=days)
    stripe.engine.refund(payments[0])
    stripe.engine.dispute(payments[1])
    lose_events(stripe)

    found = run(stripe)

    assert (found.counts["refunds repaired"], found.counts["disputes repaired"]) == (1, 1)
    assert found.findings == []
    assert available(alice) == FREE_ALLOWANCE


def test_a_refund_that_failed_later_is_given_back(stripe: Shop, alice: User) -> None:
    refund_id = stripe.engine.refund(stripe.payment_of(stripe.buy_pack(alice)), status="pending")["id"]
    stripe.deliver()
    assert available(alice) == FREE_ALLOWANCE
    stripe.advance(hours=5)
    stripe.engine.fail_refund(refund_id)
    lose_events(stripe)

    assert run(stripe).counts["refunds repaired"] == 1

    assert available(alice) == FREE_ALLOWANCE + PACK
    assert Refund.objects.get().status == "failed"


def test_repairing_twice_repairs_once(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice, deliver=False)
    stripe.subscribe(alice, deliver=False)
    stripe.reconcile()
    after = books_of(alice)

    stripe.reconcile()

    assert books_of(alice) == after
    again = ReconciliationRun.objects.latest("pk")
    assert {what for what in again.counts if "repaired" in what or "missed" in what} == set()
    assert again.findings == []


def test_it_looks_back_to_the_last_whole_run_and_a_little_further(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    first = run(stripe)
    stripe.advance(days=9)

    second = run(stripe)
    stripe.advance(days=9)
    stripe.buy_pack(alice, deliver=False)

    assert first.counts["events seen"] == 1
    assert second.counts["events seen"] == 1, "the newest that it had seen"
    assert run(stripe).counts["events missed"] == 1


def test_a_run_that_stripe_broke_off_is_no_whole_one(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice, deliver=False)
    lose_events(stripe)
    for _ in range(3):
        stripe.wire.fail_next(500)

    broken = run(stripe)

    assert broken.finished_at is None
    assert broken.findings[0].startswith("Stripe couldn't be asked to the end: Stripe has a problem")
    assert available(alice) == FREE_ALLOWANCE
    stripe.advance(days=20)
    assert run(stripe).counts["sessions repaired"] == 1


def test_a_session_of_something_that_is_not_ours_is_none_of_our_business(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice, deliver=False)
    lose_events(stripe)
    StripePrice.objects.update(stripe_price_id=Concat("stripe_price_id", Value("_of_another")))

    found = run(stripe)

    assert (found.counts["sessions seen"], found.findings) == (1, [])
    assert available(alice) == FREE_ALLOWANCE


def test_what_can_not_be_explained_is_told_and_keeps_nothing_else_waiting(
    stripe: Shop, alice: User, bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = stripe.buy_pack(bob, deliver=False)
    Customer.objects.filter(wallet=bob.wallet).delete()
    stripe.advance(seconds=1)
    stripe.buy_pack(alice, deliver=False)
    lose_events(stripe)

    found = run(stripe)

    assert available(alice) == FREE_ALLOWANCE + PACK
    (finding,) = found.findings
    assert finding.startswith(f"Checkout Session {stranger.stripe_session_id} can't be brought into our books:")
    assert "none of our customers" in finding


def test_a_repair_that_breaks_is_told_and_keeps_nothing_else_waiting(
    stripe: Shop, alice: User, bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    stripe.buy_pack(bob, deliver=False)
    stripe.advance(seconds=1)
    stripe.buy_pack(alice, deliver=False)
    lose_events(stripe)
    tomorrow = stripe.now() + timedelta(days=1)
    Wallet.objects.filter(owner=bob).update(last_posted_at=tomorrow)

    found = run(stripe)

    assert available(alice) == FREE_ALLOWANCE + PACK
    assert available(bob) == FREE_ALLOWANCE
    (finding,) = found.findings
    assert "more than five minutes before the wallet's last entry" in finding
    stripe.advance(days=1)
    assert run(stripe).findings == []
    assert available(bob) == FREE_ALLOWANCE + PACK


def test_a_grant_that_no_payment_stands_behind_is_told(stripe: Shop, alice: User) -> None:
    give(alice.wallet, PACK, now=stripe.now(), key="checkout_session:cs_test_invented")
    give(alice.wallet, PRO, now=stripe.now(), key="invoice_line:il_invented")
    before = books_of(alice)

    found = run(stripe)

    assert [finding.split(" granted ")[1] for finding in found.findings] == [
        "credits, and Stripe has no such payment."
    ] * 2
    assert "checkout_session:cs_test_invented" in found.findings[0]
    assert books_of(alice) == before, "taking credits back is for a person to decide"


def test_old_checkouts_are_closed(stripe: Shop, alice: User) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.advance(days=2)
    lose_events(stripe)

    found = run(stripe)

    assert found.counts["checkouts looked at"] == 1
    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.EXPIRED


def test_a_subscription_that_ended_unheard_ends_the_plan(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    run(stripe)
    subscription_id = stripe.subscription_of(alice).stripe_subscription_id
    stripe.engine.set_cancel_at_period_end(subscription_id, True)
    stripe.advance(days=35)
    lose_events(stripe)

    found = run(stripe)

    assert found.counts["late renewals looked at"] == 1
    assert books_of(alice).plan["plan"] == "free"


def event(shop: Shop, **fields: object) -> StripeEvent:
    facts = EventFacts("evt_1", "refund.updated", "re_1", gateway.API_VERSION, False, shop.now(), {})
    event_id = inbox.receive(event=facts, via=StripeEvent.Via.WEBHOOK, now=shop.now())
    StripeEvent.objects.update(**fields)
    return StripeEvent.objects.get(pk=event_id)


def test_events_that_were_given_up_or_keep_failing_are_told(stripe: Shop) -> None:
    event(stripe, status="failed", next_attempt_at=None, error="re_1 is nobody's.")
    assert run(stripe).findings == ["Event evt_1 (refund.updated) was given up: re_1 is nobody's."]

    StripeEvent.objects.update(status="pending", next_attempt_at=stripe.now() + HOUR)
    assert run(stripe).findings == []
    stripe.advance(hours=2)
    assert run(stripe).findings == ["Event evt_1 (refund.updated) still fails: re_1 is nobody's."]


def test_the_task_logs_what_is_left(stripe: Shop, caplog: pytest.LogCaptureFixture) -> None:
    event(stripe, status="failed", next_attempt_at=None, error="re_1 is nobody's.")
    with caplog.at_level(logging.ERROR, logger="billing.tasks"):
        assert tasks.reconcile_with_stripe() == 1
    assert "Reconciliation: Event evt_1 (refund.updated) was given up: re_1 is nobody's." in caplog.text


def test_the_command_says_what_it_did(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice, deliver=False)
    out = StringIO()

    call_command("reconcile", stdout=out)

    lines = {line[:24].strip(): line[24:].strip() for line in out.getvalue().splitlines()}
    assert (lines["events missed"], lines["sessions repaired"], lines["events handled"]) == ("1", "1", "1")
    assert out.getvalue().endswith("Reconciled: Stripe and the books tell the same.\n")
    assert available(alice) == FREE_ALLOWANCE + PACK


def test_the_command_ends_with_exit_code_one_when_something_is_left(stripe: Shop) -> None:
    event(stripe, status="failed", next_attempt_at=None, error="re_1 is nobody's.")
    err = StringIO()

    with pytest.raises(CommandError, match="Left for a person: 1 finding") as raised:
        call_command("reconcile", stdout=StringIO(), stderr=err)

    assert raised.value.returncode == 1
    assert "evt_1" in err.getvalue()


def test_the_command_looks_back_thirty_days_on_demand(stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice, deliver=False)
    stripe.advance(days=20)
    Checkout.objects.update(status=Checkout.Status.EXPIRED)
    ReconciliationRun.objects.create(started_at=stripe.now(), finished_at=stripe.now())

    call_command("reconcile", stdout=StringIO())
    assert available(alice) == FREE_ALLOWANCE
    call_command("reconcile", "--all", stdout=StringIO())

    assert available(alice) == FREE_ALLOWANCE + PACK


def test_the_proof_tells_what_the_last_reconciliation_left_and_what_waits(stripe: Shop) -> None:
    event(stripe, status="failed", next_attempt_at=None, error="re_1 is nobody's.")
    run(stripe)
    out, err = StringIO(), StringIO()

    call_command("prove", stdout=out, stderr=err)

    assert "Books proven: every sum holds." in out.getvalue(), "a warning is no difference"
    assert "Warning: reconciliation of 2025-03-10 09:30 UTC: Event evt_1 (refund.updated) was given" in err.getvalue()
    assert "Warning: events of Stripe's not handled for more than five minutes: 1." in err.getvalue()
    StripeEvent.objects.update(status="done")
    run(stripe)
    call_command("prove", stdout=StringIO(), stderr=(err := StringIO()))
    assert err.getvalue() == ""


def test_a_refund_that_stripe_was_not_asked_for_is_overdue(stripe: Shop, alice: User) -> None:
    Refund.objects.create(
        wallet=alice.wallet, stripe_payment_intent_id="pi_1", cents=100, status="requested", requested_at=stripe.now()
    )
    assert proof.overdue() == {"wallets with something due": 1, "refunds that Stripe wasn't asked for": 1}
