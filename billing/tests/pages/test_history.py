"""Every entry of the ledger, newest first, a page at a time."""

import re
from datetime import datetime, timedelta

import pytest
from django.db.models import Sum
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.selectors.history import PAGE_SIZE
from billing.services import chatbots
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give
from billing.units import format_credits

HISTORY = "/settings/billing/history/"


def sequences(page: HttpResponse) -> list[int]:
    """Return the numbers of the entries that a page lists, in its order."""
    return [
        int(number) for number in re.findall(r'row-link" href="/settings/billing/history/(\d+)/', page.content.decode())
    ]


def link(page: HttpResponse, name: str) -> str | None:
    """Return where the page's Older or Newer link leads."""
    found = re.search(rf'id="{name}" [^>]*?href="([^"]+)"', page.content.decode())
    return found[1].replace("&amp;", "&") if found else None


@pytest.fixture
def chatty(alice: User, now: datetime) -> User:
    """Alice has 100 entries: her allowance and 99 charges."""
    items = [metering.Charge(feature="gpt-4o-mini", quantity=1_000 + number, key=str(number)) for number in range(99)]
    give(alice.wallet, 1_000_000, now=now)
    metering.charge_many(wallet=alice.wallet, charges=items[:98], now=now)
    alice.wallet.refresh_from_db()
    return alice


def test_it_lists_what_happened_with_the_running_balance(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="1", now=clock())
    hold = metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=2_000, key="2", now=clock.moves(minutes=1))
    metering.capture(wallet=alice.wallet, hold=hold, quantity=1_000, now=clock.moves(minutes=1))
    page = words(browser_of_alice.get(HISTORY))
    assert (
        "O1 Preview (receipt 4) 1,000 tokens 10 Mar 2025 09:32 +15 15 used of 30 set aside 72.735"
        " Set aside for O1 Preview (receipt 3) up to 2,000 tokens 10 Mar 2025 09:31 −30 57.735"
        " GPT-4o (receipt 2) 2,453 tokens 10 Mar 2025 09:30 −12.265 87.735"
        " Monthly credits (receipt 1) 10 Mar 2025 09:30 +100 100" in page
    )
    assert "4 entries" in page


def test_work_without_limit_says_what_it_was_worth(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    hold = metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=2_000, key="1", now=clock())
    metering.capture(wallet=alice.wallet, hold=hold, quantity=1_000, now=clock.moves(minutes=1))
    page = words(browser_of_alice.get(HISTORY))
    assert "1,000 tokens 10 Mar 2025 09:31 0 worth 15 credits 100" in page
    assert "of 0 set aside" not in page


def test_it_turns_pages_back_and_forth(browser_of_alice: Client, chatty: User) -> None:
    first = browser_of_alice.get(HISTORY)
    assert sequences(first) == list(range(100, 60, -1))
    assert link(first, "newer") is None
    second = browser_of_alice.get(link(first, "older"))
    assert sequences(second) == list(range(60, 20, -1))
    third = browser_of_alice.get(link(second, "older"))
    assert sequences(third) == list(range(20, 0, -1))
    assert link(third, "older") is None
    assert sequences(browser_of_alice.get(link(third, "newer"))) == list(range(60, 20, -1))
    assert sequences(browser_of_alice.get(link(second, "newer"))) == sequences(first)


def test_a_page_stays_the_same_while_charges_go_on(browser_of_alice: Client, chatty: User, clock: Clock) -> None:
    older = link(browser_of_alice.get(HISTORY), "older")
    before = sequences(browser_of_alice.get(older))
    charge(chatty, 1, now=clock.moves(minutes=1))
    assert sequences(browser_of_alice.get(older)) == before


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "added"}, [1]),
        ({"kind": "usage"}, [6, 3, 2]),
        ({"kind": "set-aside"}, [5, 4]),
        ({"feature": "gpt-4o"}, [2]),
        ({"kind": "usage", "feature": "web-search"}, [6]),
        ({"kind": "expired"}, []),
        ({"cycle": "1"}, [6, 5, 4, 3, 2, 1]),
        ({"model": "gpt-4o"}, [2]),
        ({"source": "app"}, [6, 5, 4, 3, 2]),
        ({"source": "app", "kind": "usage", "span": "7d"}, [6, 3, 2]),
        ({"from": "2025-03-09", "to": "2025-03-09"}, []),
    ],
)
def test_it_filters(
    browser_of_alice: Client, alice: User, now: datetime, filters: dict[str, str], expected: list[int]
) -> None:
    wallet = alice.wallet
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=1_000, key="1", now=now)
    metering.charge(wallet=wallet, feature="analytics", quantity=1, key="2", now=now)
    hold = metering.hold(wallet=wallet, feature="web-search", quantity=1, key="3", now=now)
    metering.release(wallet=wallet, hold=hold, now=now)
    metering.charge(wallet=wallet, feature="web-search", quantity=1, key="4", now=now)
    page = browser_of_alice.get(HISTORY, filters)
    assert sequences(page) == expected
    assert ("No entries match" in words(page)) == (not expected)


