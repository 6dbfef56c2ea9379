"""A simulation told to people: a table for each of them, the figures, the verdict."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from billing.models import Purchase, Refund, Wallet
from billing.services import proof
from billing.units import CREDIT, format_credits
from sandbox.simulation import Simulation
from sandbox.simulation.life import Life
from sandbox.simulation.office import dollars
from sandbox.simulation.statement import Month, statement

FIGURES = ("opening", "granted", "used", "expired", "taken back", "closing")


def tell(simulation: Simulation, console: Console) -> None:
    """Print everybody's months."""
    tales = {person.name: person.tale for person in simulation.plan.cast}
    for life in simulation.lives:
        for wallet in Wallet.objects.filter(pk__in=life.wallet_ids).order_by("pk"):
            console.print(_table(life, tales.get(life.name, "staff, on Free"), statement(life, wallet)))
            console.print()


def figures(simulation: Simulation) -> list[tuple[str, str]]:
    """Return what was lived through, as names and figures."""
    found = proof.figures()
    post, plan = simulation.machine.post, simulation.plan
    paid = sum({row.stripe_payment_intent_id: row.cents for row in Purchase.objects.all()}.values())
    returned = sum(Refund.objects.filter(status__in=Refund.RETURNED).values_list("cents", flat=True))
    lines = [(name, f"{number:,}") for name, number in found.counts.items()]
    lines += [(name, f"{format_credits(amount)} credits") for name, amount in found.amounts.items()]
    lines += [("paid", dollars(paid)), ("refunded", dollars(returned))]
    webhooks = f"{post['webhooks']:,}, {post['sent twice']:,} of them twice and {post['hours late']:,} late"
    lines += [("webhooks", webhooks), ("mails", f"{simulation.machine.mailed:,}")]
    beats = f"{simulation.beat.runs:,} runs, {plan.beats} in {plan.step.total_seconds() / 3_600:g} hours"
    lines.append(("beat", beats))
    lines += [
        ("beat is down", f"{outage.starts_at:%Y-%m-%d %H:%M} to {outage.ends_at:%Y-%m-%d %H:%M} UTC")
        for outage in simulation.outages
    ]
    return lines


def _table(life: Life, tale: str, months: Sequence[Month]) -> Table:
    table = Table(title=f"{life.name} · {tale} · {life.zone}", title_justify="left", box=None, pad_edge=False)
    table.add_column("month")
    for name in FIGURES:
        table.add_column(name, justify="right")
    table.add_column("plan")
    table.add_column("what happened", overflow="fold")
    for month in months:
        amounts = (month.opening, month.granted, month.used, month.expired, month.taken_back, month.closing)
        table.add_row(month.name, *(_rounded(amount) for amount in amounts), month.plan, _events(month))
    return table


def _rounded(amount: int) -> str:
    """Return an amount in whole credits, as wide tables want it; the figures below are exact."""
    return f"{amount / CREDIT:,.1f}" if amount else "·"


def _events(month: Month) -> str:
    unbilled = [f"{_rounded(month.unbilled)} used beside the credits"] if month.unbilled else []
    return "; ".join([*month.events, *unbilled])
