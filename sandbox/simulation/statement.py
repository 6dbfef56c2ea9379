"""A wallet month by month: what was there, what came, what went, what is there. Amounts are millicredits."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from billing.models import LedgerEntry, Message, Notice, Wallet
from sandbox.simulation.life import Life

Kind = LedgerEntry.Kind
USES = (Kind.CHARGE, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE)


@dataclass(slots=True)
class Month:
    """One calendar month in UTC, by when things were due. All figures but `opening` are what the month changed.

    What is set aside counts as there until it is spent. `unbilled` is what was used beside the credits: on an
    unlimited contract, or beyond what was left.
    """

    name: str
    opening: int = 0
    granted: int = 0
    used: int = 0
    expired: int = 0
    taken_back: int = 0
    unbilled: int = 0
    plan: str = ""
    events: list[str] = field(default_factory=list)

    @property
    def closing(self) -> int:
        """What is there at its end."""
        return self.opening + self.granted - self.used - self.expired - self.taken_back


def statement(life: Life, wallet: Wallet) -> list[Month]:
    """Return the months of a wallet from its sign-up until now, without gaps."""
    months = [Month(name) for name in _names(wallet.entries.earliest("sequence").effective_at, life.machine.now())]
    by_name = {month.name: month for month in months}
    for entry in wallet.entries.order_by("sequence"):
        _count(by_name[_name(entry.effective_at)], entry)
    for earlier, month in pairwise(months):
        month.opening = earlier.closing
    _tell_plans(wallet, months)
    _tell_events(life, wallet, by_name)
    return months


def _count(month: Month, entry: LedgerEntry) -> None:
    change = entry.available_change + entry.held_change
    if entry.kind in USES:
        month.used -= change
        month.unbilled += entry.cost + change
    elif entry.kind == Kind.EXPIRY:
        month.expired -= change
    elif entry.kind == Kind.CLAWBACK or change < 0:
        month.taken_back -= change
    else:
        month.granted += change


def _tell_plans(wallet: Wallet, months: list[Month]) -> None:
    """Say which plan each month ended on."""
    plan = "free"
    changes = defaultdict(list)
    for message in wallet.messages.filter(kind__in=[Message.Kind.PLAN_STARTED, Message.Kind.PLAN_ENDED]).order_by("pk"):
        is_end = message.kind == Message.Kind.PLAN_ENDED
        changes[_name(message.raised_at)].append("free" if is_end else str(message.facts["plan"]))
    for month in months:
        plan = changes[month.name][-1] if changes[month.name] else plan
        month.plan = plan


def _tell_events(life: Life, wallet: Wallet, months: dict[str, Month]) -> None:
    told = [(at, text) for at, text in life.diary if _wallet_at(life, at) == wallet.pk]
    levels = dict(Notice.Level.choices)
    told += [(notice.raised_at, f"told: {levels[notice.level].lower()}") for notice in wallet.notices.order_by("pk")]
    told += [(message.raised_at, "payment failed") for message in wallet.messages.filter(kind="payment_failed")]
    for at, text in sorted(told):
        months[_name(at)].events.append(text)
    if wallet.pk == life.wallet_ids[-1]:
        for name, times in life.refused.items():
            if name in months:
                months[name].events.append(f"{times} × refused")


def _wallet_at(life: Life, at: datetime) -> int:
    """Return the wallet that the person had at a moment."""
    signed_up = [moment for moment, text in life.diary if text.startswith("signs up")]
    number = sum(moment <= at for moment in signed_up)
    return life.wallet_ids[max(number - 1, 0)]


def _names(first: datetime, last: datetime) -> list[str]:
    found = []
    year, month = first.astimezone(UTC).year, first.astimezone(UTC).month
    while (year, month) <= (last.year, last.month):
        found.append(f"{year}-{month:02}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _name(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m}"