def test_filters_stay_while_pages_turn(browser_of_alice: Client, chatty: User) -> None:
    page = browser_of_alice.get(HISTORY, {"kind": "usage", "feature": "gpt-4o-mini"})
    older = link(page, "older")
    assert older == f"{HISTORY}?kind=usage&feature=gpt-4o-mini&before=61"
    assert len(sequences(browser_of_alice.get(older))) == PAGE_SIZE


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("kind=gifts", "kind “gifts”"),
        ("feature=gpt-9", "feature “gpt-9”"),
        ("cycle=x&before=-1", "cycle “x”, before “-1”"),
        ("cycle=2", "cycle “2”"),
        ("model=chatbot-message", "model “chatbot-message”"),
        ("source=chatbot:7", "source “chatbot:7”"),
        ("span=forever", "span “forever”"),
        ("from=2025-03-09&to=2025-03-01", "from “2025-03-09”, to “2025-03-01”"),
        ("from=0000-01-01", "from “0000-01-01”"),
        (f"source={'x' * 10_000}", f"source “{'x' * 40}”"),
        ("after=1e9", "after “1e9”"),
        ("before=99999999999999999999999", "before “99999999999999999999999”"),
        ("kind=%00&feature='; drop table", "feature “'; drop table”"),
    ],
)
def test_nonsense_is_left_out_and_told(browser_of_alice: Client, alice: User, query: str, told: str) -> None:
    answer = browser_of_alice.get(f"{HISTORY}?{query}")
    assert answer.status_code == 200
    assert "Part of this address makes no sense and was left out:" in words(answer)
    assert told in words(answer)
    assert sequences(answer) == [1]


def test_numbers_beyond_the_books_find_nothing(browser_of_alice: Client, alice: User) -> None:
    assert sequences(browser_of_alice.get(HISTORY, {"before": str(2**63 - 1)})) == [1]
    assert sequences(browser_of_alice.get(HISTORY, {"after": str(2**63 - 1)})) == [1]
    assert "Nothing older Your history begins after this." in words(browser_of_alice.get(HISTORY, {"before": "1"}))


def test_alice_sees_nothing_of_bob(browser_of_alice: Client, bob: User, now: datetime) -> None:
    charge(bob, 33, now=now)
    page = words(browser_of_alice.get(HISTORY))
    assert "1 entry" in page
    assert "67" not in page


def test_the_zone_is_alices(browser_of_alice: Client, alice: User, now: datetime) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    assert "10 Mar 2025 18:30 +100" in words(browser_of_alice.get(HISTORY))


def test_what_ends_is_listed_as_of_when_it_was_due(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    clock.moves(days=32)
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get(HISTORY))
    assert "Monthly credits (receipt 3) 11 Apr 2025 09:30 +100 100 Monthly credits expired (receipt 2)" in page


def test_htmx_gets_the_list_alone(browser_of_alice: Client, alice: User) -> None:
    part = browser_of_alice.get(HISTORY, **HTMX).content.decode()
    assert "Ledger entries" in part
    assert "<html" not in part


