"""Who has left is never charged again: whatever fails on the way, and whatever was still under way."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import tasks
from billing.errors import NotForSale, StripeUnavailable
from billing.models import Checkout, Customer, Dispute, Farewell, FormerCustomer, Purchase, ReconciliationRun, Wallet
from billing.selectors import queues
from billing.services import checkouts, customers, farewells, leaving, proof, settlement
from billing.tests.people import FREE_ALLOWANCE, sign_up
from billing.tests.stripe.shop import Shop

PACK, PRO = 1_000_000, 5_000_000
MONTH = timedelta(days=33)


def leave(user: User, stripe: Shop) -> Wallet:
    wallet = user.wallet
    assert leaving.delete_account(user_id=user.pk, now=stripe.now())
    return Wallet.objects.get(pk=wallet.pk)


def live_subscriptions(stripe: Shop) -> list[str]:
    return [each["id"] for each in stripe.engine.all("subscription") if each["status"] != "canceled"]


def available(wallet: Wallet) -> int:
    wallet.refresh_from_db()
    return wallet.available


def test_a_paid_plan_ends_at_once_and_no_renewal_ever_comes(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    wallet = leave(alice, stripe)
    assert live_subscriptions(stripe) != [], "nothing is asked of Stripe in the transaction"

    tasks.sweep_farewells()

    assert live_subscriptions(stripe) == []
    assert Farewell.objects.get().finished_at is not None
    assert FormerCustomer.objects.get().wallet == wallet
    stripe.advance(days=33)
    stripe.deliver()
    stripe.reconcile()
    assert Purchase.objects.filter(wallet=wallet).count() == 1
    settled = settlement.settle(wallet_id=wallet.pk, now=stripe.now())
    assert (settled.available, settled.next_due_at) == (0, None), "no Free month begins for nobody"
    assert ReconciliationRun.objects.latest("pk").findings == []
    assert proof.prove() == []


def test_while_stripe_is_away_it_is_tried_until_it_is_done(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    leave(alice, stripe)
    for _ in range(30):
        stripe.wire.fail_next(503)
    tasks.sweep_farewells()
    waiting = Farewell.objects.get()
    assert (waiting.finished_at, waiting.error) == (None, "end_at_stripe: StripeUnavailable")
    assert waiting.address == "", "the mail doesn't wait for Stripe"
    assert live_subscriptions(stripe) != []

    stripe.answer_again()
    tasks.sweep_farewells()
    assert live_subscriptions(stripe) != [], "it is tried again after a pause"
    stripe.wait(timedelta(minutes=2))
    tasks.sweep_farewells()
    assert live_subscriptions(stripe) == []
    assert (Farewell.objects.get().error, tasks.sweep_farewells()) == ("", 0)


def test_a_worker_that_dies_after_stripe_has_done_it_harms_nothing(
    alice: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.subscribe(alice)
    leave(alice, stripe)
    with monkeypatch.context() as patch:
        patch.setattr(customers, "forget_customer", lambda **_: 1 / 0)
        tasks.sweep_farewells()
    assert live_subscriptions(stripe) == []
    assert Customer.objects.get().stripe_customer_id is not None

    stripe.wait(timedelta(minutes=3))
    tasks.sweep_farewells()
    assert Farewell.objects.get().finished_at is not None
    assert Customer.objects.get().stripe_customer_id is None


def test_a_page_that_is_open_at_stripe_can_t_be_paid_any_more(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_plan(alice)
    pack = stripe.begin_pack(alice)
    leave(alice, stripe)
    tasks.sweep_farewells()
    for each in (checkout, pack):
        assert stripe.engine.session(each.stripe_session_id)["status"] == "expired"
        each.refresh_from_db()
        assert (each.status, each.url) == (Checkout.Status.EXPIRED, "")


def test_a_wallet_without_an_owner_buys_nothing(alice: User, stripe: Shop) -> None:
    wallet = alice.wallet
    leave(alice, stripe)
    with pytest.raises(NotForSale):
        checkouts.begin_pack(wallet=wallet, pack="pack-1000", now=stripe.now())


def test_what_was_paid_at_the_last_moment_is_booked_and_left_to_a_person(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    wallet = leave(alice, stripe)
    stripe.advance(seconds=30)
    stripe.engine.pay(checkout.stripe_session_id, card="4242424242424242")
    tasks.sweep_farewells()
    stripe.deliver()

    assert available(wallet) == FREE_ALLOWANCE + PACK
    stripe.reconcile()
    (purchase,) = Purchase.objects.all()
    told = f"Purchase {purchase.pk} of wallet {wallet.pk} was paid after its owner had left: refund it."
    assert ReconciliationRun.objects.latest("pk").findings == [told]
    assert proof.prove() == []

    stripe.engine.refund(stripe.payment_of(checkout))
    stripe.deliver()
    stripe.reconcile()
    assert ReconciliationRun.objects.latest("pk").findings == []
    assert available(wallet) == FREE_ALLOWANCE


def test_what_a_bank_took_back_needs_no_refund_until_the_dispute_is_won(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    wallet = leave(alice, stripe)
    stripe.advance(seconds=30)
    stripe.engine.pay(checkout.stripe_session_id, card="4242424242424242")
    tasks.sweep_farewells()
    stripe.deliver()
    stripe.engine.dispute(stripe.payment_of(checkout))
    stripe.deliver()

    stripe.reconcile()
    assert ReconciliationRun.objects.latest("pk").findings == []
    assert available(wallet) == FREE_ALLOWANCE

    stripe.engine.close_dispute(Dispute.objects.get().stripe_dispute_id, "won")
    stripe.deliver()
    stripe.reconcile()
    assert len(ReconciliationRun.objects.latest("pk").findings) == 1


def test_a_customer_whom_stripe_makes_late_is_found_and_deleted_too(alice: User, stripe: Shop) -> None:
    """The request for one was under way when Alice left: its answer comes after her farewell was over."""
    wallet = leave(alice, stripe)
    tasks.sweep_farewells()
    customer_id = customers.ensure_customer(wallet=wallet, now=stripe.now())
    assert Farewell.objects.get().finished_at is not None

    tasks.sweep_farewells()

    assert Customer.objects.get().stripe_customer_id is None
    assert FormerCustomer.objects.get().stripe_customer_id == customer_id
    assert (Farewell.objects.get().next_attempt_at, tasks.sweep_farewells()) == (None, 0)


def test_who_leaves_a_plan_and_comes_back_has_had_this_month_s_free_credits(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    leave(alice, stripe)
    tasks.sweep_farewells()
    assert sign_up("alice", at=stripe.now()).wallet.available == 0

    bob = sign_up("bob", at=stripe.now() - MONTH - MONTH)
    stripe.subscribe(bob)
    stripe.advance(days=33)
    stripe.deliver()
    leave(bob, stripe)
    assert sign_up("bob", at=stripe.now()).wallet.available == FREE_ALLOWANCE, "his free month was long over"


def test_the_mail_is_given_up_after_two_days_and_the_address_with_it(
    alice: User, stripe: Shop, settings: object
) -> None:
    leave(alice, stripe)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_PORT = 1  # type: ignore[attr-defined]
    for _ in range(12):
        assert Farewell.objects.get().address == "alice@example.com"
        tasks.sweep_farewells()
        stripe.wait(timedelta(hours=6))
    farewell = Farewell.objects.get()
    assert (farewell.address, farewell.attempts) == ("", 12)
    assert farewell.finished_at is not None


class BrokenBackend:
    """A mail server whose answers make no sense to the library."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def send_messages(self, messages: list[Any]) -> int:
        raise UnicodeError(f"label too long: {messages[0].to}")


