"""The header's balance follows the ledger while somebody looks, and costs next to nothing while nobody does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import metering
from billing.tests.browser.windows import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOLLOWS_WITHIN_MS = 5_000
#: Milliseconds without a sign of life after which a tab is left alone, and what it then waits between two questions.
IDLE_AFTER, BETWEEN = 121_000, 14_500
#: How far off the moment is at which a page's clock is stopped: the machine may be busy until then.
SOON_SECONDS = 10
BALANCE = "**/settings/billing/balance/**"
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""

Open = Callable[[], Page]


@pytest.fixture
def now() -> datetime:
    """Really now: pages in a browser have no other clock."""
    return timezone.now() - timedelta(hours=1)


@pytest.fixture
def open_tab(context: BrowserContext, live_server: LiveServer, alice: User) -> Open:
    """Open a tab in a browser in which Alice has logged in, on a page where nothing but the header is live."""
    log_in(context, live_server.url, alice)

    def open_one() -> Page:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{live_server.url}{reverse('billing:preferences')}")
        page.wait_for_load_state("networkidle")
        return page

    return open_one


@contextmanager
def questions(page: Page) -> Iterator[list[str]]:
    """Count the header's questions in a list."""
    asked: list[str] = []

    def on_request(request: Request) -> None:
        if urlsplit(request.url).path == reverse("billing:balance"):
            asked.append(request.url)

    page.on("request", on_request)
    yield asked
    page.remove_listener("request", on_request)


def stand_still(page: Page) -> None:
    """Stop the page's clock: from here on nothing but the test or somebody's own act makes it ask."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + SOON_SECONDS)
    be_answered(page)


def be_answered(page: Page) -> None:
    expect(page.locator("#balance-chip.htmx-request")).to_have_count(0)


def later(page: Page, milliseconds: int) -> None:
    """Let the page's clock go on, and give it time to ask."""
    page.clock.fast_forward(milliseconds)
    page.wait_for_timeout(300)


def be_left_alone(page: Page) -> None:
    """Let so much time pass that the page takes nobody to be there, and its next question be answered."""
    with page.expect_response(BALANCE):
        page.clock.fast_forward(IDLE_AFTER)
    be_answered(page)


def spend(user: User, key: str) -> None:
    metering.charge(wallet=user.wallet, feature="gpt-4o", quantity=2_453, key=key, now=timezone.now())


def chip(page: Page) -> object:
    return page.locator("#balance-chip-link")


def test_two_tabs_of_one_person_agree(open_tab: Open, alice: User) -> None:
    tabs = [open_tab(), open_tab()]
    spend(alice, "chat")
    for tab in tabs:
        expect(chip(tab)).to_contain_text("87.735 credits available", timeout=FOLLOWS_WITHIN_MS)


def test_a_hidden_tab_asks_nothing_and_asks_at_once_when_it_is_back(open_tab: Open, alice: User) -> None:
    page = open_tab()
    stand_still(page)
    page.evaluate(HIDE, True)
    with questions(page) as asked:
        for _ in range(3):
            later(page, 60_000)
        spend(alice, "while nobody looks")
        later(page, 60_000)
        assert asked == []
        page.evaluate(HIDE, False)
        expect(chip(page)).to_contain_text("87.735 credits available", timeout=FOLLOWS_WITHIN_MS)
        assert len(asked) == 1


def test_a_tab_that_nobody_touches_asks_every_fifteen_seconds(open_tab: Open) -> None:
    page = open_tab()
    stand_still(page)
    be_left_alone(page)
    with questions(page) as asked:
        for _ in range(4):
            with page.expect_response(BALANCE):
                page.clock.run_for(BETWEEN)
            be_answered(page)
    assert len(asked) == 4


def test_whoever_comes_back_to_the_keyboard_is_told_at_once(open_tab: Open, alice: User) -> None:
    page = open_tab()
    stand_still(page)
    be_left_alone(page)
    spend(alice, "over night")
    with questions(page) as asked:
        page.keyboard.press("Tab")
        expect(chip(page)).to_contain_text("87.735 credits available", timeout=FOLLOWS_WITHIN_MS)
        assert len(asked) == 1


def test_an_act_of_ones_own_is_seen_at_once(open_tab: Open, alice: User) -> None:
    page = open_tab()
    stand_still(page)
    spend(alice, "own")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('balance-changed', {bubbles: true}))")
    expect(chip(page)).to_contain_text("87.735 credits available", timeout=FOLLOWS_WITHIN_MS)
