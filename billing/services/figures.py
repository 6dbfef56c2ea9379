"""Closing days: what all books came to on a day is written down once it is over, and can be written anew later."""

from datetime import date, datetime, timedelta

from billing.models import DailyCredits, DailyFigures
from billing.selectors import days_of_books
from billing.services.transactions import in_one_transaction

ONE_DAY = timedelta(days=1)
#: A posting bears the time at which it began; by then even the slowest of the day has been committed.
CLOSES_AFTER = timedelta(minutes=30)
#: So many closed days are written anew each time.
OVERLAP = timedelta(days=3)
#: Days that one transaction writes.
PORTION = timedelta(days=31)

LOT = ["day", "source", "plan", "cents", "amount"]
MOVED = ["given", "spent", "expired", "taken"]
#: Counted from rows that go when a person goes.
ERASED_WITH_PEOPLE = ["sign_ups", "failed_payments"]
HAPPENED = ["used", "sign_ups", "failed_payments", "pack_cents", "plan_cents"]


def close_days(*, now: datetime, since: date | None = None) -> int:
    """Write the figures of every day that is over and has none, and of the last ones anew; return for how many days.

    `since` writes all days from that one on anew; a day before the books begin is as good as their first. No day is
    left out before it: closed days have no gap.
    """
    until = (now - CLOSES_AFTER).date()
    last = days_of_books.last_closed_day()
    usual = last + ONE_DAY - OVERLAP if last else None
    beginning = days_of_books.first_day() if since or usual is None else usual
    if beginning is None:
        return 0
    first, written = max(beginning, min(usual or beginning, since or beginning)), 0
    while first < until:
        end = min(first + PORTION, until)
        _write(first, end)
        written += (end - first).days
        first = end
    return written


@in_one_transaction
def _write(first: date, until: date) -> None:
    """Write the days from `first` to the one before `until`; what is erased with a person stays counted."""
    days = {first + ONE_DAY * number: DailyFigures() for number in range((until - first).days)}
    for row in days_of_books.figures_of(first, until):
        days[row.day] = row
    known = DailyFigures.objects.in_bulk(list(days))
    for day, row in days.items():
        row.day = day
        for figure in ERASED_WITH_PEOPLE if day in known else ():
            setattr(row, figure, max(getattr(row, figure), getattr(known[day], figure)))
    DailyCredits.objects.bulk_create(
        days_of_books.credits_of(first, until), update_conflicts=True, unique_fields=LOT, update_fields=MOVED
    )
    DailyFigures.objects.bulk_create(
        [days[day] for day in sorted(days)], update_conflicts=True, unique_fields=["day"], update_fields=HAPPENED
    )
