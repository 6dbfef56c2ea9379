"""Totals a day: written with the charge, rebuildable from the entries."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from billing.services.ledger import Books

BUMP = """
    INSERT INTO billing_dailyusage AS usage
        (wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, cost, uses)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT ON CONSTRAINT one_row_per_day_and_kind_of_usage DO UPDATE SET
        quantity = usage.quantity + excluded.quantity,
        cost = usage.cost + excluded.cost,
        uses = usage.uses + excluded.uses
"""


@dataclass(frozen=True, slots=True)
class Used:
    """An addition to a day's totals: `quantity` in base units of `priced_as`, `cost` in millicredits."""

    feature: str
    priced_as: str
    quantity: int
    cost: int
    uses: int = 1


def count(books: Books, used: list[Used], *, used_on: date, source: str) -> None:
    """Add to the wallet's totals of a day, in the transaction of the entry that they come from."""
    wallet = books.wallet
    with connection.cursor() as cursor:
        cursor.executemany(
            BUMP,
            [
                (wallet.pk, used_on, wallet.cycle, u.feature, u.priced_as, source, u.quantity, u.cost, u.uses)
                for u in used
            ],
        )
