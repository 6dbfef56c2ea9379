"""Why a balance was what it was: answered from the entries alone, as they stood at a moment or after an entry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from billing import sql
from billing.models import Grant, LedgerEntry, Wallet
from billing.selectors.sequences import last_sequences, sequences_of_spans

Kind = LedgerEntry.Kind

ENTRIES_BEFORE = 10
MOST_GRANTS = 50
MOST_LATER = 20
ADDED = {
    Grant.Source.ALLOWANCE: "Monthly credits added",
    Grant.Source.PURCHASE: "Credits bought",
    Grant.Source.PROMOTIONAL: "Promotional credits added",
    Grant.Source.ADJUSTMENT: "Credits given by staff",
}
#: The lines of the sum, in the order in which a sentence would say them; grants come first, by source.
LINES = {
    Kind.CHARGE: "Used",
    Kind.CAPTURE: "Used of what was set aside, the rest returned",
    Kind.HOLD: "Set aside for running work",
    Kind.RELEASE: "Set aside and returned unused",
    Kind.EXPIRY: "Expired",
    Kind.CLAWBACK: "Taken back for refunds and disputes",
    Kind.ADJUSTMENT: "Taken by staff",
}


@dataclass(slots=True)
class Step:
    """A line of the sum: what some entries changed, in millicredits."""

    label: str
    entries: int = 0
    available: int = 0
    held: int = 0

    @property
    def posted(self) -> int:
        """What they changed of both together."""
        return self.available + self.held

    def add(self, row: "Row") -> None:
        """Count what further entries did."""
        self.entries += row.entries
        self.available += row.available
        self.held += row.held


@dataclass(slots=True)
class Part:
    """What became of a grant up to then, in millicredits: given = left + held + spent + expired + taken."""

    grant: Grant
    given: int = 0
    left: int = 0
    held: int = 0
    spent: int = 0
    expired: int = 0
    taken: int = 0
    is_of_cycle: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it was a part of the balance."""
        return bool(self.left or self.held)

    def add(self, row: "Row") -> None:
        """Count what entries of one kind did to the grant."""
        self.left += row.available
        self.held += row.held
        self.is_of_cycle |= row.is_in_cycle
        gone = -(row.available + row.held)
        if row.kind == Kind.GRANT:
            self.given -= gone
        elif row.kind in (Kind.CHARGE, Kind.CAPTURE):
            self.spent += gone
        elif row.kind == Kind.EXPIRY:
            self.expired += gone
        elif row.kind in (Kind.CLAWBACK, Kind.ADJUSTMENT):
            self.taken += gone


@dataclass(frozen=True, slots=True)
class Row:
    """What the entries of one kind, before the cycle or in it, did to one grant; or to none or several."""

    is_in_cycle: bool
    kind: str
    grant_id: int | None
    is_of_shares: bool
    entries: int
    available: int
    held: int
    cost: int
    uncovered: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The balance at a place in the books, and how it came about. Amounts are millicredits.

    `entry` is the last one by then, or None before the books began. `opening` is what there was when the cycle began,
    `steps` what happened since, `closing` their sum. `parts` are the grants that made up the balance or were touched in
    this cycle, those with most left first, and `unlisted` those beyond the first 50; `emptied` counts the others.
    `unburnt` is the cost of use in this cycle that burned nothing, because the wallet was unlimited; `uncovered` that
    of use that no credits were left for. `later` are entries for something due by then that were written down
    afterwards.
    """

    at: datetime | None
    entry: LedgerEntry | None
    cycle_began: LedgerEntry | None = None
    opening: Step = field(default_factory=lambda: Step("Before"))
    steps: tuple[Step, ...] = ()
    closing: Step = field(default_factory=lambda: Step("Balance"))
    parts: tuple[Part, ...] = ()
    unlisted: tuple[Part, ...] = ()
    emptied: int = 0
    unburnt: int = 0
    uncovered: int = 0
    before: tuple[LedgerEntry, ...] = ()
    later: tuple[LedgerEntry, ...] = ()

    @property
    def unlisted_posted(self) -> int:
        """What was left and held of the grants that aren't listed."""
        return sum(part.left + part.held for part in self.unlisted)

    @property
    def adds_up(self) -> bool:
        """Whether the sum of all changes is what the entry says was available after it."""
        return self.entry is None or self.closing.available == self.entry.available_after


