"""What returning a feature's charges would come to, and how far a return is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from billing import sql
from billing.errors import InvalidRequest
from billing.models import ChargeReturn, WalletReturn
from billing.periods import is_in_books

LARGEST = 10


@dataclass(frozen=True, slots=True)
class Span:
    """The charges of one feature that were posted from `from_at` until just before `until`."""

    feature: str
    from_at: datetime
    until: datetime

    @classmethod
    def of(cls, asked: ChargeReturn) -> "Span":
        """Return what a return is about."""
        return cls(asked.feature_id, asked.from_at, asked.until)

    def check(self, *, now: datetime) -> None:
        """Raise InvalidRequest unless the span lies in this millennium, has a length and is over."""
        if not is_in_books(self.from_at):
            raise InvalidRequest("Nothing was charged before this millennium.")
        if self.from_at >= self.until:
            raise InvalidRequest("The end of the time lies after its beginning.")
        if self.until > now:
            raise InvalidRequest("Only what was charged already can be returned: the time ends now at the latest.")

    def parameters(self, *, wallet_id: int | None = None) -> dict[str, Any]:
        """Return what `returnable_charges.sql` wants to know; all wallets without a number."""
        return {"feature": self.feature, "from_at": self.from_at, "until": self.until, "wallet": wallet_id}


@dataclass(frozen=True, slots=True)
class Part:
    """What one wallet would get back, in millicredits, for how many charges."""

    wallet_id: int
    charges: int
    amount: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be returned to how many wallets. Amounts are millicredits.

    `ownerless` wallets get nothing, because their owners have left, nor do wallets `of_staff`: whoever proposes or
    approves a return gets none of it. `charges_before` were returned earlier, whatever was asked for then.
    """

    wallets: int
    charges: int
    amount: int
    ownerless: int
    of_staff: int
    largest: Sequence[Part]
    charges_before: int
    amount_before: int


@dataclass(frozen=True, slots=True)
class Course:
    """How far a return is: how many wallets are in which state, and what they got, in millicredits."""

    wallets: dict[str, int]
    charges: int
    amount: int

    @property
    def all(self) -> int:
        """How many wallets there are."""
        return sum(self.wallets.values())

    @property
    def done(self) -> int:
        """How many no longer wait."""
        return self.all - self.wallets.get(WalletReturn.Status.WAITING, 0)


def preview(span: Span) -> Preview:
    """Return what returning a span's charges would do now; it reads the whole ledger of that time once."""
    with connection.cursor() as cursor:
        cursor.execute(statement("return_preview"), {**span.parameters(), "largest": LARGEST})
        row = cursor.fetchone()
    if row is None:
        raise AssertionError("Sums are one row.")
    wallets, charges, amount, ownerless, of_staff, largest, *before = row
    parts = [Part(*part) for part in largest]
    return Preview(wallets, charges, amount, ownerless, of_staff, parts, *before)


def course(asked: ChargeReturn) -> Course:
    """Return how far a return is."""
    rows = WalletReturn.objects.filter(charge_return=asked)
    states = dict(rows.values_list("status").annotate(count=Count("pk")))
    sums = rows.aggregate(charges=Sum("charges", default=0), amount=Sum("amount", default=0))
    return Course(states, sums["charges"], sums["amount"])


def statement(name: str) -> str:
    """Return a statement about the charges that can be returned; it takes the parameters of a span, and its own."""
    return sql.read(name).format(charges=sql.read("returnable_charges"))