def test_every_page_costs_the_same(
    browser_of_alice: Client, chatty: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser_of_alice.get(HISTORY)
    for query in ({}, {"before": "61"}, {"before": "21", "kind": "usage"}):
        with django_assert_max_num_queries(6):
            browser_of_alice.get(HISTORY, query)


def test_filters_cost_little_more(
    browser_of_alice: Client, varied: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser_of_alice.get(HISTORY)
    for most, query in (
        (8, {"kind": "added"}),
        (9, {"span": "30d"}),
        (9, {"kind": "usage", "feature": "gpt-4o", "source": "app", "span": "30d", "before": "9"}),
        (9, {"kind": "usage", "source": "app", "cycle": "1"}),
        (10, {"model": "gpt-4o", "span": "12m", "before": "9"}),
    ):
        with django_assert_max_num_queries(most):
            browser_of_alice.get(HISTORY, query)


@pytest.fixture
def varied(alice: User, clock: Clock) -> User:
    """Alice chats, lets a chatbot answer and a workflow run, and imports what she used last week."""
    wallet, now = alice.wallet, clock()
    bot = chatbots.create(wallet_id=wallet.pk, name="Helper", model="gpt-4o", now=now)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=1_000, key="2", now=now)
    metering.charge(
        wallet=wallet,
        feature="chatbot-message",
        priced_as="gpt-4o",
        quantity=200,
        source=bot.source,
        key="3",
        now=clock.moves(days=1),
    )
    nodes = [metering.Node(feature="gpt-4o", quantity=400), metering.Node(feature="web-search", quantity=1)]
    metering.charge_workflow(wallet=wallet, workflow="digest", nodes=nodes, key="4", now=clock.moves(days=1))
    metering.charge(
        wallet=wallet,
        feature="gpt-4o",
        quantity=600,
        key="5",
        source="api_key:1",
        occurred_at=now - timedelta(days=7),
        now=clock.moves(days=1),
    )
    wallet.refresh_from_db()
    return alice


def test_a_model_finds_chats_chatbots_and_runs_that_used_it(browser_of_alice: Client, varied: User) -> None:
    answer = browser_of_alice.get(HISTORY, {"model": "gpt-4o"})
    assert sequences(answer) == [5, 4, 3, 2]
    page = words(answer)
    assert "Model: GPT-4o – take this filter away" in page
    assert "3 uses 9 credits used 2 more in workflow runs" in page
    assert "Workflow Execution (receipt 4) Workflow digest · 2 of it for GPT-4o" in page
    assert "Chatbot Message (receipt 3) 200 tokens · GPT-4o · Helper" in page


def test_a_day_has_what_was_used_on_it_whenever_it_was_told(browser_of_alice: Client, varied: User) -> None:
    answer = browser_of_alice.get(HISTORY, {"from": "2025-03-03", "to": "2025-03-03"})
    assert sequences(answer) == [5]
    page = words(answer)
    assert "GPT-4o (receipt 5) 600 tokens · API key 1 · used on 3 Mar 2025 13 Mar 2025" in page
    assert "1 use 3 credits used" in page
    assert sequences(browser_of_alice.get(HISTORY, {"span": "7d", "kind": "usage"})) == [4, 3, 2]
    assert sequences(browser_of_alice.get(HISTORY, {"cycle": "1"})) == [5, 4, 3, 2, 1]


def test_what_is_listed_comes_to_what_the_usage_page_says(browser_of_alice: Client, varied: User) -> None:
    """For every feature and source: the row of the usage page, and the entries that it leads to."""
    rows = varied.wallet.daily_usage
    for name in ("feature_id", "source"):
        for key, cost, uses in rows.values_list(name).annotate(Sum("cost"), Sum("uses")):
            query = {"kind": "usage", name.removesuffix("_id"): key, "from": "2025-01-01", "to": "2025-12-31"}
            answer = browser_of_alice.get(HISTORY, query)
            entries = varied.wallet.entries.filter(sequence__in=sequences(answer))
            assert (sum(entry.cost for entry in entries), len(entries)) == (cost, uses)
            assert f"{uses} use{'' if uses == 1 else 's'} {format_credits(cost)} credit" in words(answer)


def test_filters_that_are_on_can_be_taken_away_one_by_one(browser_of_alice: Client, varied: User) -> None:
    answer = browser_of_alice.get(HISTORY, {"kind": "usage", "feature": "gpt-4o", "span": "30d"})
    page = answer.content.decode().replace("&amp;", "&")
    assert "Kind: Usage – take this filter away Feature: GPT-4o – take this filter away" in words(answer)
    assert "Days: Last 30 days, 12 Feb – 13 Mar 2025 – take this filter away Clear" in words(answer)
    assert f'id="without-kind" class="filter-chip" href="{HISTORY}?feature=gpt-4o&span=30d"' in page
    assert f'id="without-feature" class="filter-chip" href="{HISTORY}?kind=usage&span=30d"' in page
    assert f'id="without-days" class="filter-chip" href="{HISTORY}?kind=usage&feature=gpt-4o"' in page


def test_days_of_one_s_own_choice_stay_while_filters_change(browser_of_alice: Client, varied: User) -> None:
    answer = browser_of_alice.get(HISTORY, {"from": "2025-03-01", "to": "2025-03-11", "feature": "gpt-4o"})
    page = answer.content.decode()
    assert "Days: 1–11 Mar 2025" in words(answer)
    for hidden in ("span", "from", "to", "feature"):
        assert f'<input type="hidden" name="{hidden}"' in page


def test_sources_are_called_by_their_names_and_are_the_wallet_s_own(
    browser_of_alice: Client, varied: User, bob: User, clock: Clock
) -> None:
    metering.charge(wallet=bob.wallet, feature="gpt-4o", quantity=1, key="1", source="api_key:77", now=clock())
    page = words(browser_of_alice.get(HISTORY))
    assert "All sources In the app API key 1 Helper Workflow digest" in page
    assert "77" not in page


def test_a_source_with_an_unusual_name_is_found(browser_of_alice: Client, alice: User, now: datetime) -> None:
    source = "workflow:a&b=\"<é>' 100 %"
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="1", source=source, now=now)
    answer = browser_of_alice.get(HISTORY, {"source": source})
    assert sequences(answer) == [2]
    assert "Source: Workflow a&b=" in words(answer)


def test_the_second_cycle_has_a_last_one(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    assert "Last cycle" not in words(browser_of_alice.get(HISTORY))
    clock.moves(days=32)
    browser_of_alice.force_login(alice)
    answer = browser_of_alice.get(HISTORY, {"span": "last-cycle"})
    assert sequences(answer) == [2, 1]
    assert "Days: Last cycle, 10 Mar – 9 Apr 2025" in words(answer)
    assert "2 entries" in words(answer)


def test_going_back_in_the_browser_gets_the_whole_page(browser_of_alice: Client, alice: User) -> None:
    restored = browser_of_alice.get(HISTORY, **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true").content.decode()
    assert "<html" in restored
