"""Signing up gives a wallet, the Free plan and the first allowance, once, in the sign-up's own transaction."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import User
from billing.errors import NoPlan
from billing.models import Grant, LedgerEntry, Plan, Subscription, Wallet
from billing.services import subscriptions
from billing.tests.people import FREE_ALLOWANCE, books, sign_up


def test_alice_signs_up_and_has_a_hundred_credits(alice: User, now: datetime) -> None:
    wallet = Wallet.objects.get(owner=alice)
    assert (wallet.available, wallet.held, wallet.head_left, wallet.cycle) == (FREE_ALLOWANCE, 0, FREE_ALLOWANCE, 1)
    assert books(wallet) == [("grant", FREE_ALLOWANCE, 0, 0)]
    assert wallet.next_due_at == datetime(2025, 4, 10, tzinfo=UTC)
    assert (wallet.cycle_started_at, wallet.cycle_ends_at) == (now, wallet.next_due_at)
    assert (wallet.low_below, wallet.very_low_below, wallet.warning_level) == (20_000, 5_000, 0)


def test_her_first_cycle_starts_at_the_moment_of_sign_up_on_the_free_plan(alice: User, now: datetime) -> None:
    subscription = Subscription.objects.get(wallet__owner=alice)
    assert subscription.plan_id == "free"
    assert (subscription.anchor_at, subscription.period, subscription.started_at) == (now, 0, now)
    assert subscription.period_ends_at == datetime(2025, 4, 10, tzinfo=UTC)


def test_her_allowance_expires_at_the_end_of_the_cycle(alice: User, now: datetime) -> None:
    grant = alice.wallet.grants.get()
    assert (grant.source, grant.amount, grant.effective_at) == (Grant.Source.ALLOWANCE, FREE_ALLOWANCE, now)
    assert grant.expires_at == datetime(2025, 4, 10, tzinfo=UTC)
    assert grant.remaining is None, "what is left of the head stands on the wallet alone"


def test_saving_alice_again_gives_her_nothing_more(alice: User, now: datetime) -> None:
    alice.name = "Alice Liddell"
    alice.save()
    subscriptions.open_wallet(user=alice, now=now + timedelta(days=1))
    assert books(alice.wallet) == [("grant", FREE_ALLOWANCE, 0, 0)]
    assert Subscription.objects.count() == 1


def test_a_sign_up_that_fails_leaves_nothing(db: None, now: datetime) -> None:
    with transaction.atomic():
        sign_up("mallory", at=now)
        transaction.set_rollback(True)
    assert not User.objects.exists()
    assert not Wallet.objects.exists()
    assert not Grant.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    ("time_zone", "day"),
    [("Pacific/Auckland", date(2025, 3, 11)), ("America/Los_Angeles", date(2025, 3, 10)), ("UTC", date(2025, 3, 10))],
)
def test_the_wallet_counts_days_where_its_owner_lives(db: None, time_zone: str, day: date) -> None:
    person = sign_up("kiri", at=datetime(2025, 3, 10, 15, tzinfo=UTC), time_zone=time_zone)
    assert person.wallet.time_zone == time_zone
    assert person.wallet.entries.get().posted_on == day
    assert person.wallet.next_due_at == datetime(2025, 4, 10, tzinfo=UTC), "cycles are in UTC for everybody"


def test_a_changed_time_zone_reaches_the_wallet(alice: User) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    assert Wallet.objects.get(owner=alice).time_zone == "Asia/Tokyo"


def test_an_old_copy_of_a_user_that_saves_something_else_leaves_the_zone(alice: User, now: datetime) -> None:
    old_copy = User.objects.get(pk=alice.pk)
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    old_copy.last_login = now
    old_copy.save(update_fields=["last_login"])
    assert Wallet.objects.get(owner=alice).time_zone == "Asia/Tokyo"


def test_nobody_signs_up_while_the_catalog_has_no_free_plan(db: None, now: datetime) -> None:
    Plan.objects.filter(code="free").delete()
    with pytest.raises(NoPlan, match="Free plan"), transaction.atomic():
        sign_up("alice", at=now)
    assert not User.objects.exists()


def test_staff_have_wallets_like_everybody(stella: User) -> None:
    assert stella.wallet.available == FREE_ALLOWANCE


def test_a_user_from_a_fixture_brings_its_own_wallet(db: None) -> None:
    User(pk=77, email="loaded@example.com").save_base(raw=True)
    assert not Wallet.objects.exists()
