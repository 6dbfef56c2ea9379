"""The steps of a chart cover its days, each once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.selectors import steps

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@given(first=DAYS, length=st.integers(0, 800), step=st.sampled_from([*steps.CHOICES, steps.YEAR]))
def test_every_day_is_in_one_step(first: date, length: int, step: str) -> None:
    last = first + timedelta(days=length)
    found = list(steps.between(first, last, step))
    assert len(found) == steps.count(first, last, step)
    assert sum((until - since).days + 1 for _, since, until in found) == length + 1
    assert (found[0][1], found[-1][2]) == (first, last)
    for start, since, until in found:
        assert steps.start_of(since, step) == steps.start_of(until, step) == start


def test_weeks_start_on_monday_and_months_are_the_calendar_s() -> None:
    wednesday = date(2025, 3, 12)
    assert steps.start_of(wednesday, "week") == date(2025, 3, 10)
    assert steps.start_of(wednesday, "month") == date(2025, 3, 1)
    assert steps.start_of(wednesday, "year") == date(2025, 1, 1)
    ends = [until for _, _, until in steps.between(date(2024, 1, 31), date(2024, 4, 1), "month")]
    assert ends == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 1)]


@pytest.mark.parametrize(
    ("days", "asked", "step"),
    [
        (7, "", "day"),
        (31, "", "day"),
        (90, "", "week"),
        (90, "day", "day"),
        (101, "day", "week"),
        (365, "", "month"),
        (365, "week", "week"),
        (365, "day", "week"),
        (7, "month", "month"),
        (800, "week", "month"),
        (4_000, "", "year"),
        (4_000, "day", "year"),
        (365_000, "week", "year"),
    ],
)
def test_no_step_is_drawn_more_than_a_hundred_times(days: int, asked: str, step: str) -> None:
    first = date(2000, 1, 3)
    assert steps.fitting(first, first + timedelta(days=days - 1), asked=asked) == step


def test_the_last_years_of_the_calendar_have_steps() -> None:
    assert steps.count(date(2000, 1, 1), date(2999, 12, 31), "year") == 1000
    assert next(iter(steps.between(date(2999, 12, 31), date(2999, 12, 31), "month")))[2] == date(2999, 12, 31)
