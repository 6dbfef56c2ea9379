"""The books prove themselves: every sum that must always hold, checked by PostgreSQL over all wallets or one."""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from billing import sql
from billing.models import Grant, Hold, LedgerEntry, Wallet


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


@dataclass(frozen=True, slots=True)
class Figures:
    """What a proof went through: how many rows, and the amounts in them in millicredits."""

    counts: dict[str, int]
    amounts: dict[str, int]


def prove(*, wallet_id: int | None = None) -> list[Difference]:
    """Return every difference in the books, of one wallet or of all; an empty list is the proof.

    Over all wallets the planner may not loop: with old statistics it would compare every row with every other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_nestloop', %s, true)", ["off" if wallet_id is None else "on"])
        cursor.execute(sql.read("proof"), {"wallet": wallet_id})
        differences = [Difference(*row) for row in cursor.fetchall()]
        cursor.execute("SELECT set_config('enable_nestloop', 'on', true)")
        return differences


def figures(*, wallet_id: int | None = None) -> Figures:
    """Return what there is to prove, of one wallet or of all."""
    of_wallet = {} if wallet_id is None else {"wallet": wallet_id}
    wallets = Wallet.objects.filter(**({} if wallet_id is None else {"pk": wallet_id}))
    grants = Grant.objects.filter(opened_at__isnull=False, **of_wallet)
    balance = wallets.aggregate(available=Sum("available"), held=Sum("held"))
    metered = LedgerEntry.objects.filter(**of_wallet).aggregate(
        entries=Count("id"),
        uses=Count("id", filter=Q(kind__in=[LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.CAPTURE])),
        used=Sum("cost"),
        uncovered=Sum("uncovered", filter=~Q(kind=LedgerEntry.Kind.CLAWBACK)),
    )
    counts = {
        "wallets": wallets.count(),
        "entries": metered["entries"],
        "uses": metered["uses"],
        "grants": grants.count(),
        "holds": Hold.objects.filter(**of_wallet).count(),
    }
    amounts = {
        "granted": grants.aggregate(sum=Sum("amount"))["sum"],
        "used": metered["used"],
        "uncovered": metered["uncovered"],
        "available": balance["available"],
        "held": balance["held"],
    }
    return Figures(counts, {name: amount or 0 for name, amount in amounts.items()})


OVERDUE = {
    "wallets with something due": "SELECT count(*) FROM billing_wallet WHERE next_due_at < {moment}",
    "events of Stripe's not handled": "SELECT count(*) FROM billing_stripeevent"
    " WHERE received_at < {moment} AND (status = 'pending' OR status = 'failed')",
    "returns of charges that no worker goes on with": "SELECT count(*) FROM billing_chargereturn"
    " WHERE next_attempt_at < {moment}",
    "exports that nobody has written": "SELECT count(*) FROM billing_export WHERE next_attempt_at < {moment}",
    "refunds that Stripe wasn't asked for": "SELECT count(*) FROM billing_refund"
    " WHERE requested_at < {moment} AND status = 'requested'",
}


def overdue(*, minutes: int = 5) -> dict[str, int]:
    """Return how many of what have waited longer than `minutes`: warnings, not differences. What is 0 isn't there."""
    found = {}
    with connection.cursor() as cursor:
        for what, question in OVERDUE.items():
            cursor.execute(question.format(moment="now() - make_interval(mins => %s)"), [minutes])
            (found[what],) = cursor.fetchone() or (0,)
    return {what: count for what, count in found.items() if count}
