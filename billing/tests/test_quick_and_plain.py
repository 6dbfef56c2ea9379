"""The quick way and the plain way write the same books, and so do 0, 1, 2 or 5 beats of the clock (G12)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import transaction
from hypothesis import given, settings

from accounts.models import User
from billing.services import proof, quick, settlement
from billing.services.ledger import NEVER
from billing.tests.lives import Life, Step, everything, steps, without_clocks
from billing.tests.people import sign_up

really_call = quick.call


@contextmanager
def undone() -> Iterator[None]:
    """Undo what an example did, once its books are proved."""
    with transaction.atomic():
        yield
        assert proof.prove() == []
        transaction.set_rollback(True)


def compare_quick_and_plain(drawn: list[Step], now: datetime) -> int:
    """Live the same life twice, compare all the books say, and return how many calls went the quick way."""
    taken = []

    def counted(*args: object) -> object:
        row = really_call(*args)
        taken.append(row is not None)
        return row

    with undone():
        quick_life = Life(sign_up("quentin", at=now).wallet, now)
        plain_life = Life(sign_up("priscilla", at=now).wallet, now)
        with patch.object(quick, "call", counted):
            quick_life.run(drawn)
        with patch.object(quick, "call", return_value=None):
            plain_life.run(drawn)
        assert quick_life.answers == plain_life.answers
        assert everything(quick_life.wallet) == everything(plain_life.wallet)
        # a quick capture leaves the hold's limit standing: looking too early is harmless, too late would not be
        assert (quick_life.wallet.next_due_at or NEVER) <= (plain_life.wallet.next_due_at or NEVER)
    return sum(taken)


def test_the_quick_way_and_the_plain_way_write_the_same_books(db: None, now: datetime) -> None:
    went_quick = []

    @settings(max_examples=70)
    @given(steps)
    def compare(drawn: list[Step]) -> None:
        went_quick.append(compare_quick_and_plain(drawn, now))

    compare()
    assert sum(went_quick) > 100, "most of it should have gone the quick way"


@pytest.mark.long
@pytest.mark.timeout(7_200)
@settings(max_examples=5_000)
@given(steps)
def test_the_quick_way_and_the_plain_way_write_the_same_books_over_many_lives(db: None, drawn: list[Step]) -> None:
    compare_quick_and_plain(drawn, datetime.fromisoformat("2025-03-10T09:30:00+00:00"))


def beats(wallet_id: int, times: int) -> Callable[[datetime, datetime], None]:
    """Return a clock that settles the wallet `times` times between two acts."""

    def beat(since: datetime, until: datetime) -> None:
        for number in range(1, times + 1):
            settlement.settle(wallet_id=wallet_id, now=since + (until - since) * number / (times + 1))

    return beat


def compare_beats(drawn: list[Step], now: datetime) -> None:
    """Live the same life with 0, 1, 2 and 5 beats between acts, and compare all but the clocks of posting."""
    with undone():
        said = []
        for times in (0, 1, 2, 5):
            wallet = sign_up(f"beat{times}", at=now).wallet
            life = Life(wallet, now, beats(wallet.pk, times))
            life.run(drawn)
            settlement.settle(wallet_id=wallet.pk, now=life.now)
            said.append(without_clocks(everything(wallet)))
        assert said[0] == said[1] == said[2] == said[3]


@settings(max_examples=8)
@given(steps)
def test_the_books_are_the_same_whatever_beat_does(db: None, drawn: list[Step]) -> None:
    compare_beats(drawn, datetime.fromisoformat("2025-01-31T22:10:00+00:00"))


@pytest.mark.long
@pytest.mark.timeout(7_200)
@settings(max_examples=1_000)
@given(steps)
def test_the_books_are_the_same_whatever_beat_does_over_many_lives(db: None, drawn: list[Step]) -> None:
    compare_beats(drawn, datetime.fromisoformat("2025-01-31T22:10:00+00:00"))


@pytest.mark.parametrize("down", [timedelta(hours=6), timedelta(days=3), timedelta(days=40)])
def test_a_beat_that_was_down_catches_up(alice: User, bob: User, now: datetime, down: timedelta) -> None:
    for person, beat in ((alice, timedelta(days=1)), (bob, down)):
        moment = now
        while moment < now + timedelta(days=80):
            moment += beat
            settlement.settle(wallet_id=person.wallet.pk, now=moment)
            settlement.settle(wallet_id=person.wallet.pk, now=moment)
        settlement.settle(wallet_id=person.wallet.pk, now=now + timedelta(days=80))
    assert without_clocks(everything(alice.wallet)) == without_clocks(everything(bob.wallet))
