"""The periodic jobs make happen without a touch what first touch would do, and are safe twice (decision 14)."""

import logging
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection

from accounts.models import User
from billing import metering, tasks
from billing.models import Wallet
from billing.tests.people import books, give, planless_wallet, sign_up

RESET = datetime(2025, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def beat(now: datetime) -> int:
    with patch("billing.tasks.timezone.now", return_value=now):
        return tasks.settle_due_wallets()


def test_beat_settles_every_wallet_with_something_due(alice: User, bob: User, now: datetime) -> None:
    later = sign_up("carol", at=now + timedelta(days=9))
    assert beat(RESET) == 2
    for person in (alice, bob):
        assert [kind for kind, *_ in books(person.wallet)] == ["grant", "expiry", "grant"]
    assert len(books(later.wallet)) == 1


def test_beating_twice_changes_nothing_more(alice: User) -> None:
    assert beat(RESET) == 1
    assert beat(RESET) == 0
    assert beat(RESET + HOUR) == 0
    assert len(books(alice.wallet)) == 3


def test_before_anything_is_due_beat_does_nothing(alice: User) -> None:
    assert beat(RESET - HOUR) == 0


def test_beat_releases_holds_whose_time_is_over(alice: User, now: datetime) -> None:
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    assert beat(now + HOUR) == 1
    assert [kind for kind, *_ in books(alice.wallet)] == ["grant", "hold", "release"]


def test_more_wallets_than_one_batch_are_all_settled(db: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BATCH", 3)
    for number in range(7):
        sign_up(f"person{number}", at=now)
    assert beat(RESET) == 7
    assert not Wallet.objects.filter(next_due_at__lte=RESET).exists()


def test_one_wallet_that_can_not_be_settled_does_not_stop_the_others(
    bob: User, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    planless = planless_wallet(at=now)
    with caplog.at_level(logging.ERROR, logger="billing.tasks"):
        assert beat(RESET) == 1
    assert f"Wallet {planless.pk} can't be settled." in caplog.text
    assert len(books(bob.wallet)) == 3


def test_nor_does_one_whose_rows_the_database_refuses(
    alice: User, bob: User, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    give(alice.wallet, 5_000, now=now, key=f"allowance:{alice.wallet.subscription.pk}:2025-03-10:1")
    with caplog.at_level(logging.ERROR, logger="billing.tasks"):
        assert beat(RESET) == 1
    assert f"Wallet {alice.wallet.pk} can't be settled." in caplog.text
    assert len(books(bob.wallet)) == 3


def test_the_proof_runs_by_itself_and_is_silent_when_the_books_are_whole(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    assert tasks.prove_books() == 0
    assert caplog.records == []


def test_the_proof_logs_each_difference(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_wallet SET available = available + 1")
    with caplog.at_level(logging.ERROR, logger="billing.tasks"):
        assert tasks.prove_books() == 2
    assert "available is the sum of its entries (expected 100000, found 100001)" in caplog.text
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_wallet SET available = available - 1")
