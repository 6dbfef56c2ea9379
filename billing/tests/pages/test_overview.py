"""Settings → Billing: where the credits are, and how long they last."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give, planless_wallet
from billing.tests.test_forecast import live

OVERVIEW = "/settings/billing/"


def test_it_splits_the_balance_by_source_and_expiry(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 1_000_000, now=now)
    give(alice.wallet, 5_000_000, now=now)
    give(alice.wallet, 50_500, now=now, source="promotional", expires_at=now + timedelta(days=5))
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Your balance 6,150.5 credits" in page
    assert (
        "Promotional credits expire on 15 Mar 2025 50.5"
        " Monthly credits expire at the reset on 10 Apr 2025 100"
        " Bought credits never expire 6,000" in page
    )


def test_it_shows_what_this_cycle_took(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 30, now=now)
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Used this cycle 30 of 100" in page
    assert "Resets on 10 Apr 2025, 00:00, in 30 days." in page
    assert "GPT-4o Mini 1 30 100.0 %" in page


def test_more_than_the_monthly_credits_comes_from_others(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 500_000, now=now)
    charge(alice, 130, now=now)
    assert "Used this cycle 130 credits" in words(browser_of_alice.get(OVERVIEW))
    assert "More than your 100 monthly credits: the rest came from your other credits." in words(
        browser_of_alice.get(OVERVIEW)
    )


def test_credits_at_work_are_held_not_spent(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.hold(wallet=alice.wallet, feature="dall-e-3-standard", quantity=1, key="h", now=now)
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Your balance 60 credits" in page
    assert "Held set aside for work in progress, not part of the balance; what it doesn’t use comes back 40" in page
    assert "Set aside for DALL-E 3 Standard" in page


def test_the_first_days_give_no_false_date(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 40, now=clock())
    clock.moves(days=6)
    assert "Not enough data yet to say when credits run out: that takes seven days of use." in words(
        browser_of_alice.get(OVERVIEW)
    )


def test_it_says_when_credits_run_out_and_how_that_is_known(
    browser_of_alice: Client, alice: User, clock: Clock
) -> None:
    charge(alice, 14, now=clock())
    charge(alice, 21, now=clock.moves(days=3))
    clock.moves(days=4)
    sentence = "They run out about 30 Mar, in 13 days, at your 7-day pace of 5 credits a day."
    assert sentence in words(browser_of_alice.get(OVERVIEW))


def test_a_slow_pace_lasts_until_the_reset(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 7, now=clock())
    clock.moves(days=7)
    assert "They last until the reset at your 7-day pace of 1 credit a day." in words(browser_of_alice.get(OVERVIEW))


def test_a_quiet_week_has_no_pace(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 7, now=clock())
    clock.moves(days=9)
    assert "Nothing was used in the last seven days" in words(browser_of_alice.get(OVERVIEW))


def test_it_shows_the_plan(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Free plan Active Price $0 a month Monthly credits 100 Resets 10 Apr 2025 Chatbots 1 Support Basic" in page


def test_an_unlimited_wallet_counts_without_deducting(browser_of_alice: Client, alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    charge(alice, 130, now=now)
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Your balance Unlimited" in page
    assert "usage is recorded and priced, nothing is deducted" in page
    assert "Used this cycle 130 credits" in page
    assert "worth 130 credits" in page


def test_no_plan_is_said(browser_of_alice: Client, alice: User, now: datetime) -> None:
    planless = planless_wallet(at=now)
    Wallet.objects.filter(owner=alice).update(owner=None)
    Wallet.objects.filter(pk=planless.pk).update(owner=alice)
    assert "This wallet is on no plan" in words(browser_of_alice.get(OVERVIEW))


def test_nothing_used_is_a_kind_word(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Nothing used yet. Your 100 credits are there to be tried; here is how it goes." in page


def test_a_new_cycle_without_use_points_back(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 7, now=clock())
    clock.moves(days=35)
    browser_of_alice.force_login(alice)
    assert "Nothing was used in this cycle" in words(browser_of_alice.get(OVERVIEW))


@pytest.mark.parametrize(
    ("credits_a_day", "bought", "sentence"),
    [
        (
            [4] * 7 + [2] * 14 + [3] * 7,
            0,
            (
                "They run out about 17 Mar, in 7 days, at your 7-day pace of 3 credits a day."
                " Your fastest and slowest weeks of the last four would make it 15 to 21 Mar."
            ),
        ),
        (
            [4] * 7 + [0] * 7 + [3] * 7,
            0,
            (
                "They run out about 27 Mar, in 17 days, at your 7-day pace of 3 credits a day."
                " Your fastest and slowest weeks of the last 21 days would make it 22 Mar,"
                " or let them last until the reset."
            ),
        ),
        (
            [3] * 28,
            0,
            (
                "at your 7-day pace of 3 credits a day. Your fastest and slowest weeks of the last four"
                " lead to the same day."
            ),
        ),
        (
            [1] * 7 + [2] * 14 + [1] * 7,
            30,
            (
                "They last until the reset at your 7-day pace of 1 credit a day, and would at the pace of your fastest"
                " week of the last four."
            ),
        ),
        (
            [1] * 14 + [9] * 7 + [1] * 7,
            150,
            (
                "until the reset at your 7-day pace of 1 credit a day. At the pace of your fastest week of the"
                " last four they would run out about"
            ),
        ),
        ([3] * 14 + [0] * 7, 0, "no pace to go by. At the pace of your fastest week of the last 21 days they would"),
    ],
)
def test_it_says_how_sure_the_forecast_is(
    browser_of_alice: Client, alice: User, now: datetime, credits_a_day: list[int], bought: int, sentence: str
) -> None:
    if bought:
        give(alice.wallet, bought * 1_000, now=now)
    live(alice, credits_a_day, until=now)
    page = browser_of_alice.get(OVERVIEW)
    assert sentence in words(page)
    assert "Credits used on each of the last 30 days: most on" in page.content.decode()


def test_times_are_alices(browser_of_alice: Client, alice: User, now: datetime) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    charge(alice, 30, now=now)
    page = words(browser_of_alice.get(OVERVIEW))
    assert "Resets on 10 Apr 2025, 09:00" in page
    assert "10 Mar, 18:30" in page


@pytest.mark.parametrize("page", [OVERVIEW, "/"])
def test_htmx_gets_the_figures_alone(browser_of_alice: Client, page: str) -> None:
    part = browser_of_alice.get(page, **HTMX).content.decode()
    assert "Your balance" in part
    assert "<html" not in part
    whole = browser_of_alice.get(page, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()


def test_it_asks_little(
    browser_of_alice: Client, alice: User, now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        charge(alice, 3, now=now, key=str(number))
    browser_of_alice.get(OVERVIEW)
    with django_assert_max_num_queries(8):
        browser_of_alice.get(OVERVIEW)
