"""Leaving and coming back: the books stay, and nobody gets a Free month twice (decision 25)."""

from datetime import timedelta

import pytest
from django.test import override_settings

from accounts.models import User
from billing import metering
from billing.models import Departure, Subscription, Wallet
from billing.services import departures, settlement, subscriptions
from billing.tests.people import books, give, sign_up

LATER = timedelta(days=8)


def leave(user: User, *, now) -> Wallet:
    """Part the user from the wallet and delete the user, as erasing an account does."""
    wallet = user.wallet
    departures.leave(wallet_id=wallet.pk, now=now)
    User.objects.filter(pk=user.pk).delete()
    return Wallet.objects.get(pk=wallet.pk)


def test_the_books_stay_without_a_name(alice: User, now) -> None:
    give(alice.wallet, 1_000, now=now)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
    before = books(alice.wallet)

    wallet = leave(alice, now=now)

    assert wallet.owner is None
    assert books(wallet) == before
    assert "alice" not in Departure.objects.get().address_hash


def test_a_wallet_without_an_owner_gets_no_further_months(alice: User, now) -> None:
    wallet = leave(alice, now=now)

    settled = settlement.settle(wallet_id=wallet.pk, now=now + timedelta(days=100))

    assert books(settled) == [("grant", 100_000, 0, 0), ("expiry", -100_000, 0, 0)]
    assert settled.next_due_at is None


def test_who_comes_back_within_the_month_goes_on_with_it_and_gets_the_next_on_time(alice: User, now) -> None:
    old = leave(alice, now=now + timedelta(days=3))
    back = sign_up("alice", at=now + LATER).wallet

    assert (back.available, back.cycle_ends_at) == (0, old.cycle_ends_at)
    assert books(back) == []
    back = settlement.settle(wallet_id=back.pk, now=old.cycle_ends_at)
    assert back.available == 100_000
    assert Subscription.objects.get(wallet=back).period_ends_at == now.replace(month=5, hour=0, minute=0)


def test_who_comes_back_after_the_month_begins_anew(alice: User, now) -> None:
    leave(alice, now=now)

    assert sign_up("alice", at=now + timedelta(days=40)).wallet.available == 100_000


@pytest.mark.parametrize("address", ["ALICE@example.com", "alice+again@example.com", "\uff41lice@example.com"])
def test_another_spelling_of_the_address_is_the_same_address(alice: User, now, address: str) -> None:
    leave(alice, now=now)

    assert departures.open_free_month(email=address, now=now + LATER) is not None
    assert departures.open_free_month(email="alina@example.com", now=now + LATER) is None


def test_a_new_secret_key_forgets_nobody_while_the_old_one_is_named(alice: User, now, settings) -> None:
    leave(alice, now=now)

    with override_settings(SECRET_KEY="x" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert departures.open_free_month(email="alice@example.com", now=now + LATER) is not None
    with override_settings(SECRET_KEY="x" * 50, SECRET_KEY_FALLBACKS=[]):
        assert departures.open_free_month(email="alice@example.com", now=now + LATER) is None


def test_leaving_twice_changes_nothing_and_a_second_stay_is_remembered_in_its_turn(alice: User, now) -> None:
    wallet = leave(alice, now=now)
    departures.leave(wallet_id=wallet.pk, now=now)
    again = sign_up("alice", at=now + LATER)
    leave(again, now=now + LATER)

    assert Departure.objects.get().free_until == wallet.cycle_ends_at


def test_a_contract_leaves_no_free_month_behind(alice: User, now) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    leave(alice, now=now)

    assert not Departure.objects.exists()
