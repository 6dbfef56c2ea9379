"""Usage by feature: the sum of the entries, whichever way one looks at it."""

from datetime import datetime

import pytest
from django.db.models import Sum
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Chatbot, LedgerEntry
from billing.selectors import charts
from billing.selectors import usage as usages
from billing.services import chatbots
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give
from billing.units import format_credits

USAGE = "/settings/billing/usage/"


@pytest.fixture
def busy(alice: User, now: datetime) -> User:
    """Alice has bought credits and used a bit of everything."""
    wallet = alice.wallet
    give(wallet, 2_000_000, now=now)
    helper = chatbots.create(wallet_id=wallet.pk, name="Helper", model="gpt-4o", now=now)
    charge(alice, 7, now=now)
    for number, (feature, quantity) in enumerate(
        [("gpt-4o", 2_453), ("video-generation", 95), ("analytics", 1), ("dall-e-3-hd", 2), ("web-search", 1)]
    ):
        metering.charge(wallet=wallet, feature=feature, quantity=quantity, key=f"use {number}", now=now)
    metering.charge(
        wallet=wallet,
        feature="chatbot-message",
        priced_as="gpt-4o",
        quantity=1_000,
        source=helper.source,
        key="bot",
        now=now,
    )
    nodes = [
        metering.Node(name="Find", feature="web-search", quantity=2),
        metering.Node(name="Sort"),
        metering.Node(name="Write", feature="gpt-4o", quantity=2_000),
    ]
    metering.charge_workflow(wallet=wallet, workflow="digest", nodes=nodes, key="run", now=now)
    hold = metering.hold(wallet=wallet, feature="o1-preview", quantity=2_000, key="hold", now=now)
    metering.capture(wallet=wallet, hold=hold, quantity=1_001, now=now)
    return alice


def test_each_feature_has_its_uses_quantity_credits_and_share(browser_of_alice: Client, busy: User) -> None:
    page = words(browser_of_alice.get(USAGE))
    assert "DALL-E 3 HD 2 images" not in page
    assert "DALL-E 3 HD 1 2 images 160 41.8 %" in page
    assert "Video Generation 1 1 min 35 s 158.334 41.3 %" in page
    assert "GPT-4o 1 2,453 tokens 12.265 3.2 %" in page
    assert "Analytics 1 1 report 0 0 %" in page
    assert "Total 9 382.614" in page


def test_workflows_and_chatbots_show_what_they_were_priced_as(browser_of_alice: Client, busy: User) -> None:
    page = words(browser_of_alice.get(USAGE))
    assert (
        "Workflow Execution What it was priced as Web Search 2 searches 10 GPT-4o 2,000 tokens 10"
        " 1 1 run 2 searches, 2,000 tokens 20 " in page
    )
    assert "Chatbot Message What it was priced as Helper · GPT-4o 1,000 tokens 5 1 1,000 tokens 5 " in page


def test_totals_equal_the_entries(browser_of_alice: Client, busy: User) -> None:
    report = usages.of_cycle(busy.wallet, 1)
    entries = LedgerEntry.objects.filter(wallet=busy.wallet, cost__gt=0).aggregate(cost=Sum("cost"))["cost"]
    assert report.cost == entries == sum(row.cost for row in report.rows)
    days = usages.days_of_cycle(busy.wallet, report, 6)
    assert sum(day.cost for day in days) == entries
    assert f"Credits used {format_credits(entries)}" in words(browser_of_alice.get(USAGE))


def test_each_row_opens_its_entries(browser_of_alice: Client, busy: User) -> None:
    assert (
        'href="/settings/billing/history/?feature=dall-e-3-hd&amp;cycle=1"'
        in browser_of_alice.get(USAGE).content.decode()
    )


def test_last_cycle_is_one_click_away(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 30, now=clock())
    charge(alice, 4, now=clock.moves(days=40))
    browser_of_alice.force_login(alice)
    assert "This cycle, 10 Apr 2025 to 10 May 2025" in words(browser_of_alice.get(USAGE))
    assert "Credits used 4 " in words(browser_of_alice.get(USAGE))
    last = words(browser_of_alice.get(USAGE, {"cycle": "1"}))
    assert "Last cycle, 10 Mar 2025 to 10 Apr 2025" in last
    assert "Credits used 30 " in last


def test_usage_of_long_ago_is_told_apart(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 5, now=now)
    metering.charge(
        wallet=alice.wallet,
        feature="gpt-4o",
        quantity=2_000,
        key="old",
        occurred_at=now.replace(year=2023),
        now=now,
    )
    page = words(browser_of_alice.get(USAGE))
    assert "Total 2 15" in page
    assert "10 credits of this cycle count on days outside it" in page


@pytest.mark.parametrize("cycle", ["2", "0", "-1", "x", "9" * 40, "1.5", "١", "1\x00"])
def test_a_cycle_that_makes_no_sense_is_told(browser_of_alice: Client, alice: User, cycle: str) -> None:
    answer = browser_of_alice.get(USAGE, {"cycle": cycle})
    assert answer.status_code == 200
    assert "Part of this address makes no sense and was left out: cycle" in words(answer)


def test_a_chatbot_that_is_gone_still_counts(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(
        wallet=alice.wallet,
        feature="chatbot-message",
        priced_as="gpt-4o",
        quantity=1_000,
        source="chatbot:999",
        key="b",
        now=now,
    )
    assert not Chatbot.objects.exists()
    assert "Chatbot Message What it was priced as GPT-4o 1,000 tokens 5" in words(browser_of_alice.get(USAGE))


def test_nothing_used_is_a_kind_word(browser_of_alice: Client) -> None:
    assert "Nothing was used in this cycle" in words(browser_of_alice.get(USAGE))


def test_htmx_gets_the_part_alone(browser_of_alice: Client, busy: User) -> None:
    part = browser_of_alice.get(USAGE, **HTMX).content.decode()
    assert "By feature" in part
    assert "<html" not in part


def test_it_asks_as_little_for_much_as_for_little(
    browser_of_alice: Client, busy: User, clock: Clock, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        charge(busy, 1, now=clock.moves(hours=7), key=str(number))
    browser_of_alice.get(USAGE)
    with django_assert_max_num_queries(6):
        browser_of_alice.get(USAGE)


def test_a_chart_ends_at_a_round_number_above_its_highest_day() -> None:
    assert [charts.round_up(amount) for amount in (0, 7, 10, 11, 84_000, 100_000, 100_001)] == [
        10, 10, 10, 20, 100_000, 100_000, 200_000,
    ]  # fmt: skip
