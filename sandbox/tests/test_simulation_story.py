"""What the time machine tells of three months of everybody: each person's story comes out as it was meant."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from billing.models import Grant, LedgerEntry, Purchase, Wallet
from billing.periods import period_start
from sandbox.simulation import Plan, Simulation
from sandbox.simulation.life import Life
from sandbox.simulation.people import EVERYBODY
from sandbox.simulation.statement import Month, statement
from sandbox.simulation.verdict import differences
from sandbox.tests.test_simulation import START, lived, quieter


@pytest.fixture(scope="module")
def spring(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[Simulation]:
    """Three months of everybody, for all tests that only look."""
    plan = Plan(start=START, months=3, seed=7, cast=[quieter(person) for person in EVERYBODY])
    with django_db_blocker.unblock(), lived(plan) as simulation:
        yield simulation


def life_of(simulation: Simulation, name: str) -> Life:
    return next(life for life in simulation.lives if life.name == name)


def months_of(simulation: Simulation, name: str) -> list[Month]:
    life = life_of(simulation, name)
    return statement(life, Wallet.objects.get(pk=life.wallet_ids[-1]))


def test_the_books_of_three_months_are_proven(spring: Simulation, db: None) -> None:
    assert differences(spring) == []
    assert len(spring.lives) == 9
    assert {"charge", "hold", "capture", "release", "expiry", "clawback", "grant", "adjustment"} == set(
        LedgerEntry.objects.values_list("kind", flat=True)
    )
    assert spring.machine.post["webhooks"] > 30
    assert spring.machine.mailed > 30


def test_every_month_goes_on_where_the_last_one_ended(spring: Simulation, db: None) -> None:
    for life in spring.lives:
        for wallet in Wallet.objects.filter(pk__in=life.wallet_ids):
            months = statement(life, wallet)
            assert months[0].opening == 0
            assert all(month.opening == earlier.closing for earlier, month in pairwise(months))
            assert months[-1].closing == wallet.posted


def test_a_card_that_fails_for_good_ends_pro_and_leaves_the_pack(spring: Simulation, db: None) -> None:
    months = months_of(spring, "Felix")
    assert [month.plan for month in months] == ["pro", "free", "free"]
    assert "payment failed" in months[1].events
    (pack,) = Grant.objects.filter(wallet_id=life_of(spring, "Felix").wallet_ids[0], source="purchase")
    assert pack.closed_at is None
    assert pack.expires_at is None


def test_a_card_that_is_mended_keeps_pro(spring: Simulation, db: None) -> None:
    months = months_of(spring, "Nora")
    assert [month.plan for month in months] == ["pro", "pro", "pro"]
    assert {"payment failed", "puts in a good card"} <= set(months[1].events)
    assert months[1].granted == 5_000_000


def test_pro_that_was_cancelled_becomes_free_when_its_period_is_over(spring: Simulation, db: None) -> None:
    assert [month.plan for month in months_of(spring, "Berta")][1:3] == ["pro", "free"]
    wallet = Wallet.objects.get(pk=life_of(spring, "Berta").wallet_ids[0])
    paid = Purchase.objects.get(wallet=wallet, plan="pro")
    assert paid.grant is not None
    assert wallet.subscription.anchor_at == paid.grant.expires_at


def test_who_came_on_the_31st_never_drifts(spring: Simulation, db: None) -> None:
    life = life_of(spring, "Lea")
    starts = Grant.objects.filter(wallet_id=life.wallet_ids[0], source="allowance").order_by("effective_at")
    assert [f"{grant.effective_at:%m-%d %H:%M}" for grant in starts] == [
        "01-31 10:00",
        "02-28 00:00",
        "03-31 00:00",
        "04-30 00:00",
    ]


def test_who_comes_back_gets_no_second_free_month(spring: Simulation, db: None) -> None:
    first, second = life_of(spring, "Aarav").wallet_ids
    begun = {
        wallet_id: list(
            Grant.objects.filter(wallet_id=wallet_id, source="allowance").values_list("effective_at", flat=True)
        )
        for wallet_id in (first, second)
    }
    assert Wallet.objects.get(pk=first).owner is None
    joined = begun[first][0]
    assert period_start(joined, 1) in begun[second]
    assert all(moment >= period_start(joined, 1) for moment in begun[second])
