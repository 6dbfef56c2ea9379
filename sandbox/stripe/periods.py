"""Billing periods: months counted from the anchor, clamped to a month's last day, never drifting."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.stripe.store import Object

FIXED = {"day": timedelta(days=1), "week": timedelta(weeks=1)}


def end_after(anchor: int, moment: int, recurring: Object) -> int:
    """Return the end of the period that begins at `moment`, or holds it: the first boundary after it."""
    start = datetime.fromtimestamp(anchor, UTC)
    number = 1
    if recurring["interval"] in FIXED:
        length = FIXED[recurring["interval"]] * recurring["interval_count"]
        number = max(1, int((moment - anchor) // length.total_seconds()) + 1)
        return int((start + length * number).timestamp())
    months = recurring["interval_count"] * (12 if recurring["interval"] == "year" else 1)
    reached = datetime.fromtimestamp(moment, UTC)
    number = max(1, ((reached.year - start.year) * 12 + reached.month - start.month) // months)
    while (end := _months_later(start, months * number)) <= moment:
        number += 1
    return end


def _months_later(start: datetime, months: int) -> int:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())
