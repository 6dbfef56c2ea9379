"""How staff read a price's simulation: what the last thirty days would have cost, who pays more, who runs out."""

from collections.abc import Sequence
from datetime import datetime

from billing.admin.reading import name_of
from billing.admin.tables import Cell, Table, credits_cell, figure, link, words
from billing.admin.wording import dollars
from billing.models import FeaturePrice, Wallet
from billing.selectors import price_simulation
from billing.selectors.price_simulation import Simulation
from billing.units import CREDIT


def tables(new: FeaturePrice, *, now: datetime) -> Sequence[Table]:
    """Return what a new price would have meant in the thirty days before `now`."""
    found = price_simulation.simulate(new, now=now)
    named = {row.wallet_id for row in found.shortest} | {row.wallet_id for row in found.increases}
    wallets = Wallet.objects.select_related("owner").in_bulk(named)
    return [_sums(found), *([_plans(found), _short(found, wallets), _increases(found, wallets)] if found.uses else [])]


def _sums(found: Simulation) -> Table:
    rows = [
        [words("Uses, each priced anew and rounded up as a charge is"), figure(found.uses)],
        [words("Credits they cost"), credits_cell(found.cost_then)],
        [words("Credits they would have cost"), credits_cell(found.cost_now)],
        [words("Difference in credits"), credits_cell(found.more, signed=True)],
        *_money(found),
        [words("Customers who would have paid another sum"), figure(found.affected)],
        [words("Customers who would have run out of credits"), figure(found.run_out)],
        [words("Customers without a limit, who burn nothing and aren’t counted above"), figure(found.unlimited)],
    ]
    return Table(
        title="The last 30 days at the new price",
        columns=["What", "How much"],
        rows=rows,
        empty="",
        note=(
            "As if everybody had used the same. What was refused isn’t in the books, so it isn’t here either."
            " Somebody would have run out where the difference, summed up within a cycle, is more than was available."
        ),
    )


def _money(found: Simulation) -> list[list[Cell]]:
    pack = price_simulation.best_pack()
    if pack is None:
        return []
    per_thousand = dollars(price_simulation.in_cents(1_000 * CREDIT, pack))
    said = f"Difference in USD, if all of it were bought as {pack} ({per_thousand} for 1,000 credits)"
    cents = price_simulation.in_cents(found.more, pack)
    return [[words(said), Cell(f"{'−' if cents < 0 else '+' if cents else ''}{dollars(abs(cents))}", is_figure=True)]]


def _plans(found: Simulation) -> Table:
    return Table(
        title="By plan",
        columns=["Plan now", "Customers", "Credits then", "Credits now", "Difference", "Would have run out"],
        rows=[
            [
                words(row.plan),
                figure(row.wallets),
                credits_cell(row.cost_then),
                credits_cell(row.cost_now),
                credits_cell(row.cost_now - row.cost_then, signed=True),
                figure(row.run_out),
            ]
            for row in found.plans
        ],
        empty="Nobody who pays with credits used it.",
    )


def _short(found: Simulation, wallets: dict[int, Wallet]) -> Table:
    return Table(
        title="Who would have run out",
        columns=["Wallet", "Credits missing at the lowest"],
        rows=[
            [link(name_of(wallets[row.wallet_id]), wallets[row.wallet_id]), credits_cell(row.missing)]
            for row in found.shortest
        ],
        empty="Nobody.",
    )


def _increases(found: Simulation, wallets: dict[int, Wallet]) -> Table:
    return Table(
        title="The biggest increases",
        columns=["Wallet", "Uses", "Credits then", "Credits now", "Difference"],
        rows=[
            [
                link(name_of(wallets[row.wallet_id]), wallets[row.wallet_id]),
                figure(row.uses),
                credits_cell(row.cost_then),
                credits_cell(row.cost_now),
                credits_cell(row.cost_now - row.cost_then, signed=True),
            ]
            for row in found.increases
        ],
        empty="Nobody pays more.",
    )
