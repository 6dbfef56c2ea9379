"""Usage by feature: the sum of the entries, whichever way one looks at it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Chatbot, LedgerEntry
from billing.selectors import charts
from billing.services import chatbots
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give, sign_up
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
        "Workflow Execution What it was priced as GPT-4o 2,000 tokens 10 Web Search 2 searches 10"
        " 1 1 run 2,000 tokens, 2 searches 20 " in page
    )
    assert "Chatbot Message What it was priced as Helper · GPT-4o 1,000 tokens 5 1 1,000 tokens 5 " in page


def test_totals_equal_the_entries(browser_of_alice: Client, busy: User) -> None:
    entries = LedgerEntry.objects.filter(wallet=busy.wallet, cost__gt=0).aggregate(cost=Sum("cost"))["cost"]
    page = words(browser_of_alice.get(USAGE))
    assert f"Credits used {format_credits(entries)} Uses 9 " in page
    assert f"Total 9 {format_credits(entries)} " in page


def test_each_row_opens_its_entries(browser_of_alice: Client, busy: User) -> None:
    page = unescape(browser_of_alice.get(USAGE).content.decode())
    assert 'href="/settings/billing/history/?kind=usage&cycle=1&feature=dall-e-3-hd"' in page
    by_source = unescape(browser_of_alice.get(USAGE, {"span": "7d", "by": "source"}).content.decode())
    days = "span=custom&from=2025-03-04&to=2025-03-10"
    assert f'href="/settings/billing/history/?kind=usage&{days}&source=workflow%3Adigest"' in by_source


def test_last_cycle_is_one_click_away(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 30, now=clock())
    charge(alice, 4, now=clock.moves(days=40))
    browser_of_alice.force_login(alice)
    page = browser_of_alice.get(USAGE)
    assert "This cycle, 10 Apr – 9 May 2025" in words(page)
    assert "Credits used 4 " in words(page)
    assert 'href="/settings/billing/usage/?span=last-cycle"' in page.content.decode()
    for address in ({"span": "last-cycle"}, {"cycle": "1"}):
        last = words(browser_of_alice.get(USAGE, address))
        assert "Last cycle, 10 Mar – 9 Apr 2025" in last
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


def test_it_is_told_apart_by_model_and_by_source(browser_of_alice: Client, busy: User) -> None:
    by_model = words(browser_of_alice.get(USAGE, {"by": "model"}))
    assert "GPT-4o What used it GPT-4o 2,453 tokens 12.265 Chatbot Message · Helper 1,000 tokens 5 2 3,453" in by_model
    assert "Workflow Execution What used it GPT-4o 2,000 tokens 10 Web Search 2 searches 10 1 1 run" in by_model
    by_source = words(browser_of_alice.get(USAGE, {"by": "source"}))
    assert "Helper What it used Chatbot Message · GPT-4o 1,000 tokens 5 1 1,000 tokens 5 1.3 %" in by_source
    assert "Workflow digest What it used Workflow Execution · GPT-4o 2,000 tokens 10" in by_source
    assert "In the app What it used DALL-E 3 HD 2 images 160" in by_source
    for page in (by_model, by_source):
        assert "Total 9 382.614" in page


def test_filters_narrow_everything(browser_of_alice: Client, busy: User) -> None:
    page = browser_of_alice.get(USAGE, {"model": "gpt-4o"})
    assert "Credits used 17.265 Uses 2 " in words(page)
    assert "Total 2 17.265" in words(page)
    assert '<option value="gpt-4o" selected>' in page.content.decode()
    assert "Credits used 5 " in words(browser_of_alice.get(USAGE, {"model": "gpt-4o", "feature": "chatbot-message"}))
    assert "Credits used 20 " in words(browser_of_alice.get(USAGE, {"source": "workflow:digest"}))
    assert "Credits used 20 " in words(browser_of_alice.get(USAGE, {"model": "workflow-execution"}))
    none = browser_of_alice.get(USAGE, {"feature": "gpt-4o", "source": "nobody"})
    assert "Nothing here matches" in words(none)
    assert '<option value="nobody" selected>nobody</option>' in none.content.decode()


def test_the_choices_are_what_was_used(browser_of_alice: Client, busy: User) -> None:
    page = browser_of_alice.get(USAGE, {"source": "app"}).content.decode()
    options = re.findall(r'<option value="([^"]+)"', page)
    assert "workflow:digest" in options
    assert "dall-e-3-hd" in options
    assert "dall-e-3-standard" not in options


def test_the_top_six_have_colours_and_the_rest_is_other(browser_of_alice: Client, busy: User) -> None:
    page = words(browser_of_alice.get(USAGE))
    legend = "DALL-E 3 HD Video Generation Workflow Execution O1 Preview GPT-4o GPT-4o Mini Other"
    assert legend in page
    table = "Credits 10 Mar 2025 160 158.334 20 15.015 12.265 7 10 382.614"
    assert table in page


def test_a_span_is_compared_with_the_one_before(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    give(alice.wallet, 1_000_000, now=clock())
    charge(alice, 40, now=clock())
    use = {"wallet": alice.wallet, "quantity": 1, "now": clock()}
    metering.charge(feature="dall-e-3-standard", key="gone", **use)
    clock.moves(days=7)
    charge(alice, 50, now=clock())
    metering.charge(feature="web-search", key="new", **(use | {"now": clock()}))
    page = words(browser_of_alice.get(USAGE, {"span": "7d"}))
    assert "Against 4–10 Mar 2025 −31 % 80 credits then; you joined on 10 Mar 2025" in page
    assert "GPT-4o Mini 1 50,000 tokens 50 +25 % 90.9 %" in page
    assert "Web Search 1 1 search 5 new 9.0 %" in page
    assert "DALL-E 3 Standard 0 0 gone 0 %" in page
    assert "Total 2 55 −31 %" in page


def test_without_anything_before_there_is_no_trend(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 5, now=now)
    assert "This is your first cycle: there is none to compare with." in words(browser_of_alice.get(USAGE))
    week = words(browser_of_alice.get(USAGE, {"span": "7d"}))
    assert "Against 25 Feb – 3 Mar 2025 Nothing was used then, so there is nothing to compare with." in week
    assert "Trend" not in week
    assert "There are no days before these" in words(browser_of_alice.get(USAGE, {"from": "2000-01-01"}))


def test_it_draws_days_weeks_and_months(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    give(alice.wallet, 1_000_000, now=clock())
    for days in (0, 3, 4, 20):
        charge(alice, 10, now=clock.moves(days=days))
    browser_of_alice.force_login(alice)
    days = {"from": "2025-03-01", "to": "2025-04-30"}
    weeks = words(browser_of_alice.get(USAGE, days))
    assert "Week GPT-4o Mini Credits 10–16 Mar 2025 20 20 17–23 Mar 2025 10 10 31 Mar – 6 Apr 2025 10 10" in weeks
    months = words(browser_of_alice.get(USAGE, days | {"per": "month"}))
    assert "Month GPT-4o Mini Credits March 2025 30 30 April 2025 10 10" in months
    single = words(browser_of_alice.get(USAGE, days | {"per": "day"}))
    assert "Day GPT-4o Mini Credits 10 Mar 2025 10 10 13 Mar 2025 10 10 17 Mar 2025 10 10 6 Apr 2025 10 10" in single


def test_too_many_columns_are_left_out_and_told(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 5, now=now)
    page = browser_of_alice.get(USAGE, {"span": "12m", "per": "day"})
    assert "left out: per “day”, which would be 365 columns." in words(page)
    assert "Credits used a week" in words(page)


def test_a_thousand_years_cost_nothing(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 5, now=clock())
    charge(alice, 5, now=clock.moves(days=3))
    page = browser_of_alice.get(USAGE, {"from": "2000-01-01", "to": "2999-12-31"})
    assert "Credits used 10 " in words(page)
    assert "Day GPT-4o Mini Credits 10 Mar 2025 5 5 13 Mar 2025 5 5" in words(page)
    assert page.content.decode().count('<g class="column">') == 2 * 4
    empty = browser_of_alice.get(USAGE, {"from": "2000-01-01", "to": "2020-12-31"})
    assert "Nothing was used in these days" in words(empty)


def test_this_cycle_is_shown_beside_the_last(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 10, now=clock())
    charge(alice, 20, now=clock.moves(days=20))
    charge(alice, 18, now=clock.moves(days=13))
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get(USAGE))
    assert "8 credits more than on the same day of the last cycle, which took 30 credits in all." in page
    assert "Today is day 3 of 30." in page
    assert "Against 10–12 Mar 2025 +80 % 10 credits then" in page
    assert "1 0 10 2 0 10 3 18 10 4 10 5 10" in page
    assert "against the last" not in words(browser_of_alice.get(USAGE, {"span": "7d"}))


def test_thousands_of_sources_are_listed_to_a_hundred(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 10_000_000, now=now)
    uses = [
        metering.Charge(feature="gpt-4o-mini", quantity=1_000 + number, key=str(number), source=f"api_key:{number}")
        for number in range(130)
    ]
    metering.charge_many(wallet=alice.wallet, charges=uses, now=now)
    page = browser_of_alice.get(USAGE, {"by": "source"})
    assert "API key 129 What it used GPT-4o Mini 1,129 tokens 1.129 1 1,129 tokens 1.129 0.8 %" in words(page)
    assert "30 further sources 30 30.435 Total 130 138.385" in words(page)
    assert "API key 29 " not in words(page)


def test_days_are_those_of_the_owner(db: None, clock: Clock) -> None:
    """A quarter to eight in the evening in UTC is half past one on the next day in Kathmandu."""
    kiran = sign_up("kiran", at=clock(), time_zone="Asia/Kathmandu")
    charge(kiran, 5, now=clock.moves(hours=9))
    charge(kiran, 7, now=clock.moves(hours=1))
    browser = browser_of(kiran)
    assert "Day GPT-4o Mini Credits 11 Mar 2025 12 12" in words(browser.get(USAGE, {"span": "7d"}))


@pytest.mark.parametrize(
    ("zone", "long_day"),
    [("America/New_York", datetime(2025, 11, 2, tzinfo=UTC)), ("Europe/Berlin", datetime(2025, 10, 26, tzinfo=UTC))],
)
def test_a_day_of_twenty_five_hours_is_one_day(db: None, clock: Clock, zone: str, long_day: datetime) -> None:
    clock.now = datetime(2025, 10, 20, tzinfo=UTC)
    person = sign_up("dora", at=clock(), time_zone=zone)
    begins = long_day.replace(tzinfo=ZoneInfo(zone))
    for hours in (0, 12, 24):
        charge(person, 1, now=begins.astimezone(UTC) + timedelta(hours=hours), key=str(hours))
    clock.now = begins.astimezone(UTC) + timedelta(hours=24, minutes=30)
    page = words(browser_of(person).get(USAGE, {"span": "7d"}))
    assert f"Credits {long_day.day} {long_day:%b} 2025 3 3" in page


def test_another_s_chatbot_is_not_named(browser_of_bob: Client, busy: User) -> None:
    helper = Chatbot.objects.get(wallet=busy.wallet)
    page = words(browser_of_bob.get(USAGE, {"source": helper.source}))
    assert f"Former chatbot {helper.pk}" in page
    assert "Helper" not in page
    assert "Nothing here matches" in page


@pytest.mark.parametrize(
    "address",
    [
        "span=fortnight&by=colour&per=second&feature=gpt-17&model=x&source=a%00b",
        "from=2025-03-09&to=2025-03-01",
        "from=0000-00-00&to=9999-99-99",
        "span=custom",
        f"source={'x' * 10_000}",
        f"feature={'y' * 10_000}",
        "per=year",
        "cycle=1&cycle=2",
        "span=last-cycle",
    ],
)
def test_what_makes_no_sense_is_left_out(browser_of_alice: Client, busy: User, address: str) -> None:
    answer = browser_of_alice.get(f"{USAGE}?{address}")
    assert answer.status_code == 200
    assert "Part of this address makes no sense and was left out" in words(answer)
    assert "Credits used 382.614" in words(answer)


def test_a_source_may_be_written_in_any_script(browser_of_alice: Client, alice: User, now: datetime) -> None:
    source = "workflow:תקציר 👨‍👩‍👧 <b>&\u202e"
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="k", source=source, now=now)
    page = browser_of_alice.get(USAGE, {"source": source, "by": "source"})
    assert "Credits used 5 " in words(page)
    assert "<b>" not in page.content.decode()


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
    assert "Chatbot Message What it was priced as Former chatbot 999 · GPT-4o 1,000 tokens 5" in words(
        browser_of_alice.get(USAGE)
    )


def test_nothing_used_is_a_kind_word(browser_of_alice: Client) -> None:
    assert "Nothing used yet" in words(browser_of_alice.get(USAGE))


def test_htmx_gets_the_part_alone(browser_of_alice: Client, busy: User) -> None:
    part = browser_of_alice.get(USAGE, **HTMX).content.decode()
    assert "By feature" in part
    assert "<html" not in part


def test_htmx_is_told_the_address_in_few_words(browser_of_alice: Client, busy: User) -> None:
    answer = browser_of_alice.get(USAGE, {"span": "cycle", "by": "feature", "feature": "", "source": "app"}, **HTMX)
    assert answer["HX-Push-Url"] == f"{USAGE}?source=app"


def test_it_asks_as_little_for_much_as_for_little(
    browser_of_alice: Client, busy: User, clock: Clock, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        charge(busy, 1, now=clock.moves(hours=7), key=str(number))
    charge(busy, 1, now=clock.moves(days=31))
    charge(busy, 1, now=clock.moves(days=31))
    browser_of_alice.force_login(busy)
    browser_of_alice.get(USAGE)
    for address in (
        {},
        {"span": "last-cycle"},
        {"cycle": "1"},
        {"span": "12m", "by": "source"},
        {"from": "2000-01-01"},
    ):
        with django_assert_max_num_queries(8):
            assert browser_of_alice.get(USAGE, address).status_code == 200


def test_a_chart_ends_at_a_round_number_above_its_highest_day() -> None:
    assert [charts.round_up(amount) for amount in (0, 7, 10, 11, 84_000, 100_000, 100_001)] == [
        10, 10, 10, 20, 100_000, 100_000, 200_000,
    ]  # fmt: skip
