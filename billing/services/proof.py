"""The books prove themselves: every sum that must always hold, checked by PostgreSQL over all wallets or one."""

from dataclasses import dataclass

from django.db import connection

from billing import sql


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum that doesn't hold for a wallet: `expected` and `found` in millicredits, or counts where the rule counts."""

    rule: str
    wallet_id: int
    row: str
    expected: int
    found: int

    def __str__(self) -> str:
        where = f", {self.row}" if self.row else ""
        return f"wallet {self.wallet_id}{where}: {self.rule} (expected {self.expected}, found {self.found})"


def prove(*, wallet_id: int | None = None) -> list[Difference]:
    """Return every difference in the books, of one wallet or of all; an empty list is the proof."""
    with connection.cursor() as cursor:
        cursor.execute(sql.read("proof"), {"wallet": wallet_id})
        return [Difference(*row) for row in cursor.fetchall()]


def overdue(*, minutes: int = 5) -> dict[str, int]:
    """Return how many wallets have had something due for longer than `minutes`: a warning, not a difference."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM billing_wallet WHERE next_due_at < now() - make_interval(mins => %s)", [minutes]
        )
        (count,) = cursor.fetchone() or (0,)
    return {"wallets with something due": count}
