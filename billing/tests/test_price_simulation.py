"""A price's simulation says what the same charges would have cost, and who would have run out."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from billing import metering
from billing.models import FeaturePrice, LedgerEntry, Pack, Wallet
from billing.selectors import price_simulation
from billing.selectors.price_simulation import PlanShare, Short, simulate
from billing.services import subscriptions
from billing.tests.lives import Life, Step, steps, undone
from billing.tests.people import give
from billing.units import cost_of

pytestmark = pytest.mark.django_db
LATER = timedelta(days=1)


def price(feature: str, millicredits: int, per: int, now: datetime) -> FeaturePrice:
    return FeaturePrice(feature_id=feature, millicredits=millicredits, per=per, starts_at=now + 2 * LATER)


def uses_of(entry: LedgerEntry, feature: str) -> Iterator[tuple[int, int]]:
    """Yield the quantity and cost of each use of a feature in an entry."""
    if entry.feature_id == "workflow-execution":
        yield from ((line.quantity, line.cost) for line in entry.lines.filter(feature=feature))
    elif entry.priced_as_id == feature:
        yield entry.quantity, entry.cost


def naively(new: FeaturePrice, since: datetime) -> tuple[int, int, int, dict[int, int]]:
    """Return uses, what they cost and would have cost, and by how much who would have run out."""
    uses = then = now = 0
    short: dict[int, int] = {}
    for wallet in Wallet.objects.all():
        more: dict[int, int] = {}
        lowest, grows = 0, 0
        for entry in wallet.entries.filter(posted_at__gte=since).order_by("sequence"):
            moved = entry.available_change + entry.held_change < 0
            burns = moved or entry.uncovered > 0 or (entry.cost == 0 and not wallet.unlimited)
            if entry.kind in ("charge", "capture") and burns:
                for quantity, cost in uses_of(entry, new.feature_id):
                    new_cost = cost_of(quantity, millicredits=new.millicredits, per=new.per)
                    uses, then, now = uses + 1, then + cost, now + new_cost
                    more[entry.cycle] = more.get(entry.cycle, 0) + new_cost - cost
                    grows += new_cost - cost
            expired = -entry.available_change if entry.kind == "expiry" else 0
            more[entry.cycle] = max(0, more.get(entry.cycle, 0) - expired)
            lowest = min(lowest, entry.available_after - more.get(entry.cycle, 0))
        if lowest < 0 and grows > 0:
            short[wallet.pk] = -lowest
    return uses, then, now, short


@settings(max_examples=25)
@given(drawn=steps, other=steps, millicredits=st.integers(0, 40_000), per=st.sampled_from([1, 7, 1_000]))
def test_it_says_what_a_naive_count_of_random_books_says(
    alice: User, bob: User, now: datetime, drawn: list[Step], other: list[Step], millicredits: int, per: int
) -> None:
    with undone():
        Life(Wallet.objects.get(pk=alice.wallet.pk), now).run(drawn)
        Life(Wallet.objects.get(pk=bob.wallet.pk), now).run(other)
        end = max(Wallet.objects.values_list("last_posted_at", flat=True)) + timedelta(minutes=1)
        for feature in ("gpt-4o", "flux-pro"):
            new = price(feature, millicredits, per, end)
            found = simulate(new, now=end)
            short = {row.wallet_id: row.missing for row in found.shortest}
            assert (found.uses, found.cost_then, found.cost_now, short) == naively(new, end - price_simulation.SPAN)
            assert found.run_out == len(short)


def test_each_charge_is_rounded_up_and_chatbots_and_workflows_count(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=1, key="a", now=now)
    metering.charge(wallet=wallet, feature="chatbot-message", priced_as="gpt-4o", quantity=3, key="b", now=now)
    nodes = [
        metering.Node(name="x", feature="gpt-4o", quantity=2),
        metering.Node(name="y", feature="gpt-4o", quantity=4),
    ]
    metering.charge_workflow(wallet=wallet, workflow="w", key="c", nodes=nodes, now=now)
    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key="d", now=now)
    found = simulate(price("gpt-4o", 1, 10, now), now=now + LATER)
    assert (found.uses, found.wallets, found.affected) == (4, 1, 1)
    assert (found.cost_then, found.cost_now, found.more) == (5 + 15 + 10 + 20, 4, -46)
    assert found.plans == [PlanShare("Free", 1, 50, 4, 0)]


def test_who_would_have_run_out_is_found_also_where_something_else_takes_the_rest(
    alice: User, bob: User, now: datetime
) -> None:
    for user in (alice, bob):
        metering.charge(wallet=user.wallet, feature="web-search", quantity=5, key="a", now=now)
    metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=70_000, key="b", now=now)
    found = simulate(price("web-search", 7_000, 1, now), now=now + LATER)
    assert (found.run_out, found.shortest) == (1, [Short(alice.wallet.pk, 5_000)])
    give(alice.wallet, 9_000_000, now=now)
    assert simulate(price("web-search", 7_000, 1, now), now=now + LATER).run_out == 1
    assert simulate(price("web-search", 5_999, 1, now), now=now + LATER).run_out == 0


def test_a_new_cycle_begins_with_what_it_has(alice: User, now: datetime) -> None:
    """The difference of the cycle before is gone with the credits that expired."""
    for number, at in enumerate([now + timedelta(days=30), now + timedelta(days=32)]):
        metering.charge(wallet=alice.wallet, feature="web-search", quantity=10, key=str(number), now=at)
    assert alice.wallet.entries.latest("sequence").cycle == 2
    assert simulate(price("web-search", 10_000, 1, now), now=now + timedelta(days=40)).run_out == 0


def test_who_has_no_limit_is_counted_apart_and_older_charges_not_at_all(alice: User, bob: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=bob.wallet.pk, allowance=None, now=now)
    metering.charge(wallet=bob.wallet, feature="web-search", quantity=1_000, key="a", now=now)
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="a", now=now)
    found = simulate(price("web-search", 6_000, 1, now), now=now + timedelta(days=30))
    assert (found.uses, found.wallets, found.unlimited, found.run_out) == (1, 1, 1, 0)
    assert simulate(price("web-search", 6_000, 1, now), now=now + timedelta(days=30, seconds=1)).uses == 0


def test_credits_are_worth_what_the_best_pack_asks_for_them(now: datetime) -> None:
    best = price_simulation.best_pack()
    assert best is not None
    assert all(pack.price_cents * best.amount >= best.price_cents * pack.amount for pack in Pack.objects.all())
    assert price_simulation.in_cents(best.amount, best) == best.price_cents
    assert price_simulation.in_cents(-best.amount, best) == -best.price_cents
    Pack.objects.update(is_on_sale=False)
    assert price_simulation.best_pack() is None
