"""Which plan covers an amount of credits, alone or with packs. Pure: amounts in millicredits, money in cents."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.models import Pack, Plan


@dataclass(frozen=True, slots=True)
class Way:
    """A month on a plan, and the packs that what it doesn't include would take; `cents` is the sum of both."""

    plan: Plan
    packs: tuple[tuple[Pack, int], ...]
    cents: int

    @property
    def fits(self) -> bool:
        """Whether the plan's own credits are enough."""
        return not self.packs


def ways(amount: int, *, plans: Sequence[Plan], packs: Sequence[Pack]) -> list[Way]:
    """Return how each plan with a price would cover `amount`, the cheapest first.

    Plans by contract are left out, and those that no pack can make large enough.
    """
    found = []
    for plan in plans:
        if plan.price_cents is None:
            continue
        missing = 0 if plan.allowance is None else max(amount - plan.allowance, 0)
        bought = cheapest_packs(missing, packs)
        if bought is not None:
            found.append(Way(plan, bought, plan.price_cents + _cents(bought)))
    return sorted(found, key=lambda way: way.cents)


def cheapest_packs(amount: int, packs: Sequence[Pack]) -> tuple[tuple[Pack, int], ...] | None:
    """Return which packs hold `amount` for the least money, at most two kinds; None if there are no packs."""
    if amount <= 0:
        return ()
    best: tuple[tuple[Pack, int], ...] | None = None
    for large in packs:
        for small in packs:
            whole, rest = divmod(amount, large.amount)
            filling = -(-rest // small.amount)
            if large is small:
                whole, filling = whole + filling, 0
            wanted = tuple((pack, number) for pack, number in ((large, whole), (small, filling)) if number)
            if best is None or _cents(wanted) < _cents(best):
                best = wanted
    return best


def _cents(bought: tuple[tuple[Pack, int], ...]) -> int:
    return sum(pack.price_cents * number for pack, number in bought)
