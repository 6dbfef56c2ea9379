"""The page of insights: everything for Pro, a real taste for Free, and kind words where there is nothing to save."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Plan
from billing.services import subscriptions
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import begin_paid_cycle, give

INSIGHTS = "/settings/billing/insights/"


@pytest.fixture
def busy(alice: User, clock: Clock) -> User:
    """Alice, on Free with a pack, has done all that the four tips are about."""
    give(alice.wallet, 2_000_000, now=clock.now)
    chat(alice, 300, 100, clock.now)
    for _ in range(3):
        chat(alice, 2_000, 1_200, clock.moves(seconds=40))
    metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=clock.moves(minutes=5))
    return alice


def chat(user: User, prompt: int, answer: int, now: datetime, *, model: str = "gpt-4o") -> None:
    metering.charge(
        wallet=user.wallet,
        feature=model,
        quantity=prompt + answer,
        key=f"chat at {now}",
        detail={"input_tokens": prompt, "output_tokens": answer},
        now=now,
    )


def go_pro(user: User, now: datetime) -> None:
    begin_paid_cycle(
        wallet_id=user.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key="pro",
        now=now,
    )


def test_pro_sees_every_tip_with_what_it_would_have_saved(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    go_pro(busy, clock.now)
    page = words(browser_of_alice.get(INSIGHTS))
    assert "9 Feb – 10 Mar 2025, from 5 uses." in page
    assert "You made 2 images with DALL-E 3 HD, for 160 credits. DALL-E 3 Standard would have saved 80 credits" in page
    assert "1 of your 4 GPT-4o messages was under 500 tokens; GPT-4o Mini would have saved 1.6 credits." in page
    assert (
        "4 of your 4 messages came in a run of three or more to the same model, each less than two minutes after the"
        " one before. Every one pays its prompt again, so asking together would have saved up to 4.5 credits,"
        " 900 tokens." in page
    )
    assert (
        "3 of your 4 answers were longer than 1,000 tokens; that limit would have saved 3 credits, 600 tokens." in page
    )
    assert "Your own limit is 4,096 tokens." in page
    assert "What cost most at once" in page
    assert "Busiest on Mondays from 9:00 to 10:00." in page
    assert "Compare plans" not in page
    tips = ["Use standard quality", "Batch similar", "Set max token limits", "Use smaller models"]
    assert sorted(tips, key=page.index) == tips


def test_the_cycles_pace_and_the_calculator_are_everybodys(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    page = words(browser_of_alice.get(INSIGHTS))
    assert "This cycle’s pace Day 1 of 31. See it day by day Used so far 210 Against the last cycle" in page
    assert "The last cycle had used nothing by this day." in page
    assert "Your average GPT-4o message has 2,500 tokens, and you send 0.1 a day." in page
    assert "What would it cost?" in page


def test_the_calculator_begins_with_the_readers_own_month(browser_of_alice: Client, busy: User) -> None:
    page = browser_of_alice.get(INSIGHTS).content.decode()
    for name, value in (("chats", "4"), ("tokens", "2500"), ("images", "2")):
        assert f'name="{name}" value="{value}"' in page
    for code in ("gpt-4o", "dall-e-3-hd"):
        assert f'value="{code}" checked' in page
    assert "4 chats of 2,500 tokens" in words(browser_of_alice.get(INSIGHTS))
    asked = words(browser_of_alice.get(INSIGHTS, {"chats": "9", "tokens": "77", "below": "250"}))
    assert "9 chats of 77 tokens" in asked
    assert "2 images" not in asked.partition("What would it cost?")[2]


def test_sources_are_listed_where_there_are_several(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    go_pro(busy, clock.now)
    assert "Where it was used" not in words(browser_of_alice.get(INSIGHTS))
    metering.charge(
        wallet=busy.wallet,
        feature="web-search",
        quantity=1,
        key="search",
        source="api_key:7",
        now=clock.moves(minutes=1),
    )
    page = browser_of_alice.get(INSIGHTS)
    assert "API key 7 1 5 2.3 % new" in words(page)
    assert 'href="/settings/billing/history/?source=api_key%3A7&amp;span=30d"' in page.content.decode()


def test_free_has_the_strongest_tip_and_is_told_what_the_others_look_at(browser_of_alice: Client, busy: User) -> None:
    page = words(browser_of_alice.get(INSIGHTS))
    assert "DALL-E 3 Standard would have saved 80 credits" in page
    assert "With Pro you see Batch similar operations together Looks at messages sent shortly after each other" in page
    assert "Advanced analytics are part of Pro: $29 a month, with 5,000 credits." in page
    assert "asking together would have saved" not in page
    assert "GPT-4o Mini would have saved" not in page
    assert "What cost most at once" not in page
    assert "Busiest" not in page


def test_what_would_save_nothing_is_told_on_free_too(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    chat(alice, 3_000, 20, clock.now)
    page = words(browser_of_alice.get(INSIGHTS))
    assert page.count("You already do this") == 3
    assert "Of 1 message, none would have been cheaper" in page
    assert "You made no images in these days." in page
    assert "There is something to save here." not in page


def test_who_has_used_nothing_is_told_what_will_be_here(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(INSIGHTS))
    assert "Nothing was used in the last 30 days" in page
    assert "You already do this" not in page


def test_a_contract_without_limit_reads_what_usage_is_worth(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    subscriptions.begin_contract(wallet_id=busy.wallet.pk, allowance=None, now=clock.now)
    chat(busy, 400, 50, clock.moves(minutes=9))
    page = words(browser_of_alice.get(INSIGHTS))
    assert "Your contract has no limit, so this is what usage is worth." in page
    assert "2 of your 5 GPT-4o messages were under 500 tokens; GPT-4o Mini would have saved 3.4 credits." in page


def test_each_tip_leads_to_the_entries_behind_it(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    go_pro(busy, clock.now)
    page = browser_of_alice.get(INSIGHTS).content.decode()
    history = "/settings/billing/history/"
    for address in (
        f"{history}?feature=dall-e-3-hd&amp;span=30d",
        f"{history}?model=gpt-4o&amp;span=30d",
        f"{history}?model=gpt-4o&amp;source=app&amp;span=custom&amp;from=2025-03-10&amp;to=2025-03-10",
        f"{history}4/",
    ):
        assert f'href="{address}"' in page
        assert browser_of_alice.get(address.replace("&amp;", "&")).status_code == 200


def test_the_readers_own_numbers_stand_in_the_address(browser_of_alice: Client, busy: User, clock: Clock) -> None:
    go_pro(busy, clock.now)
    whole = browser_of_alice.get(INSIGHTS, {"below": "250", "limit": "500"})
    part = browser_of_alice.get(INSIGHTS, {"below": "250", "limit": "500"}, **HTMX)
    for page in (words(whole), words(part)):
        assert "Of 4 messages, none would have been cheaper" in page
        assert "that limit would have saved 10.5 credits, 2,100 tokens." in page
    assert "?below=1000&amp;limit=500" in part.content.decode()
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "below=0",
        "below=501",
        "limit=-1",
        "limit=1e3",
        "below=٥٠٠",
        "limit=" + "9" * 10_000,
        "below=%00",
        "limit=500'--",
    ],
)
def test_what_makes_no_sense_is_left_out_and_told(browser_of_alice: Client, busy: User, query: str) -> None:
    response = browser_of_alice.get(f"{INSIGHTS}?{query}")
    assert response.status_code == 200
    assert "Part of this address makes no sense and was left out" in words(response)


def test_a_plan_that_is_nowhere_to_be_had_hides_nothing(browser_of_alice: Client, busy: User) -> None:
    Plan.objects.exclude(code="free").update(has_advanced_analytics=False)
    page = words(browser_of_alice.get(INSIGHTS))
    assert "asking together would have saved" in page
    assert "Compare plans" not in page


def test_it_asks_as_often_for_many_uses_as_for_few(
    browser_of_alice: Client, busy: User, clock: Clock, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    go_pro(busy, clock.now)
    for _ in range(30):
        chat(busy, 100, 100, clock.moves(seconds=20), model="o1-preview")
    with django_assert_max_num_queries(20):
        browser_of_alice.get(INSIGHTS)
