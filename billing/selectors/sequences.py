"""Which entries were posted on which days and by which moment, found by halving: a span is a range of numbers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import connection

from billing import sql
from billing.models import Wallet

ONE_DAY = timedelta(days=1)


def sequences_between(wallet: Wallet, first: date, last: date) -> range:
    """Return the sequence numbers of the entries that were posted from `first` to `last`, both included.

    The range is empty, at the place where they would be, when nothing was posted then. It reads a few dozen entries
    of however many there are. Usage can count on another day than it was posted on (decision 28): see `used_on`.
    """
    [numbers] = sequences_of_spans(wallet, [(first, last)])
    return numbers


def sequences_of_spans(wallet: Wallet, spans: Sequence[tuple[date, date]], *, cycle: int | None = None) -> list[range]:
    """Return the range of `sequences_between` for each of several spans, with one question.

    Last comes the range of the entries that belong to a `cycle`, imports of earlier usage included, if one is given.
    """
    days = [day for first, last in spans for day in (first, last + ONE_DAY)]
    cycles = [] if cycle is None else [cycle, cycle + 1]
    with connection.cursor() as cursor:
        cursor.execute(sql.read("first_sequences"), {"wallet": wallet.pk, "days": days, "cycles": cycles})
        bounds = [number for (number,) in cursor.fetchall()]
    return [range(start, stop) for start, stop in zip(bounds[::2], bounds[1::2], strict=True)]


def last_sequences(wallet: Wallet, moments: Sequence[datetime]) -> list[int]:
    """Return for each moment the number of the wallet's last entry that was posted by then; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql.read("last_sequences"), {"wallet": wallet.pk, "moments": list(moments)})
        return [number for (number,) in cursor.fetchall()]
