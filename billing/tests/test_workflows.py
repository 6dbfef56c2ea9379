"""A workflow run costs the sum of its nodes, all or nothing, as one entry that opens (decision 3)."""

from datetime import datetime

import pytest

from accounts.models import User
from billing import metering
from billing.errors import (
    InsufficientCredits,
    InvalidQuantity,
    InvalidRequest,
    KeyReused,
    MeteringError,
    UnknownFeature,
)
from billing.metering import Answer, Node
from billing.models import Wallet
from billing.tests.people import books, give, left

REPORT = [
    Node(name="look it up", feature="web-search", quantity=2),
    Node(name="is it good?"),
    Node(name="write it", feature="gpt-4o", quantity=4_001),
    Node(name="write it shorter", feature="gpt-4o", quantity=1_000),
]


def run(wallet: Wallet, nodes: list[Node], now: datetime, key: str = "run 1", workflow: str = "report") -> Answer:
    return metering.charge_workflow(wallet=wallet, workflow=workflow, nodes=nodes, key=key, now=now)


def test_a_run_costs_the_sum_of_its_nodes(alice: User, now: datetime) -> None:
    answer = run(alice.wallet, REPORT, now)
    assert (answer.sequence, answer.cost, answer.available) == (2, 35_005, 64_995)
    assert books(alice.wallet, after=1) == [("charge", -35_005, 0, 35_005)]


def test_its_entry_has_a_line_for_each_node_free_steps_too(alice: User, now: datetime) -> None:
    run(alice.wallet, REPORT, now)
    entry = alice.wallet.entries.get(sequence=2)
    assert (entry.feature_id, entry.quantity, entry.source) == ("workflow-execution", 1, "workflow:report")
    lines = entry.lines.values_list("position", "name", "feature_id", "quantity", "cost")
    assert list(lines) == [
        (1, "look it up", "web-search", 2, 10_000),
        (2, "is it good?", None, None, 0),
        (3, "write it", "gpt-4o", 4_001, 20_005),
        (4, "write it shorter", "gpt-4o", 1_000, 5_000),
    ]


def test_the_day_counts_one_run_and_what_its_nodes_used(alice: User, now: datetime) -> None:
    run(alice.wallet, REPORT, now)
    usage = alice.wallet.daily_usage.order_by("priced_as").values_list("priced_as", "quantity", "cost", "uses")
    assert list(usage) == [("gpt-4o", 5_001, 25_005, 0), ("web-search", 2, 10_000, 0), ("workflow-execution", 1, 0, 1)]
    assert set(alice.wallet.daily_usage.values_list("feature", "source")) == {("workflow-execution", "workflow:report")}


def test_a_run_that_the_wallet_can_not_pay_in_full_is_refused_as_a_whole(alice: User, now: datetime) -> None:
    nodes = [Node(feature="flux-pro", quantity=1), Node(feature="dall-e-3-hd", quantity=2)]
    with pytest.raises(InsufficientCredits) as refusal:
        run(alice.wallet, nodes, now)
    assert (refusal.value.needed, refusal.value.available) == (180_000, 100_000)
    assert len(books(alice.wallet)) == 1
    assert not alice.wallet.daily_usage.exists()


def test_a_node_that_is_unknown_refuses_the_whole_run(alice: User, now: datetime) -> None:
    with pytest.raises(UnknownFeature):
        run(alice.wallet, [*REPORT, Node(feature="gpt-17", quantity=1)], now)
    assert len(books(alice.wallet)) == 1


def test_a_run_of_free_steps_works_at_zero_balance(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100_000, key="all of it", now=now)
    answer = run(alice.wallet, [Node(name="one"), Node(feature="analytics", quantity=1)], now)
    assert (answer.cost, answer.available) == (0, 0)
    assert alice.wallet.entries.get(sequence=3).lines.count() == 2


def test_a_run_may_draw_on_two_grants(alice: User, now: datetime) -> None:
    pack = give(alice.wallet, 50_000, now=now)
    run(alice.wallet, [Node(feature="dall-e-3-hd", quantity=1), Node(feature="dall-e-3-standard", quantity=1)], now)
    assert left(pack) == 30_000


def test_the_same_run_under_the_same_key_is_charged_once(alice: User, now: datetime) -> None:
    first = run(alice.wallet, REPORT, now)
    again = run(alice.wallet, REPORT, now)
    assert (again.replayed, again.sequence, again.cost) == (True, first.sequence, first.cost)
    assert len(books(alice.wallet)) == 2


@pytest.mark.parametrize(
    "nodes",
    [
        REPORT[:3],
        [*REPORT, Node(name="done")],
        [REPORT[1], REPORT[0], *REPORT[2:]],
        [Node(name="renamed", feature="web-search", quantity=2), *REPORT[1:]],
        [Node(name="look it up", feature="web-search", quantity=3), *REPORT[1:]],
    ],
)
def test_another_run_under_the_same_key_is_refused(alice: User, now: datetime, nodes: list[Node]) -> None:
    run(alice.wallet, REPORT, now)
    with pytest.raises(KeyReused):
        run(alice.wallet, nodes, now)
    with pytest.raises(KeyReused):
        run(alice.wallet, REPORT, now, workflow="another")
    assert len(books(alice.wallet)) == 2


@pytest.mark.parametrize(
    ("nodes", "error"),
    [
        ([], InvalidRequest),
        ([Node(name="step")] * 501, InvalidRequest),
        ([Node(feature="gpt-4o")], InvalidQuantity),
        ([Node(quantity=3)], InvalidQuantity),
        ([Node(feature="gpt-4o", quantity=0)], InvalidQuantity),
        ([Node(feature="gpt-4o", quantity=-5)], InvalidQuantity),
        ([Node(feature="gpt-4o", quantity=1.5)], InvalidQuantity),
        ([Node(feature="gpt-4o", quantity=True)], InvalidQuantity),
        ([Node(feature="gpt-4o-mini", quantity=2**63 - 1)] * 2, InvalidQuantity),
        ([Node(feature="chatbot-message", quantity=1)], UnknownFeature),
        ([Node(feature="workflow-execution", quantity=1)], UnknownFeature),
        ([Node(name="a\x00b")], InvalidRequest),
        ([Node(name="a\nb")], InvalidRequest),
        ([Node(name="n" * 121)], InvalidRequest),
        ([Node(name=7)], InvalidRequest),
    ],
)
def test_a_run_that_is_none_is_refused(
    alice: User, now: datetime, nodes: list[Node], error: type[MeteringError]
) -> None:
    with pytest.raises(error):
        run(alice.wallet, nodes, now)
    assert len(books(alice.wallet)) == 1


def test_the_largest_run_is_charged(alice: User, now: datetime) -> None:
    answer = run(alice.wallet, [Node(name="n" * 120, feature="gpt-4o-mini", quantity=1)] * 500, now)
    assert (answer.cost, alice.wallet.entries.get(sequence=2).lines.count()) == (500, 500)


def test_on_an_unlimited_wallet_a_run_is_recorded_and_priced(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    answer = run(alice.wallet, [Node(feature="custom-training", quantity=90)], now)
    assert (answer.cost, answer.available) == (4_500_000, 100_000)
    assert books(alice.wallet, after=1) == [("charge", 0, 0, 4_500_000)]
