"""Cycles are counted from the anchor and never drift (decision 13, G13), compared with a rule written down here."""

import calendar
from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing.periods import period_at, period_start

PERIODS = 48


def day_of(anchor: datetime, number: int) -> tuple[int, int, int]:
    """Return year, month and day `number` months after the anchor, clamped to the month's last day."""
    months = anchor.year * 12 + anchor.month - 1 + number
    year, month = months // 12, months % 12 + 1
    return year, month, min(anchor.day, calendar.monthrange(year, month)[1])


def anchors(year: int) -> list[datetime]:
    """Return every day of a year, at a time of day that differs from one to the next."""
    return [
        datetime(year, month, day, day % 24, month, day, tzinfo=UTC)
        for month in range(1, 13)
        for day in range(1, calendar.monthrange(year, month)[1] + 1)
    ]


@pytest.mark.parametrize("year", [2023, 2024, 2099, 2100])
def test_every_period_starts_on_the_anchor_s_day_or_the_month_s_last(year: int) -> None:
    periods = 0
    for anchor in anchors(year):
        for number in range(PERIODS):
            starts_at = period_start(anchor, number)
            expected = anchor if number == 0 else datetime(*day_of(anchor, number), tzinfo=UTC)
            assert starts_at == expected
            assert starts_at.utcoffset() == timedelta(0)
            periods += 1
    assert periods == (366 if calendar.isleap(year) else 365) * PERIODS


def test_the_four_years_hold_70_128_periods() -> None:
    assert sum(len(anchors(year)) for year in (2023, 2024, 2099, 2100)) * PERIODS == 70_128


@pytest.mark.parametrize("year", [2023, 2024])
def test_a_moment_belongs_to_the_period_that_has_begun_and_not_to_the_next(year: int) -> None:
    for anchor in anchors(year)[::3]:
        for number in (0, 1, 2, 11, 12, 13, 47):
            starts_at = period_start(anchor, number)
            assert period_at(anchor, starts_at) == number
            assert period_at(anchor, period_start(anchor, number + 1) - timedelta(microseconds=1)) == number


def test_the_last_of_january_is_followed_by_the_last_of_february_and_the_last_of_march() -> None:
    anchor = datetime(2025, 1, 31, 18, 45, tzinfo=UTC)
    starts = [period_start(anchor, number).date().isoformat() for number in range(5)]
    assert starts == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]


def test_the_first_cycle_starts_at_the_moment_of_sign_up_and_later_ones_at_midnight_utc() -> None:
    anchor = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
    assert period_start(anchor, 0) == anchor
    assert period_start(anchor, 1) == datetime(2025, 4, 10, tzinfo=UTC)


def test_an_anchor_written_in_another_zone_is_counted_in_utc() -> None:
    auckland = timezone(timedelta(hours=13))
    anchor = datetime(2025, 3, 1, 6, 0, tzinfo=auckland)
    assert period_start(anchor, 1) == datetime(2025, 3, 28, tzinfo=UTC), "in UTC it was still 28 February"


def test_a_moment_before_the_anchor_belongs_to_the_first_period() -> None:
    anchor = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
    assert period_at(anchor, anchor - timedelta(days=400)) == 0
