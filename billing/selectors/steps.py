"""Days, weeks, months and years: the steps that a span of days is drawn in, few enough to be seen."""

from collections.abc import Iterator
from datetime import date, timedelta

DAY, WEEK, MONTH, YEAR = "day", "week", "month", "year"
#: What a page offers: the word in the address, and its label. Years are only for spans that need them.
CHOICES = {DAY: "Day", WEEK: "Week", MONTH: "Month"}
COARSER = {DAY: WEEK, WEEK: MONTH, MONTH: YEAR}
MOST_STEPS = 100
LONGEST_IN_DAYS, LONGEST_IN_WEEKS = 45, 180
ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(days=7)
MONTHS = 12


def fitting(first: date, last: date, *, asked: str = "") -> str:
    """Return the step that was asked for, else the usual one for so many days; a coarser one if that were too many."""
    days = (last - first).days + 1
    usual = DAY if days <= LONGEST_IN_DAYS else WEEK if days <= LONGEST_IN_WEEKS else MONTH
    step = asked or usual
    while step != YEAR and count(first, last, step) > MOST_STEPS:
        step = COARSER[step]
    return step


def offered(first: date, last: date) -> list[str]:
    """Return the steps that these days can be drawn in."""
    return [step for step in CHOICES if count(first, last, step) <= MOST_STEPS]


def count(first: date, last: date, step: str) -> int:
    """Return how many steps these days touch."""
    start, end = start_of(first, step), start_of(last, step)
    if step == YEAR:
        return end.year - start.year + 1
    if step == MONTH:
        return (end.year - start.year) * MONTHS + end.month - start.month + 1
    return (end - start) // (ONE_WEEK if step == WEEK else ONE_DAY) + 1


def start_of(day: date, step: str) -> date:
    """Return the first day of the step that a day is in: weeks start on Monday, months and years are the calendar's."""
    if step == WEEK:
        return day - ONE_DAY * day.weekday()
    return day.replace(day=1, month=1 if step == YEAR else day.month) if step in (MONTH, YEAR) else day


def between(first: date, last: date, step: str) -> Iterator[tuple[date, date, date]]:
    """Yield each step from `first` to `last` as the day it starts on, and its first and last day of these."""
    start = start_of(first, step)
    while start <= last:
        following = _after(start, step)
        yield start, max(start, first), min(following - ONE_DAY, last)
        start = following


def _after(start: date, step: str) -> date:
    if step == YEAR:
        return start.replace(year=start.year + 1)
    if step == MONTH:
        return start_of(start + ONE_DAY * 31, MONTH)
    return start + (ONE_WEEK if step == WEEK else ONE_DAY)
