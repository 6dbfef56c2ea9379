"""A statement: what the books say of a span of days, from its opening to its closing balance, so that it adds up."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, QuerySet, Sum

from billing.models import LedgerEntry, Wallet
from billing.selectors.sequences import sequences_between
from billing.selectors.spans import Span, custom, today_of

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Statement:
    """The entries that were posted in a span of days, summed up; amounts are millicredits.

    `numbers` are their sequence numbers. The closing balance is what the books say after the last of them; that the
    opening balance and the changes give the same is the proof.
    """

    span: Span
    numbers: range
    entries: int
    opening: int
    opening_held: int
    change: int
    held_change: int
    cost: int
    uncovered: int
    closing: int

    @property
    def last_before(self) -> int:
        """The number of the last entry before the span, 0 where there is none."""
        return self.numbers.start - 1

    @property
    def last(self) -> int:
        """The number of the last entry of the span, or before it where it has none."""
        return self.numbers.stop - 1

    @property
    def closing_held(self) -> int:
        """What holds set aside when the span ended."""
        return self.opening_held + self.held_change


def of_span(wallet: Wallet, span: Span) -> Statement:
    """Return the statement of a wallet for a span of days, as `posted_on` counts them (decision 28)."""
    numbers = sequences_between(wallet, span.first, span.last)
    entries = LedgerEntry.objects.filter(wallet=wallet)
    sums = entries.filter(sequence__range=(numbers.start, numbers.stop - 1)).aggregate(
        entries=Count("id"),
        change=Sum("available_change"),
        held_change=Sum("held_change"),
        cost=Sum("cost"),
        uncovered=Sum("uncovered"),
    )
    return Statement(
        span=span,
        numbers=numbers,
        opening=_available_after(entries, numbers.start - 1),
        opening_held=_held_before(entries, numbers.start),
        closing=_available_after(entries, numbers.stop - 1),
        **{name: amount or 0 for name, amount in sums.items()},
    )


def _available_after(entries: QuerySet[LedgerEntry], sequence: int) -> int:
    found = entries.filter(sequence=sequence).values_list("available_after", flat=True).first()
    return found or 0


def _held_before(entries: QuerySet[LedgerEntry], sequence: int) -> int:
    """Return what was held before an entry; charges, which are the most by far, hold nothing and have no part in it."""
    earlier = entries.exclude(kind=LedgerEntry.Kind.CHARGE).filter(sequence__lt=sequence)
    return int(earlier.aggregate(held=Sum("held_change"))["held"] or 0)


def month_of(day: date) -> Span:
    """Return the calendar month that a day is in."""
    first = day.replace(day=1)
    return custom(first, (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY)


def months(wallet: Wallet, *, now: datetime) -> list[Span]:
    """Return every month that the wallet's books have, the current one first."""
    first = LedgerEntry.objects.filter(wallet=wallet, sequence=1).values_list("posted_on", flat=True).first()
    current = month_of(today_of(wallet, now=now))
    found = [current]
    while first is not None and first < found[-1].first:
        found.append(month_of(found[-1].first - ONE_DAY))
    return found
