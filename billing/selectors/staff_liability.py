"""What is owed: the credits that people still have, held ones included, and what they are worth in dollars."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from billing.models import Grant, Plan

Source = Grant.Source

HALF = Fraction(1, 2)
#: How each row of the table is called, and how what it is worth is computed.
ROWS = {
    "bought": ("Bought in packs", "at what was paid for each pack"),
    "paid_plans": ("Monthly, of paid plans", "at the plan’s price for a month, divided by its monthly credits"),
    "other_months": ("Monthly, of Free and contracts", "not sold by the credit: worth nothing here"),
    "promotional": ("Promotional", "given away: worth nothing here"),
    "adjustment": ("Adjustments", "given by staff: worth nothing here"),
}


@dataclass(frozen=True, slots=True)
class Lot:
    """What is outstanding, in millicredits, of those credits of a source that are worth the same.

    Packs of a lot cost `cents` for `amount` millicredits each; monthly credits of a paid plan name it.
    """

    source: str
    plan: str
    cents: int
    amount: int
    outstanding: int

    @property
    def row(self) -> str:
        """The row of the table that it belongs to, a word of ROWS."""
        if self.source == Source.PURCHASE:
            return "bought"
        if self.source == Source.ALLOWANCE:
            return "paid_plans" if self.plan else "other_months"
        return self.source

    def worth(self, plans: dict[str, Plan]) -> Fraction:
        """Return what it is worth, in cents."""
        plan = plans.get(self.plan)
        if plan is not None:
            return (
                Fraction(self.outstanding * (plan.price_cents or 0), plan.allowance) if plan.allowance else Fraction(0)
            )
        return Fraction(self.outstanding * self.cents, self.amount) if self.amount else Fraction(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: what is outstanding in millicredits, what it is worth in whole cents, and why."""

    word: str
    label: str
    outstanding: int
    cents: int
    rule: str


@dataclass(frozen=True, slots=True)
class Liability:
    """All that is outstanding, by where it came from; the sums are those of the lines."""

    lines: tuple[Line, ...]

    @property
    def outstanding(self) -> int:
        """Millicredits."""
        return sum(line.outstanding for line in self.lines)

    @property
    def cents(self) -> int:
        """What they are worth."""
        return sum(line.cents for line in self.lines)


def liability(lots: Iterable[Lot]) -> Liability:
    """Return what lots of outstanding credits come to. Each line is rounded to the nearest cent, once."""
    plans = Plan.objects.in_bulk()
    outstanding, worth = dict.fromkeys(ROWS, 0), dict.fromkeys(ROWS, Fraction(0))
    for lot in lots:
        outstanding[lot.row] += lot.outstanding
        worth[lot.row] += lot.worth(plans)
    return Liability(
        tuple(
            Line(word, label, outstanding[word], (worth[word] + HALF).__floor__(), rule)
            for word, (label, rule) in ROWS.items()
        )
    )
