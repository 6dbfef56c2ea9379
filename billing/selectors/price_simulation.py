"""What a new price would have meant for the last thirty days of real charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from billing import sql
from billing.models import FeaturePrice, Pack
from billing.units import CREDIT

SPAN = timedelta(days=30)
ROWS = 10


@dataclass(frozen=True, slots=True)
class Payer:
    """What one wallet paid then and would pay now, in millicredits, for so many uses."""

    wallet_id: int
    uses: int
    cost_then: int
    cost_now: int


@dataclass(frozen=True, slots=True)
class Short:
    """A wallet that would have run out, and by how many millicredits at its lowest."""

    wallet_id: int
    missing: int


@dataclass(frozen=True, slots=True)
class PlanShare:
    """The same for all wallets that are on a plan now; `run_out` of them would have run out."""

    plan: str
    wallets: int
    cost_then: int
    cost_now: int
    run_out: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """A price's effect on the uses since a moment. Amounts are millicredits.

    Wallets that burn nothing are only counted, as `unlimited`. `affected` are those that would have paid another sum.
    """

    uses: int
    wallets: int
    affected: int
    cost_then: int
    cost_now: int
    unlimited: int
    run_out: int
    shortest: Sequence[Short]
    increases: Sequence[Payer]
    plans: Sequence[PlanShare]

    @property
    def more(self) -> int:
        """Millicredits that would have been used on top, below zero for a lower price."""
        return self.cost_now - self.cost_then


def simulate(new: FeaturePrice, *, now: datetime) -> Simulation:
    """Return what a price would have meant in the thirty days before `now`; one statement reads the charges."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.read("price_simulation"),
            {
                "feature": new.feature_id,
                "millicredits": new.millicredits,
                "per": new.per,
                "since": now - SPAN,
                "rows": ROWS,
            },
        )
        row: tuple[dict[str, Any]] = cursor.fetchone() or ({},)
    (found,) = row
    return Simulation(
        uses=found["uses"],
        wallets=found["wallets"],
        affected=found["affected"],
        cost_then=found["cost_then"],
        cost_now=found["cost_now"],
        unlimited=found["unlimited"],
        run_out=found["run_out"],
        shortest=[Short(*row) for row in found["missing"]],
        increases=[Payer(*row) for row in found["increases"]],
        plans=[PlanShare(name or "None", *figures) for name, *figures in found["plans"]],
    )


def in_cents(millicredits: int, pack: Pack) -> int:
    """Return what so many millicredits cost in US cents at a pack's price, rounded towards zero."""
    cents = abs(millicredits) * pack.price_cents // pack.amount
    return -cents if millicredits < 0 else cents


def best_pack() -> Pack | None:
    """Return the pack on sale whose credits cost least, or None when none is sold."""
    packs = Pack.objects.filter(is_on_sale=True)
    return min(packs, key=lambda pack: pack.price_cents * CREDIT * 10**6 // pack.amount, default=None)