def test_the_address_goes_whatever_the_mail_fails_for(
    alice: User, stripe: Shop, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    leave(alice, stripe)
    settings.EMAIL_BACKEND = "billing.tests.leaving.test_at_stripe.BrokenBackend"
    for _ in range(12):
        tasks.sweep_farewells()
        stripe.wait(timedelta(hours=6))
    farewell = Farewell.objects.get()
    assert (farewell.address, farewell.attempts) == ("", 12)
    assert farewell.finished_at is not None
    assert f"The last mail of farewell {farewell.pk} is given up (UnicodeError)." in caplog.messages
    assert "alice" not in caplog.text


def test_a_worker_that_was_overtaken_writes_nothing(alice: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its claim ran out while Stripe made it wait, and another worker has finished meanwhile."""
    stripe.subscribe(alice)
    leave(alice, stripe)
    farewell = Farewell.objects.get()

    def overtaken(**_: object) -> None:
        monkeypatch.undo()
        stripe.wait(farewells.CLAIM)
        assert farewells.go_on(farewell_id=farewell.pk, now=stripe.now())
        raise StripeUnavailable("It took too long.")

    monkeypatch.setattr(checkouts, "close_all", overtaken)
    assert farewells.go_on(farewell_id=farewell.pk, now=stripe.now()) is False
    farewell.refresh_from_db()
    assert (farewell.attempts, farewell.error, farewell.next_attempt_at) == (2, "", None)
    assert farewell.finished_at is not None


def test_staff_and_alarms_see_a_farewell_that_is_stuck(alice: User, stella: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    wallet = leave(alice, stripe)
    Farewell.objects.update(left_at=timezone.now() - timedelta(hours=2))
    for _ in range(30):
        stripe.wire.fail_next(503)
    tasks.sweep_farewells()

    waiting = next(queue for queue in queues.read() if queue.word == "farewell")
    assert (waiting.state, waiting.given_up) == (queues.BAD, None)
    browser = staff_browser(stella)
    for page in (
        "/admin/billing/farewell/?unfinished=yes",
        f"/admin/billing/farewell/{Farewell.objects.get().pk}/change/",
    ):
        text = browser.get(page).content.decode()
        assert "end_at_stripe: StripeUnavailable" in text
        assert f"Wallet {wallet.pk}, erased" in text
    assert "/admin/billing/farewell/?unfinished=yes" in browser.get("/admin/").content.decode()

    stripe.answer_again()
    stripe.wait(timedelta(minutes=2))
    tasks.sweep_farewells()
    assert {queue.word: queue.age for queue in queues.read()}["farewell"] is None
    assert "StripeUnavailable" not in browser.get("/admin/billing/farewell/?unfinished=yes").content.decode()
