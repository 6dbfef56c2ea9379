"""A batch that one statement can't settle is charged in turn under one lock: the same answers and the same books."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits, InvalidQuantity, KeyReused, MeteringError, WalletSuspended
from billing.metering import Charge
from billing.models import DailyUsage, Wallet
from billing.services import subscriptions
from billing.tests.people import books, give

pytestmark = pytest.mark.django_db

BATCH = [
    Charge(feature="gpt-4o", quantity=15_000, key="first"),
    Charge(feature="web-search", quantity=2, key="below 20 %"),
    Charge(feature="gpt-4o", quantity=15_000, key="first"),
    Charge(feature="gpt-4o", quantity=15_001, key="first"),
    Charge(feature="dall-e-3-hd", quantity=1, key="too much"),
    Charge(feature="nothing", quantity=1, key="unknown"),
    Charge(feature="gpt-4o", quantity=0, key="none"),
    Charge(feature="analytics", quantity=1, key="free"),
    Charge(feature="gpt-4o", quantity=2_000, key="below 5 %", detail={"input_tokens": 1_900, "output_tokens": 100}),
    Charge(feature="gpt-4o", quantity=1_000, key="to the last one", source="api"),
    Charge(feature="gpt-4o", quantity=1, key="and no more"),
]


def one_by_one(wallet: Wallet, now: datetime) -> list[object]:
    """Charge the batch call by call."""
    results: list[object] = []
    for item in BATCH:
        fields = {name: getattr(item, name) for name in item.__slots__}
        try:
            results.append(metering.charge(wallet=wallet, now=now, **fields))
        except MeteringError as refusal:
            results.append(refusal)
    return results


def told(results: list[object]) -> list[object]:
    """Return answers and refusals so that they can be compared."""
    return [(type(result), str(result)) if isinstance(result, MeteringError) else result for result in results]


def totals(wallet: Wallet) -> list[tuple[object, ...]]:
    columns = ("used_on", "cycle", "feature_id", "priced_as_id", "source", "quantity", "cost", "uses")
    return sorted(DailyUsage.objects.filter(wallet=wallet).values_list(*columns))


def test_a_batch_is_answered_and_booked_as_its_charges_one_by_one(alice: User, bob: User, now: datetime) -> None:
    answers = metering.charge_many(wallet=alice.wallet, charges=BATCH, now=now)
    assert told(answers) == told(one_by_one(bob.wallet, now))
    assert books(alice.wallet) == books(bob.wallet)
    assert totals(alice.wallet) == totals(bob.wallet)
    for person in (alice, bob):
        notices = person.wallet.notices.order_by("id").values_list("level", "available", "cycle")
        assert list(notices) == [(1, 15_000, 1), (3, 15_000, 1)]
    assert [type(answer).__name__ for answer in answers] == [
        "Answer", "Answer", "Answer", "KeyReused", "InsufficientCredits", "UnknownFeature", "InvalidQuantity", "Answer",
        "Answer", "Answer", "InsufficientCredits",
    ]  # fmt: skip
    assert answers[2] == replace(answers[0], replayed=True)


def test_a_batch_spends_several_grants_in_burn_down_order(alice: User, now: datetime) -> None:
    pack = give(alice.wallet, 50_000, now=now)
    charges = [Charge(feature="web-search", quantity=9, key=str(number)) for number in range(4)]
    answers = metering.charge_many(wallet=alice.wallet, charges=charges, now=now)
    assert [isinstance(answer, metering.Answer) for answer in answers] == [True, True, True, False]
    pack.refresh_from_db()
    alice.wallet.refresh_from_db()
    assert (alice.wallet.head_grant_id, alice.wallet.head_left, pack.remaining) == (pack.pk, 15_000, None)


def test_a_batch_after_the_reset_is_paid_by_the_new_cycle(alice: User, now: datetime) -> None:
    charges = [Charge(feature="gpt-4o", quantity=1_000, key=str(number)) for number in range(3)]
    metering.charge_many(wallet=alice.wallet, charges=charges, now=now + timedelta(days=40))
    assert [kind for kind, *_ in books(alice.wallet)] == ["grant", "expiry", "grant", "charge", "charge", "charge"]
    assert {entry.cycle for entry in alice.wallet.entries.filter(kind="charge")} == {2}


def test_a_suspended_wallet_refuses_the_whole_batch(alice: User, now: datetime) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(suspended_at=now)
    answers = metering.charge_many(wallet=alice.wallet, charges=BATCH[:2], now=now)
    assert [type(answer) for answer in answers] == [WalletSuspended, WalletSuspended]


def test_a_clock_that_went_back_refuses_each_charge_of_the_batch(alice: User, now: datetime) -> None:
    answers = metering.charge_many(wallet=alice.wallet, charges=BATCH[:2], now=now - timedelta(hours=1))
    assert ["clock" in str(answer) for answer in answers] == [True, True]
    assert books(alice.wallet) == [("grant", 100_000, 0, 0)]


def test_what_does_not_fit_the_books_costs_the_others_of_the_batch_nothing(alice: User, now: datetime) -> None:
    half = 2**62
    charges = [Charge(feature="analytics", quantity=half, key=str(number)) for number in range(3)]
    answers = metering.charge_many(wallet=alice.wallet, charges=charges, now=now)
    assert [type(answer) for answer in answers] == [metering.Answer, InvalidQuantity, InvalidQuantity]
    assert DailyUsage.objects.get(wallet=alice.wallet).quantity == half


def test_refusals_and_repeats_of_a_batch_take_no_statement_each(alice: User, now: datetime) -> None:
    used = Charge(feature="gpt-4o", quantity=15_000, key="used")
    metering.charge_many(wallet=alice.wallet, charges=[used], now=now)
    dear = [Charge(feature="dall-e-3-hd", quantity=1, key=str(number)) for number in range(200)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answers = metering.charge_many(wallet=alice.wallet, charges=[used, replace(used, quantity=1), *dear], now=now)
    assert [type(answer) for answer in answers[:3]] == [metering.Answer, KeyReused, InsufficientCredits]
    assert len(queries) < 30


def test_a_batch_takes_one_statement_whatever_the_size_of_its_numbers(alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    for size in (2, 40_000, 3_000_000_000):
        charges = [Charge(feature="gpt-4o-mini", quantity=quantity, key=f"{size}:{quantity}") for quantity in (1, size)]
        with CaptureQueriesContext(connection) as queries:
            answers = metering.charge_many(wallet=alice.wallet, charges=charges, now=now)
        assert [answer.cost for answer in answers] == [1, size]
        assert len(queries) <= 2, "a savepoint around the quick way, and nothing else"
