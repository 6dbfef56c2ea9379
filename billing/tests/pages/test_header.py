"""The balance in the header of every page, and how it follows."""

import re
from datetime import datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.services import wallets
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import HTMX, shown, words
from billing.tests.people import give

POLL = "/settings/billing/balance/"


@pytest.mark.parametrize("page", ["/", "/settings/profile/", "/settings/billing/", "/settings/billing/history/"])
def test_every_page_shows_the_balance(browser_of_alice: Client, page: str) -> None:
    answer = words(browser_of_alice.get(page))
    assert "100 credits available. Open Billing." in answer
    assert "100 monthly, reset on 10 Apr" in answer


def test_nobody_else_sees_a_balance(client: Client, alice: User) -> None:
    assert "balance-chip" not in client.get("/").content.decode()


def test_the_card_tells_the_sources_apart(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 800_000, now=now)
    metering.hold(wallet=alice.wallet, feature="dall-e-3-standard", quantity=1, key="h", now=now)
    page = words(browser_of_alice.get("/"))
    assert "60 monthly, reset on 10 Apr 800 bought, never expire 40 held for work in progress" in page
    assert "860 credits available" in page


def test_the_poll_answers_nothing_while_the_chip_is_right(browser_of_alice: Client) -> None:
    answer = browser_of_alice.get(POLL, {"shown": shown(browser_of_alice.get("/"))}, **HTMX)
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_unchanged_poll_asks_only_who_it_is_and_for_the_wallet(browser_of_alice: Client) -> None:
    asked = shown(browser_of_alice.get("/"))
    with CaptureQueriesContext(connection) as queries:
        browser_of_alice.get(POLL, {"shown": asked}, **HTMX)
    tables = [re.findall(r'FROM "?(\w+)', query["sql"]) for query in queries.captured_queries]
    assert tables == [["accounts_user"], ["billing_wallet"]]


def test_the_poll_brings_the_new_balance(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    before = shown(browser_of_alice.get("/"))
    charge(alice, 12, now=clock.moves(minutes=1))
    answer = browser_of_alice.get(POLL, {"shown": before}, **HTMX)
    assert answer.status_code == 200
    assert "88 credits available" in words(answer)
    assert answer["HX-Trigger"] == "balance-moved"
    assert "banners" not in answer.content.decode()
    assert browser_of_alice.get(POLL, {"shown": shown(answer)}, **HTMX).status_code == 204


@pytest.mark.parametrize(
    ("spent", "state", "sentence"),
    [
        (80, "fine", "20 credits available. Open"),
        (81, "low", "19 credits available, low: below 20 % of your monthly credits."),
        (96, "very-low", "4 credits available, very low: below 5 % of your monthly credits."),
        (100, "out", "0 credits available: you are out of credits."),
    ],
)
def test_the_chip_says_how_low_it_is(
    browser_of_alice: Client, alice: User, now: datetime, spent: int, state: str, sentence: str
) -> None:
    charge(alice, spent, now=now)
    page = browser_of_alice.get("/")
    assert f'data-level="{state}"' in page.content.decode()
    assert sentence in words(page)


def test_an_unlimited_wallet_says_so(browser_of_alice: Client, alice: User) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    assert "Unlimited credits. Open Billing." in words(browser_of_alice.get("/"))


def test_a_suspended_wallet_says_so(browser_of_alice: Client, alice: User, now: datetime) -> None:
    before = shown(browser_of_alice.get("/"))
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A payment is disputed.", now=now)
    answer = words(browser_of_alice.get(POLL, {"shown": before}, **HTMX))
    assert "Suspended: this wallet can't be charged. 100 credits are kept." in answer
    assert "A payment is disputed." in answer


def test_a_warning_arrives_with_the_balance(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    before = shown(browser_of_alice.get("/"))
    charge(alice, 85, now=clock.moves(minutes=1))
    answer = browser_of_alice.get(POLL, {"shown": before}, **HTMX)
    assert 'hx-swap-oob="true"' in answer.content.decode()
    assert "Credits are low. 15 left" in words(answer)


def test_a_due_reset_is_settled_by_the_poll(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 30, now=clock())
    before = shown(browser_of_alice.get("/"))
    clock.moves(days=40)
    browser_of_alice.force_login(alice)
    answer = browser_of_alice.get(POLL, {"shown": before}, **HTMX)
    assert "100 credits available" in words(answer)
    assert "reset on 10 May" in words(answer)


def test_an_ended_session_never_brings_a_login_page(client: Client, alice: User) -> None:
    answer = client.get(POLL, {"shown": "1-0"}, **HTMX)
    assert (answer.status_code, answer.content, answer["HX-Trigger"]) == (204, b"", "signed-out")


def test_nonsense_in_the_poll_gets_the_whole_chip(browser_of_alice: Client) -> None:
    for nonsense in ["", "x", "1-0\x00", "9" * 999]:
        assert "100 credits available" in words(browser_of_alice.get(POLL, {"shown": nonsense}, **HTMX))


def test_a_login_without_a_wallet_gets_plain_words(db: None) -> None:
    (nora,) = get_user_model().objects.bulk_create([User(email="nora@example.com")])
    browser_of_alice = browser_of(nora)
    assert browser_of_alice.get(POLL, **HTMX).status_code == 204
    assert "You have no wallet yet" in words(browser_of_alice.get("/"))
    for page in ["", "usage/", "history/", "history/1/"]:
        answer = browser_of_alice.get(f"/settings/billing/{page}")
        assert answer.status_code == 404
        assert "You have no wallet yet" in words(answer)


def test_private_pages_are_kept_nowhere(browser_of_alice: Client) -> None:
    for page in ["/", "/settings/billing/", POLL]:
        answer = browser_of_alice.get(page)
        assert answer["Cache-Control"] == "no-store"
        assert "HX-Request" in answer["Vary"]
