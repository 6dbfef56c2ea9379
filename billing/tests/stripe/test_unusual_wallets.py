"""Money that comes to, or goes back from, a wallet that is suspended, unlimited, erased, or whose clock is ahead."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import metering
from billing.errors import WalletSuspended
from billing.models import Grant, Purchase, StripeEvent, Wallet
from billing.services import proof, settlement, subscriptions, wallets
from billing.tests.people import FREE_ALLOWANCE, left
from billing.tests.stripe.shop import Shop

PACK, PRO = 1_000_000, 5_000_000


def pack_of(user: User) -> Grant:
    return Grant.objects.get(wallet=user.wallet, source="purchase")


def available(wallet: Wallet) -> int:
    wallet.refresh_from_db()
    return wallet.available


def test_a_suspended_wallet_gets_what_was_paid_and_cannot_use_it(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A stolen card.", now=stripe.now())
    stripe.deliver()
    assert available(alice.wallet) == FREE_ALLOWANCE + PACK
    with pytest.raises(WalletSuspended):
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="chat", now=stripe.now())

    stripe.engine.dispute(stripe.payment_of(checkout))
    stripe.deliver()
    assert left(pack_of(alice)) == 0
    assert available(alice.wallet) == FREE_ALLOWANCE


def test_a_pack_of_an_unlimited_wallet_waits_for_the_contracts_end_and_can_be_refunded(
    alice: User, stripe: Shop
) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=stripe.now())
    checkout = stripe.buy_pack(alice)
    alice.wallet.refresh_from_db()
    metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=500, key="images", now=stripe.now())
    assert left(pack_of(alice)) == PACK

    stripe.engine.refund(stripe.payment_of(checkout), 400)
    stripe.deliver()
    stripe.advance(days=3)
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=stripe.now())

    assert left(pack_of(alice)) == 600_000
    assert available(alice.wallet) == FREE_ALLOWANCE + 600_000


def test_the_books_of_somebody_who_left_go_on(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    checkout = stripe.buy_pack(alice)
    wallet = alice.wallet
    Wallet.objects.filter(pk=wallet.pk).update(owner=None)
    stripe.engine.refund(stripe.payment_of(checkout), 500)
    stripe.advance(days=32)
    stripe.deliver()

    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()
    assert available(wallet) == PRO + 500_000
    stripe.cancel_now(stripe.engine.all("subscription")[0]["id"])
    stripe.deliver()
    settled = settlement.settle(wallet_id=wallet.pk, now=stripe.now() + timedelta(days=40))
    assert (settled.available, settled.next_due_at) == (500_000, None)
    assert proof.prove() == []


def test_a_machine_whose_clock_is_far_behind_loses_no_payment(alice: User, stripe: Shop) -> None:
    """The books take nothing from longer ago than their last entry: the event waits, the return page does too."""
    checkout = stripe.buy_pack(alice, deliver=False)
    metering.charge(
        wallet=alice.wallet, feature="gpt-4o", quantity=1, key="ahead", now=stripe.now() + timedelta(minutes=9)
    )
    stripe.deliver()
    assert not Purchase.objects.exists()
    assert StripeEvent.objects.filter(status="pending", error__contains="clock").exists()
    browser = Client()
    browser.force_login(alice)
    assert browser.get(reverse("billing:checkout_return", args=[checkout.pk])).status_code == 200
    assert not Purchase.objects.exists()

    for _ in range(5):
        stripe.wait(timedelta(minutes=5))
        stripe.work()
    assert Purchase.objects.count() == 1
    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()


@pytest.mark.parametrize("order", [1, -1])
def test_a_plan_that_is_paid_and_refunded_while_a_contract_rules_nets_right(
    alice: User, stripe: Shop, order: int
) -> None:
    stripe.subscribe(alice, deliver=False)
    stripe.advance(hours=1)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=7_000, now=stripe.now())
    payment = stripe.engine.all("payment_intent")[-1]["id"]
    stripe.engine.refund(payment)
    stripe.deliver(stripe.take_events()[::order])

    assert available(settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now())) == 7_000
    assert Purchase.objects.get().grant.taken_back == PRO
