"""One service call, one transaction, tried again when PostgreSQL asks for it, and half done never."""

from datetime import datetime
from unittest.mock import patch

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, transaction

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.services import usage
from billing.services.transactions import TRIES, in_one_transaction, tried_again
from billing.tests.people import books


def failing(times: int, error: BaseException) -> tuple[list[int], object]:
    """Return a counter and work that fails so many times, then says done."""
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return calls, work


def database_says(cause: type[Exception]) -> OperationalError:
    error = OperationalError("the database says so")
    error.__cause__ = cause()
    return error


ASKED_AGAIN = [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.LockNotAvailable]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cause", ASKED_AGAIN)
def test_what_postgresql_asks_to_run_again_is_run_again(cause: type[Exception]) -> None:
    calls, work = failing(TRIES - 1, database_says(cause))
    assert tried_again(work)() == "done"
    assert len(calls) == TRIES


@pytest.mark.django_db(transaction=True)
def test_but_not_for_ever() -> None:
    calls, work = failing(99, database_says(psycopg.errors.DeadlockDetected))
    with pytest.raises(OperationalError):
        tried_again(work)()
    assert len(calls) == TRIES


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error", [OperationalError("the server is gone"), IntegrityError("twice"), database_says(psycopg.OperationalError)]
)
def test_other_errors_are_answers_at_once(error: Exception) -> None:
    calls, work = failing(1, error)
    with pytest.raises(type(error)):
        tried_again(work)()
    assert len(calls) == 1


def test_inside_a_caller_s_transaction_it_is_the_caller_s_to_try_again(db: None) -> None:
    calls, work = failing(1, database_says(psycopg.errors.DeadlockDetected))
    with pytest.raises(OperationalError):
        in_one_transaction(work)()
    assert len(calls) == 1


def test_an_error_halfway_leaves_nothing(alice: User, now: datetime) -> None:
    nodes = [metering.Node(feature="gpt-4o", quantity=1_000)]
    with patch.object(usage, "count", side_effect=RuntimeError("the power went")), pytest.raises(RuntimeError):
        metering.charge_workflow(wallet=alice.wallet, workflow="w", nodes=nodes, key="run", now=now)
    assert books(alice.wallet) == [("grant", 100_000, 0, 0)]
    assert metering.charge_workflow(wallet=alice.wallet, workflow="w", nodes=nodes, key="run", now=now).cost == 5_000


def test_a_caller_that_rolls_back_takes_the_charge_with_it(alice: User, now: datetime) -> None:
    with transaction.atomic():
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
        metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
        transaction.set_rollback(True)
    assert books(alice.wallet) == [("grant", 100_000, 0, 0)]
    assert Wallet.objects.get(owner=alice).held == 0


def test_a_repeat_inside_a_caller_s_transaction_does_not_spoil_it(alice: User, now: datetime) -> None:
    with transaction.atomic():
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
        again = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="another", now=now)
    assert again.replayed
    assert len(books(alice.wallet)) == 3


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_a_charge_commits_by_itself(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
    again = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="chat", now=now)
    assert again.replayed
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    assert metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now) == held
    metering.capture(wallet=alice.wallet, hold=held, quantity=900, now=now)
    assert [kind for kind, *_ in books(alice.wallet)] == ["grant", "charge", "hold", "capture"]