def at_moment(wallet: Wallet, moment: datetime) -> Answer:
    """Return the balance as the books had it at a moment: after the last entry that was posted by then."""
    [last] = last_sequences(wallet, [moment])
    return _answer(wallet, last, at=moment)


def after_entry(wallet: Wallet, sequence: int) -> Answer:
    """Return the balance after an entry of the wallet; after none before the first, and after the last beyond it."""
    return _answer(wallet, sequence, at=None)


def last_sequence(wallet: Wallet) -> int:
    """Return the number of the wallet's last entry, 0 without one."""
    newest = LedgerEntry.objects.filter(wallet=wallet).order_by("-sequence").values_list("sequence", flat=True).first()
    return newest or 0


def _answer(wallet: Wallet, last: int, *, at: datetime | None) -> Answer:
    entries = LedgerEntry.objects.filter(wallet=wallet).select_related("actor", "note")
    before = tuple(entries.filter(sequence__lte=last).order_by("-sequence")[: ENTRIES_BEFORE + 1])
    if not before:
        return Answer(at, None)
    entry = before[0]
    [of_cycle] = sequences_of_spans(wallet, [], cycle=entry.cycle)
    rows = _rows(wallet, first=of_cycle.start, last=entry.sequence)
    whole = [row for row in rows if not row.is_of_shares]
    parts = _parts(rows)
    shown = [part for part in parts if part.is_there or part.is_of_cycle]
    return Answer(
        at,
        entry,
        cycle_began=entries.get(sequence=of_cycle.start),
        opening=_sum("Before", (row for row in whole if not row.is_in_cycle)),
        steps=_steps([row for row in whole if row.is_in_cycle], {part.grant.pk: part.grant for part in parts}),
        closing=_sum("Balance", whole),
        parts=tuple(shown[:MOST_GRANTS]),
        unlisted=tuple(shown[MOST_GRANTS:]),
        emptied=len(parts) - len(shown),
        unburnt=sum(_unburnt(row) for row in whole if row.is_in_cycle and row.kind in (Kind.CHARGE, Kind.CAPTURE)),
        uncovered=sum(row.uncovered for row in whole if row.is_in_cycle and row.kind in (Kind.CHARGE, Kind.CAPTURE)),
        before=before,
        later=_later(wallet, entry, at) if at else (),
    )


def _rows(wallet: Wallet, *, first: int, last: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql.read("balance_at"), {"wallet": wallet.pk, "first": first, "last": last})
        return [Row(*row) for row in cursor.fetchall()]


def _sum(label: str, rows: Iterable[Row]) -> Step:
    step = Step(label)
    for row in rows:
        step.add(row)
    return step


def _steps(rows: list[Row], grants: dict[int, Grant]) -> tuple[Step, ...]:
    """Return a line for each kind of entry there was, those that added credits apart by their source."""
    labels = [*ADDED.values(), *LINES.values()]
    steps = {label: Step(label) for label in labels}
    for row in rows:
        if row.kind == Kind.GRANT and row.grant_id is not None:
            steps[ADDED[Grant.Source(grants[row.grant_id].source)]].add(row)
        else:
            steps[LINES[Kind(row.kind)]].add(row)
    return tuple(step for step in steps.values() if step.entries)


def _parts(rows: list[Row]) -> list[Part]:
    """Return what became of each grant: those with most left first, and then the newest."""
    touched = [row for row in rows if row.grant_id is not None]
    grants = Grant.objects.select_related("purchase__pack", "purchase__plan").in_bulk(
        {row.grant_id for row in touched if row.grant_id is not None}
    )
    parts = {grant_id: Part(grant) for grant_id, grant in grants.items()}
    for row in touched:
        if row.grant_id is not None:
            parts[row.grant_id].add(row)
    return sorted(parts.values(), key=lambda part: (part.left + part.held, part.grant.pk), reverse=True)


def _later(wallet: Wallet, entry: LedgerEntry, at: datetime) -> tuple[LedgerEntry, ...]:
    """Return the entries right after this one for what was due by then, but was written down at the next touch."""
    following = LedgerEntry.objects.filter(wallet=wallet, sequence__gt=entry.sequence).order_by("sequence")
    return tuple(each for each in following[:MOST_LATER] if each.effective_at <= at)


def _unburnt(used: Row) -> int:
    """Return the cost of use that was neither paid with credits nor written down as uncovered."""
    return used.cost - used.uncovered + used.available + used.held
