"""All that happened to a wallet in one line of time, newest first, read by key from each of its sources.

A page takes its length from every source that was asked for, at most, and merges them: each is read along an index,
from where the last page ended. What has the same time is ordered by source and then by number, so that the order is
total and no page repeats or loses a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import LedgerEntry, Wallet
from billing.selectors.sequences import last_sequences
from billing.units import LARGEST_AMOUNT

Kind = LedgerEntry.Kind

PAGE_SIZE = 50
AN_INSTANT = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FARTHEST = datetime(2999, 12, 31, tzinfo=UTC)
ENTRY = "entry"
USES = (Kind.CHARGE, Kind.CAPTURE)


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of rows on the line: which they are, the field with their time, and the model that may be read.

    `word` names it in addresses, `group` is the filter that it belongs to. `place` is its rank among what happened at
    the same time: the higher one is shown first.
    """

    word: str
    group: str
    place: int
    permission: str
    time: str = ""
    rows: Callable[[Wallet], QuerySet[Any]] | None = None
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """A row on the line. Of the ledger `pk` is its number in the wallet."""

    at: datetime
    source: Source
    pk: Any
    row: Any

    @property
    def order(self) -> tuple[datetime, int, Any]:
        """What the line is ordered by."""
        return self.at, self.source.place, self.pk


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the next one begins right before it."""

    at: datetime
    place: int
    pk: int | UUID

    @property
    def text(self) -> str:
        """How an address says it."""
        return f"{(self.at - EPOCH) // AN_INSTANT}.{self.place}.{self.pk}"


@dataclass(frozen=True, slots=True)
class Span:
    """The moments to look at: from `begins_at` on, and before `ends_at`; None is no bound."""

    begins_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some happenings, newest first, and where older ones begin, or None on the last page."""

    happenings: tuple[Happening, ...]
    older: Cursor | None


def read_cursor(text: str) -> Cursor | None:
    """Return the cursor that an address says, or None for one that says none."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() for part in parts):
        return None
    instant, place, pk = parts
    try:
        at = EPOCH + AN_INSTANT * _whole(instant)
        number: int | UUID = UUID(pk) if "-" in pk else _whole(pk)
        cursor = Cursor(at, _whole(place), number)
    except (ValueError, OverflowError):
        return None
    return cursor if at <= FARTHEST else None


def page(wallet: Wallet, sources: Sequence[Source], span: Span, *, before: Cursor | None = None) -> Page:
    """Return the newest happenings of some sources in a span, or those right before a cursor."""
    found = [each for source in _merged(sources) for each in _newest(wallet, source, span, before)]
    found.sort(key=lambda happening: happening.order, reverse=True)
    shown = found[:PAGE_SIZE]
    if len(found) <= PAGE_SIZE:
        return Page(tuple(shown), None)
    last = shown[-1]
    return Page(tuple(shown), Cursor(last.at, last.source.place, last.pk))


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 19 or (number := int(text)) > LARGEST_AMOUNT:
        raise ValueError(f"“{text:.40}” is not a number of a row.")
    return number


def _merged(sources: Sequence[Source]) -> Iterator[Source]:
    """Yield the sources as they are asked: the ledger in one question if all its kinds are wanted.

    Otherwise usage is one question, and of the other kinds each is one, which an index has in order.
    """
    ledger = [source for source in sources if source.kinds]
    yield from (source for source in sources if not source.kinds)
    kinds = {kind for source in ledger for kind in source.kinds}
    if kinds == set(Kind):
        yield _of_kinds(ledger[0], ())
        return
    if kinds & set(USES):
        yield _of_kinds(ledger[0], USES)
    for kind in kinds - set(USES):
        yield _of_kinds(ledger[0], (kind,))


def _of_kinds(source: Source, kinds: tuple[Kind, ...]) -> Source:
    return Source(ENTRY, source.group, source.place, source.permission, kinds=kinds)


def _newest(wallet: Wallet, source: Source, span: Span, before: Cursor | None) -> Iterator[Happening]:
    if source.rows is None:
        yield from _entries(wallet, source, span, before)
        return
    time = source.time
    rows = source.rows(wallet).filter(**{f"{time}__isnull": False})
    if span.begins_at is not None:
        rows = rows.filter(**{f"{time}__gte": span.begins_at})
    if span.ends_at is not None:
        rows = rows.filter(**{f"{time}__lt": span.ends_at})
    if before is not None:
        rows = rows.filter(_older(time, source, before))
    for row in rows.order_by(f"-{time}", "-pk")[: PAGE_SIZE + 1]:
        yield Happening(getattr(row, time), source, row.pk, row)


def _older(time: str, source: Source, before: Cursor) -> Q:
    """Return the condition for what comes after a cursor on the page."""
    if source.place < before.place:
        return Q(**{f"{time}__lte": before.at})
    earlier = Q(**{f"{time}__lt": before.at})
    return earlier | Q(**{time: before.at, "pk__lt": before.pk}) if source.place == before.place else earlier


def _entries(wallet: Wallet, source: Source, span: Span, before: Cursor | None) -> Iterator[Happening]:
    """Read the ledger by number: entries are numbered in the order of their time."""
    first, last = _numbers(wallet, source, span, before)
    entries = LedgerEntry.objects.filter(wallet=wallet, sequence__gt=first, sequence__lte=last)
    if source.kinds:
        entries = (
            entries.filter(kind__in=source.kinds) if len(source.kinds) > 1 else entries.filter(kind=source.kinds[0])
        )
    for entry in entries.select_related("grant", "hold", "actor", "note").order_by("-sequence")[: PAGE_SIZE + 1]:
        yield Happening(entry.posted_at, source, entry.sequence, entry)


def _numbers(wallet: Wallet, source: Source, span: Span, before: Cursor | None) -> tuple[int, int]:
    """Return the number after which entries are looked for, and the last one that may be found."""
    ends = [span.ends_at - AN_INSTANT] if span.ends_at is not None else []
    if before is not None:
        ends.append(before.at if source.place <= before.place else before.at - AN_INSTANT)
    begins = [span.begins_at - AN_INSTANT] if span.begins_at is not None else []
    numbers = last_sequences(wallet, [*begins, *ends]) if begins or ends else []
    first = numbers[0] if begins else 0
    last = min(numbers[len(begins) :], default=LARGEST_AMOUNT)
    if before is not None and before.place == source.place and isinstance(before.pk, int):
        last = min(last, before.pk - 1)
    return first, last
