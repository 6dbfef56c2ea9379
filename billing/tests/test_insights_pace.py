"""How this cycle goes: against the last one, to its reset, and what shifted; and what somebody usually does."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.metering import Node
from billing.models import Wallet
from billing.selectors import insights_uses, spans
from billing.selectors.insights_pace import Pace, pace
from billing.selectors.insights_usual import Usual, usual
from billing.services import settlement, subscriptions
from billing.tests.people import give

#: Alice's second cycle begins.
APRIL_10 = datetime(2025, 4, 10, tzinfo=UTC)


@pytest.fixture
def rich(alice: User, now: datetime) -> User:
    give(alice.wallet, 900_000_000, now=now)
    return alice


def mini(user: User, amount: int, at: datetime) -> None:
    metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=amount * 1_000, key=f"mini {at}", now=at)


def search(user: User, number: int, at: datetime) -> None:
    metering.charge(wallet=user.wallet, feature="web-search", quantity=number, key=f"search {at}", now=at)


def of(user: User, now: datetime) -> Pace:
    found = pace(settlement.settle(wallet_id=user.wallet.pk, now=now), now=now)
    assert found is not None
    return found


def test_a_first_cycle_has_nothing_to_be_compared_with(rich: User, now: datetime) -> None:
    mini(rich, 12, now)
    found = of(rich, now)
    assert (found.day, found.span.days, found.used, found.change, found.shift) == (1, 31, 12_000, None, None)
    assert found.projection is None, "a pace takes seven days"


def test_a_cycle_is_compared_with_the_last_one_by_the_same_day(rich: User, now: datetime) -> None:
    mini(rich, 40, now + timedelta(days=1))
    mini(rich, 500, now + timedelta(days=20))
    mini(rich, 50, APRIL_10 + timedelta(hours=5))
    found = of(rich, APRIL_10 + timedelta(days=1, hours=9))
    assert (found.day, found.used, found.used_before) == (2, 50_000, 40_000)
    assert found.change is not None
    assert found.change.text == "+25 %"


def test_the_pace_of_seven_days_leads_to_the_reset(rich: User, now: datetime) -> None:
    for day in range(9):
        mini(rich, 7, now + timedelta(days=day))
    projection = of(rich, now + timedelta(days=9)).projection
    assert projection is not None
    assert (projection.per_day, projection.amount) == (7_000, 9 * 7_000 + 21 * 7_000), "19 March to 9 April"
    assert (projection.least, projection.most) == (None, None), "two weeks say how much paces differ"


def test_the_slowest_and_the_busiest_week_say_how_sure_that_is(rich: User, now: datetime) -> None:
    for day in range(14):
        mini(rich, 1 if day < 7 else 3, now + timedelta(days=day))
    projection = of(rich, now + timedelta(days=14)).projection
    assert projection is not None
    used, days_left = 28_000, 16
    assert (projection.least, projection.amount, projection.most) == (
        used + days_left * 1_000,
        used + days_left * 3_000,
        used + days_left * 3_000,
    )
    assert projection.days == 14


def test_the_share_that_changed_most_is_told(rich: User, now: datetime) -> None:
    mini(rich, 75, now)
    search(rich, 5, now)
    mini(rich, 10, APRIL_10)
    search(rich, 6, APRIL_10)
    shift = of(rich, APRIL_10 + timedelta(hours=1)).shift
    assert shift is not None
    assert (shift.now, shift.before) in ((750, 250), (250, 750))
    assert {shift.now_words, shift.before_words} == {"75.0", "25.0"}
    assert shift.points in ("+50.0", "−50.0")


def test_what_did_not_change_is_no_shift(rich: User, now: datetime) -> None:
    mini(rich, 5, now)
    mini(rich, 9, APRIL_10)
    assert of(rich, APRIL_10 + timedelta(hours=1)).shift is None


def test_a_contract_has_a_pace_without_an_end_of_credits(alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    for day in range(20):
        mini(alice, 10, now + timedelta(days=day))
    projection = of(alice, now + timedelta(days=20)).projection
    assert projection is not None
    assert projection.amount > 200_000
    assert not projection.is_too_much


def test_a_pace_that_takes_more_than_is_left_is_told(alice: User, now: datetime) -> None:
    for day in range(8):
        mini(alice, 9, now + timedelta(days=day))
    projection = of(alice, now + timedelta(days=8)).projection
    assert projection is not None
    assert projection.amount == (8 + 22) * 9_000
    assert projection.is_too_much


def habits_of(wallet: Wallet, now: datetime) -> Usual | None:
    span = spans.chosen(wallet, "30d", now=now)
    assert span is not None
    return usual(insights_uses.read(wallet, span), now=now)


def test_what_somebody_usually_does_becomes_a_calculation(rich: User, now: datetime) -> None:
    for number, (feature, quantity) in enumerate(
        [("gpt-4o", 1_000), ("gpt-4o", 2_001), ("o1-preview", 9_000), ("flux-pro", 3), ("dall-e-3-hd", 1),
         ("video-generation", 30), ("video-generation", 61), ("analytics", 1)]
    ):  # fmt: skip
        metering.charge(wallet=rich.wallet, feature=feature, quantity=quantity, key=f"use {number}", now=now)
    nodes = [Node(name="Find", feature="web-search", quantity=2)]
    metering.charge_workflow(wallet=rich.wallet, workflow="digest", nodes=nodes, key="run", now=now)
    found = habits_of(rich.wallet, now)
    assert found is not None
    assert (found.model.code if found.model else "", found.messages, found.tokens) == ("gpt-4o", 2, 1_500)
    assert found.parameters == {
        "chats": "3",
        "tokens": "4000",
        "for-chats": "gpt-4o",
        "images": "4",
        "for-images": "flux-pro",
        "videos": "2",
        "seconds": "45",
    }


def test_who_used_nothing_has_no_habits(alice: User, now: datetime) -> None:
    assert habits_of(alice.wallet, now) is None


@pytest.mark.parametrize(
    ("messages", "words"),
    [(2, "less than one in ten days"), (3, "0.1"), (30, "1"), (47, "1.5"), (299, "9.9"), (3_021, "100")],
)
def test_messages_a_day_read_well(messages: int, words: str) -> None:
    assert Usual(None, messages, 0, 30, {}).a_day == words
