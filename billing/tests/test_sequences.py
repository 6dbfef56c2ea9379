"""A span of days is a range of sequence numbers: found by halving, it is what reading every entry would find."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import sql
from billing.models import LedgerEntry, Wallet
from billing.selectors.sequences import sequences_between, sequences_of_spans
from billing.tests.lives import Life, Step, steps, undone
from billing.tests.pages.acts import charge
from billing.tests.people import give, planless_wallet, sign_up

ONE_DAY = timedelta(days=1)


def naive(wallet: Wallet, first: date, last: date) -> range:
    """Read every entry of the wallet."""
    posted = list(LedgerEntry.objects.filter(wallet=wallet).order_by("sequence").values_list("posted_on", flat=True))
    return range(1 + sum(day < first for day in posted), 1 + sum(day <= last for day in posted))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk through a query's plan."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


@pytest.fixture
def busy(alice: User, bob: User, now: datetime) -> Wallet:
    """Alice uses something on every other day for a month, three times; Bob does so on all days."""
    give(alice.wallet, 1_000_000, now=now)
    give(bob.wallet, 1_000_000, now=now)
    for day in range(30):
        for number in range(3):
            moment = now + ONE_DAY * day + timedelta(minutes=number)
            charge(bob, 1, now=moment)
            if day % 2:
                charge(alice, 1, now=moment)
    alice.wallet.refresh_from_db()
    return alice.wallet


def test_any_days_are_found(busy: Wallet, now: datetime) -> None:
    first_day = now.date() - ONE_DAY
    for start in range(0, 33, 3):
        for length in (0, 1, 2, 7, 40):
            first, last = first_day + ONE_DAY * start, first_day + ONE_DAY * (start + length)
            assert sequences_between(busy, first, last) == naive(busy, first, last)


def test_days_without_an_entry_are_empty_where_they_would_be(busy: Wallet, now: datetime) -> None:
    quiet = now.date() + ONE_DAY * 2
    found = sequences_between(busy, quiet, quiet)
    assert (found.start, found.stop) == (6, 6)
    assert len(sequences_between(busy, date(2000, 1, 1), date(2000, 1, 1))) == 0
    assert sequences_between(busy, date(2999, 12, 31), date(2999, 12, 31)).start == busy.sequence + 1


def test_all_days_are_all_entries(busy: Wallet) -> None:
    assert sequences_between(busy, date(2000, 1, 1), date(2999, 12, 31)) == range(1, busy.sequence + 1)


def test_a_wallet_without_entries_has_none(db: None, now: datetime) -> None:
    assert sequences_between(planless_wallet(at=now), now.date(), now.date()) == range(1, 1)


def test_several_spans_are_one_question(
    busy: Wallet, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    days = [(now.date() + ONE_DAY * number, now.date() + ONE_DAY * (number + 2)) for number in range(0, 30, 5)]
    with django_assert_num_queries(1):
        found = sequences_of_spans(busy, days)
    assert found == [naive(busy, first, last) for first, last in days]
    assert sequences_of_spans(busy, []) == []


def test_random_lives_are_found(db: None) -> None:
    """Holds, imports, resets and changes of plan included, with another wallet's entries between."""
    late = datetime.fromisoformat("2025-03-10T18:30:00+00:00")

    @settings(max_examples=20)
    @given(
        drawn=steps,
        zone=st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Auckland"]),
        start=st.integers(-2, 60),
        length=st.integers(0, 60),
    )
    def look(drawn: list[Step], zone: str, start: int, length: int) -> None:
        with undone():
            person, other = (sign_up(name, at=late, time_zone=zone) for name in ("alice", "bob"))
            life = Life(person.wallet, late, beat=lambda since, until: give(other.wallet, 1, now=until, key=str(until)))
            life.run(drawn)
            first = late.date() + ONE_DAY * start
            last = first + ONE_DAY * length
            assert sequences_between(life.wallet, first, last) == naive(life.wallet, first, last)
            for cycle in range(1, life.wallet.cycle + 2):
                numbers = life.wallet.entries.filter(cycle=cycle).values_list("sequence", flat=True)
                [_, found] = sequences_of_spans(life.wallet, [(first, last)], cycle=cycle)
                assert list(found) == sorted(numbers)

    look()


def test_it_reads_a_few_entries_only(busy: Wallet, now: datetime) -> None:
    """Of 47 entries, 6 for each end of the span."""
    parameters = {"wallet": busy.pk, "days": [now.date(), now.date() + ONE_DAY * 9], "cycles": []}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.read('first_sequences')}", parameters)
        ((plan,),) = cursor.fetchall()
    reads = sum(
        node["Actual Loops"] for node in nodes(plan[0]["Plan"]) if "ledgerentry" in node.get("Relation Name", "")
    )
    assert 6 <= reads <= 12
