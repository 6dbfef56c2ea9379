"""Finding the entries that a page of the history shows, without reading those that it doesn't."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connection

from billing import sql
from billing.models import Wallet
from billing.selectors.sequences import sequences_of_spans
from billing.selectors.spans import Span
from billing.selectors.strands import Filters, Strand, strands_of
from billing.selectors.used_days import UsedDays
from billing.units import LARGEST_AMOUNT

ONE_DAY = timedelta(days=1)
EVERYTHING = range(1, LARGEST_AMOUNT)
#: How many pages the days that are looked at promise. The first look does, unless what they promise was imported.
PORTIONS = (1, 10, 1_000)

Days = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read: the `count` newest entries, or those next older than number `before`, or newer than `after`."""

    count: int
    before: int | None = None
    after: int | None = None

    @property
    def is_upwards(self) -> bool:
        """Whether the nearest entries are the oldest."""
        return self.after is not None and self.before is None

    @property
    def cursor(self) -> int | None:
        """The number of the entry that it is next to."""
        return self.after if self.is_upwards else self.before

    def within(self, numbers: range) -> range:
        """Return the part of some sequence numbers that is on this side of the cursor."""
        if self.cursor is None:
            return numbers
        if self.is_upwards:
            return range(max(numbers.start, self.cursor + 1), numbers.stop)
        return range(numbers.start, min(numbers.stop, self.cursor))


@dataclass(slots=True)
class Walk:
    """A strand's way through the books. `days` are those of a sparse one that it has yet to look at, nearest first."""

    strand: Strand
    days: list[tuple[date, int]]
    imported_on: list[date]
    found: list[int] = field(default_factory=list)
    is_begun: bool = False

    def goes_on(self, count: int) -> bool:
        """Whether there is more to look at for the nearest `count` entries."""
        return not self.is_begun or (bool(self.days) and len(self.found) < count)

    def next_days(self, promised: int) -> list[Days]:
        """Take as many days as promise this many entries, and return them as spans."""
        spans: list[Days] = []
        while self.days and promised > 0:
            day, uses = self.days.pop(0)
            promised -= uses
            first, last = spans[-1] if spans else (day, day)
            if spans and first - ONE_DAY <= day <= last + ONE_DAY:
                spans[-1] = (min(first, day), max(last, day))
            else:
                spans.append((day, day))
        return spans


@dataclass(frozen=True, slots=True)
class Arm:
    """A part of the question: SQL with its parameters, and where its answer goes."""

    text: str
    parameters: dict[str, Any]
    found: list[int]


