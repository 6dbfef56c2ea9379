"""Billing-cycle arithmetic: pure, in UTC, counted from the anchor and therefore never drifting (decision 13).

Here stands, too, which moments the books take: databases know more of them than Python can read.
"""

from datetime import UTC, datetime, time

from dateutil.relativedelta import relativedelta

#: The first moment that the books take, and the first one that is too late for them.
EARLIEST, TOO_LATE = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


def is_in_books(moment: datetime) -> bool:
    """Return whether a moment lies in this millennium, so that the books take it."""
    return EARLIEST <= moment < TOO_LATE


def period_start(anchor_at: datetime, number: int) -> datetime:
    """Return when period `number` (0, 1, 2 …) of a cycle anchored at `anchor_at` begins, in UTC.

    Period 0 begins at the anchor itself, later ones at 00:00 UTC of the anchor's day, `number` months on and clamped
    to the month's last day: 31 Jan → 28 Feb → 31 Mar.
    """
    anchor_at = anchor_at.astimezone(UTC)
    if number == 0:
        return anchor_at
    day = anchor_at.date() + relativedelta(months=number)
    return datetime.combine(day, time.min, tzinfo=UTC)


def period_at(anchor_at: datetime, moment: datetime) -> int:
    """Return the number of the period that `moment` falls into; moments before the anchor belong to period 0."""
    months = relativedelta(moment.astimezone(UTC), anchor_at.astimezone(UTC))
    number = max(months.years * 12 + months.months, 0)
    while period_start(anchor_at, number + 1) <= moment:
        number += 1
    while number > 0 and period_start(anchor_at, number) > moment:
        number -= 1
    return number
