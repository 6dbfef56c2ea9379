"""The forecast says when credits run out, and how sure that is; it invents nothing."""

from datetime import date, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.selectors import balance as balances
from billing.selectors.forecast import forecast
from billing.tests.people import give

ONE_DAY = timedelta(days=1)


def live(user: User, credits_a_day: list[int], *, until: datetime) -> Wallet:
    """Use so many credits on each of the days before a moment's."""
    for number, amount in enumerate(reversed(credits_a_day), start=1):
        if amount:
            metering.charge(
                wallet=user.wallet,
                feature="gpt-4o-mini",
                quantity=amount * 1_000,
                key=f"{number} days ago",
                occurred_at=until - ONE_DAY * number,
                now=until,
            )
    user.wallet.refresh_from_db()
    return user.wallet


def test_the_fastest_and_slowest_weeks_give_a_range(alice: User, now: datetime) -> None:
    give(alice.wallet, 500_000, now=now)
    wallet = live(alice, [2] * 7 + [20] * 7 + [10] * 14, until=now)
    found = forecast(wallet, now=now)
    assert wallet.available == 306_000
    assert (found.pace.per_day, found.pace.runs_out_on) == (10_000, date(2025, 4, 9))
    assert (found.range.earliest, found.range.latest, found.range.days) == (date(2025, 3, 25), None, 28)


def test_a_steady_pace_leaves_no_doubt(alice: User, now: datetime) -> None:
    wallet = live(alice, [3] * 28, until=now)
    found = forecast(wallet, now=now)
    assert found.range.is_one_day
    assert found.range.earliest == found.pace.runs_out_on == date(2025, 3, 15)


def test_weeks_before_the_first_use_are_no_slow_weeks(alice: User, now: datetime) -> None:
    found = forecast(live(alice, [3] * 15, until=now), now=now)
    assert (found.range.is_one_day, found.range.days) == (True, 15)


def test_two_weeks_are_needed_for_a_range_and_one_for_a_pace(alice: User, now: datetime) -> None:
    found = forecast(live(alice, [3] * 13, until=now), now=now)
    assert (found.pace.per_day, found.range) == (3_000, None)


def test_six_days_give_no_date(alice: User, now: datetime) -> None:
    found = forecast(live(alice, [3] * 6, until=now), now=now)
    assert (found.pace.per_day, found.range, found.has_begun) == (None, None, True)


def test_nothing_used_ever_is_nothing_known(alice: User, now: datetime) -> None:
    found = forecast(alice.wallet, now=now)
    assert (found.pace.per_day, found.range, found.has_begun, found.highest.cost) == (None, None, False, 0)
    assert len(found.days) == 30


def test_who_used_nothing_for_months_has_no_pace(alice: User, now: datetime) -> None:
    wallet = live(alice, [5] + [0] * 60, until=now)
    found = forecast(wallet, now=now)
    assert (found.pace.per_day, found.range.earliest, found.range.latest, found.has_begun) == (0, None, None, True)


def test_it_shows_thirty_days_today_included(alice: User, now: datetime) -> None:
    wallet = live(alice, [1, 4, 2], until=now)
    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=3_000, key="today", now=now)
    found = forecast(wallet, now=now)
    assert [day.cost for day in found.days] == [0] * 26 + [1_000, 4_000, 2_000, 3_000]
    assert (found.days[-1].day, found.highest.day) == (now.date(), now.date() - ONE_DAY * 2)


@pytest.mark.parametrize(
    "amounts", [[], [3] * 6, [3] * 7, [1] * 40, [0] * 40, [5] + [0] * 50, [0, 7, 0, 0, 0, 0, 0, 0]]
)
def test_its_pace_is_that_of_the_warnings(alice: User, now: datetime, amounts: list[int]) -> None:
    give(alice.wallet, 500_000, now=now)
    wallet = live(alice, amounts, until=now)
    assert forecast(wallet, now=now).pace == balances.pace(wallet, now=now)


def test_it_is_one_question(alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    wallet = live(alice, [1] * 40, until=now)
    with django_assert_num_queries(1):
        forecast(wallet, now=now)
