"""What has happened, in the app: newest first, new once, nobody else's."""

from datetime import datetime

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing.models import Message, Purchase
from billing.services import outbox
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give

NOTIFICATIONS = "/settings/billing/notifications/"
UNREAD = "/settings/billing/notifications/unread/"
RESET = "2025-04-10T00:00:00+00:00"


def tell(user: User, kind: str, now: datetime, **facts: object) -> None:
    """Tell somebody something once more."""
    outbox.tell(wallet=user.wallet, kind=Message.Kind(kind), key=f"{kind} {Message.objects.count()}", now=now, **facts)


def test_before_anything_happened(browser_of_alice: Client) -> None:
    assert "Nothing has happened yet" in words(browser_of_alice.get(NOTIFICATIONS))


def test_a_warning_is_new_once(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    assert words(browser_of_alice.get(UNREAD, **HTMX)) == "1 new"
    page = words(browser_of_alice.get(NOTIFICATIONS))
    assert "Credits are low: 15 credits left New Monthly credits come back with the reset" in page
    assert "10 Mar 2025, 09:30 Buy credits" in page
    assert words(browser_of_alice.get(UNREAD, **HTMX)) == ""
    assert "15 credits left New" not in words(browser_of_alice.get(NOTIFICATIONS))
    assert alice.wallet.messages.get().seen_at == now


def test_each_kind_in_a_line(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 1_000_000, now=now, key="pack", cents=10_00)
    tell(alice, "welcome", now)
    tell(alice, "low_credits", now, level=3, available=0, cycle=1)
    tell(alice, "cycle_reset", now, cycle=2, ended_cycle=1, allowance=100_000, ends_at=RESET)
    tell(alice, "credits_expire", now, cycle=1, left=40_500, ends_at=RESET)
    tell(alice, "pack_receipt", now, purchase=Purchase.objects.get().pk)
    tell(alice, "plan_started", now, plan="pro", price_cents=2900, allowance=5_000_000, ends_at=RESET)
    tell(alice, "plan_changed", now, plan="pro", change="cancelling", ends_at=RESET)
    tell(alice, "plan_changed", now, plan="pro", change="resumed", ends_at=RESET)
    tell(alice, "plan_ended", now, plan="pro", allowance=100_000, ends_at=RESET)
    tell(alice, "payment_failed", now, plan="pro", period_ends_at=RESET)
    page = words(browser_of_alice.get(NOTIFICATIONS))
    for line in (
        "Welcome to CleverAI New Your wallet is open.",
        "You are out of credits New",
        "Your 100 credits for this month are ready New The next reset is on 10 Apr 2025.",
        "40.5 monthly credits expire on 10 Apr 2025 New Monthly credits don’t roll over",
        "Receipt: 1,000 credits for $10 New $10 paid on 10 Mar 2025. They never expire.",
        "Pro has begun New This cycle goes on until 10 Apr 2025.",
        "Pro ends on 10 Apr 2025 New Until then everything stays as it is.",
        "Pro goes on New The next payment is due around 10 Apr 2025.",
        "Pro has ended New You are on Free now.",
        "Your payment for Pro failed New It is tried again by itself.",
    ):
        assert line in page
    assert page.index("Your payment for Pro failed") < page.index("Welcome to CleverAI"), "newest first"


def test_facts_that_name_nothing_still_make_a_line(browser_of_alice: Client, alice: User, now: datetime) -> None:
    tell(alice, "pack_receipt", now, purchase=123_456)
    tell(alice, "plan_ended", now, plan="platinum", allowance=None, ends_at=RESET)
    tell(alice, "plan_changed", now, change="cancelling")
    page = words(browser_of_alice.get(NOTIFICATIONS))
    assert "Receipt for your credits" in page
    assert "Platinum has ended" in page
    assert "ends on a day that isn’t known yet" in page


def test_older_ones_are_a_page_further_and_stay_new_until_then(
    browser_of_alice: Client, alice: User, clock: Clock
) -> None:
    for _ in range(25):
        tell(alice, "welcome", clock.moves(minutes=1))
    first = browser_of_alice.get(NOTIFICATIONS)
    assert words(first).count("Welcome to CleverAI New") == 20
    older = f"?before={first.context['page'].older}"
    assert older in first.content.decode()
    second = words(browser_of_alice.get(NOTIFICATIONS + older))
    assert second.count("Your wallet is open.") == 5
    assert "Newest" in second


def test_htmx_gets_the_list_alone(browser_of_alice: Client, alice: User, now: datetime) -> None:
    tell(alice, "welcome", now)
    part = browser_of_alice.get(NOTIFICATIONS, **HTMX).content.decode()
    assert "Your wallet is open." in part
    assert "<html" not in part
    restored = browser_of_alice.get(NOTIFICATIONS, **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true").content.decode()
    assert "<html" in restored


def test_nonsense_in_the_address_is_the_first_page(browser_of_alice: Client, alice: User, now: datetime) -> None:
    tell(alice, "welcome", now)
    for before in ("x", "-1", "0", "9" * 40, "١"):
        assert "Welcome to CleverAI" in words(browser_of_alice.get(NOTIFICATIONS, {"before": before}))


def test_beyond_the_oldest(browser_of_alice: Client, alice: User, now: datetime) -> None:
    tell(alice, "welcome", now)
    page = words(browser_of_alice.get(NOTIFICATIONS, {"before": Message.objects.get().pk}))
    assert "Nothing older" in page
    assert Message.objects.filter(seen_at=None).exists()


def test_bob_sees_none_of_it(alice: User, bob: User, now: datetime) -> None:
    tell(alice, "welcome", now)
    browser = browser_of(bob)
    assert "Nothing has happened yet" in words(browser.get(NOTIFICATIONS))
    assert words(browser.get(UNREAD, **HTMX)) == ""
    assert Message.objects.filter(seen_at=None).exists(), "Bob's visit isn't Alice's"


def test_a_full_page_costs_no_more_than_a_short_one(
    browser_of_alice: Client, alice: User, now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    give(alice.wallet, 1_000_000, now=now, key="pack", cents=10_00)
    for _ in range(20):
        tell(alice, "pack_receipt", now, purchase=Purchase.objects.get().pk)
        tell(alice, "plan_ended", now, plan="pro", allowance=100_000, ends_at=RESET)
    browser_of_alice.get(NOTIFICATIONS)
    with django_assert_max_num_queries(7):
        browser_of_alice.get(NOTIFICATIONS)