class Search:
    """One look through a wallet's books for the entries of some filters, at a place.

    `used` are the days of their usage, which may be missing where no day matters. `posted` are the sequence numbers of
    the filters' span once it has looked, all without one.
    """

    def __init__(self, wallet: Wallet, filters: Filters, place: Place, used: UsedDays | None) -> None:
        self.posted = EVERYTHING
        self._wallet = wallet
        self._filters = filters
        self._place = place
        self._imported: list[int] = []
        self._walks = [self._walk(strand, used) for strand in strands_of(filters)]

    def numbers(self) -> list[int]:
        """Return the sequence numbers of the entries found, nearest first."""
        count = self._place.count
        for look, pages in enumerate(PORTIONS):
            walks = [walk for walk in self._walks if walk.goes_on(count)]
            self._look(walks, promised=pages * count, is_first=look == 0)
        found = [number for walk in self._walks for number in walk.found] + self._imported
        return sorted(found, reverse=not self._place.is_upwards)[:count]

    def _walk(self, strand: Strand, used: UsedDays | None) -> Walk:
        is_by_day = strand.is_sparse or self._filters.is_by_day
        uses = used.of(strand) if used and is_by_day and strand.has_usage else {}
        cursor = used.cursor_on if used and self._place.cursor is not None else None
        return Walk(strand, self._ahead(uses, cursor) if strand.is_sparse else [], imported_on=list(uses))

    def _ahead(self, uses: dict[date, int], cursor: date | None) -> list[tuple[date, int]]:
        """Return the days from the cursor's on; its own promises nothing, because it is partly behind the cursor."""
        upwards = self._place.is_upwards
        days = sorted(uses.items(), reverse=not upwards)
        if cursor is None:
            return days
        return [(day, count * (day != cursor)) for day, count in days if day == cursor or (day > cursor) == upwards]

    def _look(self, walks: list[Walk], *, promised: int, is_first: bool) -> None:
        """Let strands walk on, until the days of the sparse ones promise so many entries."""
        arms = []
        for walk, ranges in zip(walks, self._ranges(walks, promised, is_first=is_first), strict=True):
            if ranges:
                arms.append(self._strand(walk, ranges))
            if walk.imported_on and not walk.is_begun:
                arms.append(self._imports(walk))
            walk.is_begun = True
        if arms:
            _ask(arms, order="ASC" if self._place.is_upwards else "DESC")

    def _ranges(self, walks: list[Walk], promised: int, *, is_first: bool) -> list[list[range]]:
        """Return where in the books each strand is to be looked for; at first also where the filters' span is."""
        taken = [walk.next_days(promised) for walk in walks]
        asked = [span for days in taken for span in days]
        if is_first and self._filters.span is not None:
            [self.posted, *found] = self._with_span(asked, self._filters.span)
        else:
            found = sequences_of_spans(self._wallet, asked) if asked else []
        rest = iter(found)
        limits = self._place.within(self.posted)
        return [
            [numbers for one in ranges if (numbers := _overlap(one, limits))]
            for ranges in (
                [next(rest) for _ in days] if walk.strand.is_sparse else [EVERYTHING]
                for walk, days in zip(walks, taken, strict=True)
            )
        ]

    def _with_span(self, asked: list[Days], span: Span) -> list[range]:
        """Return the range of the filters' span, and then those of the days asked for, with one question."""
        if span.cycle is None:
            return sequences_of_spans(self._wallet, [(span.first, span.last), *asked])
        *found, of_cycle = sequences_of_spans(self._wallet, asked, cycle=span.cycle)
        return [of_cycle, *found]

    def _strand(self, walk: Walk, ranges: list[range]) -> Arm:
        parameters = {
            "starts": [numbers.start for numbers in ranges],
            "stops": [numbers.stop for numbers in ranges],
            "by_day": walk.strand.is_sparse or self._filters.is_by_day,
        }
        return Arm("history_strand", self._conditions(walk.strand) | parameters, walk.found)

    def _imports(self, walk: Walk) -> Arm:
        limits = self._place.within(EVERYTHING if self._filters.is_by_day else self.posted)
        parameters = {"days": walk.imported_on, "start": limits.start, "stop": limits.stop}
        return Arm("history_imports", self._conditions(walk.strand) | parameters, self._imported)

    def _conditions(self, strand: Strand) -> dict[str, Any]:
        return {
            "wallet": self._wallet.pk,
            "count": self._place.count,
            "kind": strand.kind,
            "feature": strand.feature,
            "priced_as": strand.priced_as,
            "source": strand.source,
            "step": strand.step,
        }


def _overlap(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _ask(arms: list[Arm], *, order: str) -> None:
    """Ask all in one question, with names for the parameters that no two share, and hand the answers out."""
    texts: list[str] = []
    parameters: dict[str, Any] = {}
    for number, arm in enumerate(arms):
        text = sql.read(arm.text).format(order=order, conditions=sql.read("history_conditions"))
        texts.append(text.replace("%(", f"%({number}_"))
        parameters |= {f"{number}_{name}": value for name, value in arm.parameters.items()} | {f"{number}_arm": number}
    with connection.cursor() as cursor:
        cursor.execute("\nUNION ALL\n".join(texts), parameters)
        for number, sequence in cursor.fetchall():
            arms[number].found.append(sequence)
