"""What happened on days by UTC, read from the rows themselves: for days that are being closed, and for today."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection
from django.db.models import Max, Min

from accounts.models import User
from billing import sql
from billing.models import DailyCredits, DailyFigures, LedgerEntry


def credits_of(since: date, until: date | None = None) -> list[DailyCredits]:
    """Return a row, which isn't saved, for each day from `since` on and each lot that it moved, sorted by both.

    `until` is the first day that is left out; without it nothing is.
    """
    return [DailyCredits(**row) for row in _ask("daily_credits", since, until)]


def figures_of(since: date, until: date | None = None) -> list[DailyFigures]:
    """Return a row, which isn't saved, for each day on which anything happened; the days are those of `credits_of`."""
    return [DailyFigures(**row) for row in _ask("daily_figures", since, until)]


def first_day() -> date | None:
    """Return the day of the earliest entry or sign-up, or None without one; this reads all entries."""
    entries = LedgerEntry.objects.aggregate(first=Min("posted_at"))["first"]
    sign_ups = User.objects.aggregate(first=Min("joined_at"))["first"]
    found = [moment for moment in (entries, sign_ups) if moment is not None]
    return min(found).astimezone(UTC).date() if found else None


def last_closed_day() -> date | None:
    """Return the last day whose figures are written down, or None before the first."""
    last: date | None = DailyFigures.objects.aggregate(last=Max("day"))["last"]
    return last


def midnight(day: date) -> datetime:
    """Return when a day begins, by UTC."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def _ask(question: str, since: date, until: date | None) -> list[dict[str, Any]]:
    parameters = {"since": midnight(since), "until": midnight(until) if until else None}
    with connection.cursor() as cursor:
        cursor.execute(sql.read(question), parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
