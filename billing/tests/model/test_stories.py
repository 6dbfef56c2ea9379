"""Short lives told step by step: the ledger and the tiny model agree on each, and on what the story says."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.tests.model.pair import Pair

pytestmark = pytest.mark.django_db(transaction=True)

TICK = timedelta(microseconds=1)


@pytest.fixture
def pair(now: datetime) -> Pair:
    return Pair("alice", at=now)


def test_plans_can_change_more_than_once_at_one_moment(pair: Pair) -> None:
    """The moment of posting stands still while a machine's clock is behind the one that posted last."""
    pair.do("begin_contract", allowance=20_000)
    pair.do("return_to_free")
    pair.do("begin_contract", allowance=20_000)

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.cycle) == (20_000, 4)


def test_a_batch_at_the_reset_is_paid_by_the_new_cycle(pair: Pair) -> None:
    pair.wait_for_next_due()
    pair.do("charge_many", charges=[{"key": "search", "feature": "web-search", "quantity": 1}])

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.cycle) == (95_000, 2)


def test_a_hold_at_the_reset_is_paid_by_the_new_cycle(pair: Pair) -> None:
    pair.do("charge", key="image", feature="dall-e-3-standard", quantity=2)
    pair.wait_for_next_due(plus=-TICK)
    pair.do("hold", key="before", feature="stable-diffusion", quantity=1)
    pair.wait_for_next_due()
    pair.do("hold", key="after", feature="stable-diffusion", quantity=1)

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.held, pair.wallet.cycle) == (90_000, 20_000, 2)


def test_a_capture_at_the_reset_settles_first(pair: Pair) -> None:
    """What the hold kept of last month's credits pays; what it would return to them is gone."""
    pair.wait_for_next_due(plus=timedelta(minutes=-1))
    pair.do("hold", key="image", feature="stable-diffusion", quantity=2)
    pair.wait_for_next_due()
    pair.do("capture", hold="image", quantity=1)

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.held, pair.wallet.cycle) == (100_000, 0, 2)


def test_a_hold_that_nobody_settles_ends_by_itself(pair: Pair) -> None:
    pair.do("hold", key="image", feature="flux-pro", quantity=5, lasts=timedelta(minutes=10))
    pair.wait_for_next_due()
    pair.do("charge", key="other", feature="flux-pro", quantity=5)

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.held, pair.wallet.holds.get().status) == (0, 0, "expired")


def test_a_hold_returns_to_its_own_grant_when_another_came_before_it(pair: Pair) -> None:
    pair.do("hold", key="image", feature="flux-pro", quantity=2)
    pair.do("give", name="promotion", source="promotional", amount=9_000, ends=pair.now + timedelta(days=2))
    pair.do("capture", hold="image", quantity=1)

    pair.compare_all()
    assert (pair.wallet.head_left, pair.wallet.available) == (9_000, 89_000)


def test_a_hold_from_before_the_contract_is_paid_when_it_costs_more(pair: Pair) -> None:
    """Its own credits pay first, then a pack; unlimited is what was opened since."""
    pair.do("give", name="pack", source="purchase", amount=15_000)
    pair.do("hold", key="before", feature="flux-pro", quantity=2)
    pair.do("begin_contract", allowance=None)
    pair.do("hold", key="since", feature="flux-pro", quantity=2)
    pair.do("capture", hold="before", quantity=3)
    pair.do("capture", hold="since", quantity=3)

    pair.compare_all()
    captures = pair.wallet.entries.filter(kind="capture").order_by("sequence")
    assert list(captures.values_list("cost", "uncovered")) == [(60_000, 5_000), (60_000, 0)]
    assert (pair.wallet.available, pair.wallet.held) == (0, 0)


def test_a_clock_that_is_a_little_behind_posts_at_the_last_moment(pair: Pair) -> None:
    """On the quick way, on the plain way, and for a hold, whose time begins then."""
    pair.wait(hours=1)
    pair.do("charge", key="first", feature="web-search", quantity=1)
    behind = timedelta(minutes=4, seconds=59)
    pair.do("charge", key="quick", feature="web-search", quantity=1, behind=behind)
    pair.do("workflow", key="plain", name="report", nodes=[("web-search", 1)], behind=behind)
    pair.do("hold", key="hold", feature="web-search", quantity=1, behind=behind)
    pair.do("charge", key="too far", feature="web-search", quantity=1, behind=timedelta(minutes=5, seconds=1))

    pair.compare_all()
    assert set(pair.wallet.entries.exclude(kind="grant").values_list("posted_at", flat=True)) == {pair.now}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_usage_counts_on_the_owner_s_own_day(zone: str) -> None:
    """On the quick way, on the plain way, as a batch and as a capture."""
    pair = Pair("kiri", at=datetime(2025, 3, 31, 12, 30, tzinfo=UTC), zone=zone)
    for hours in (0, 5, 18):
        pair.wait(hours=hours)
        pair.do("settle")
        pair.do("charge", key=f"charge {hours}", feature="gpt-4o-mini", quantity=10)
        pair.do("charge_many", charges=[{"key": f"item {hours}", "feature": "gpt-4o-mini", "quantity": 20}])
        pair.do("workflow", key=f"run {hours}", name="report", nodes=[("gpt-4o-mini", 40)])
        pair.do("hold", key=f"hold {hours}", feature="gpt-4o-mini", quantity=80)
        pair.do("capture", hold=f"hold {hours}", quantity=80)
        pair.do("charge", key=f"import {hours}", feature="gpt-4o-mini", quantity=160, occurred_at=pair.now)

    pair.compare_all()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_day_that_begins_on_the_plain_way_is_the_owner_s_own(zone: str) -> None:
    pair = Pair("kiri", at=datetime(2025, 3, 31, 12, 30, tzinfo=UTC), zone=zone)
    pair.wait(hours=23)
    pair.do("workflow", key="run", name="report", nodes=[("gpt-4o-mini", 40)])

    pair.compare_all()


def test_a_change_of_time_zone_affects_later_days_only(pair: Pair) -> None:
    """Flying west across midnight can't take the books back to a day that they have left."""
    pair.do("move_to", zone="Pacific/Auckland")
    pair.wait(hours=12)
    pair.do("charge", key="at home", feature="web-search", quantity=1)
    pair.do("move_to", zone="America/Los_Angeles")
    pair.do("charge", key="arrived", feature="web-search", quantity=1)
    pair.wait(days=2)
    pair.do("charge", key="settled in", feature="web-search", quantity=1)

    pair.compare_all()
    days = pair.wallet.entries.filter(kind="charge").order_by("sequence").values_list("posted_on", flat=True)
    assert [day.isoformat() for day in days] == ["2025-03-11", "2025-03-11", "2025-03-12"]
