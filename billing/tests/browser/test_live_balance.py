"""The header's balance over time: two tabs agree, a hidden one is silent, an idle one asks seldom, a lost one less.

The pages' clock is the tests': what takes minutes is over at once, and nothing is asked behind a test's back.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.tests.browser.stripe_site import now, sign_in
from billing.tests.pages.acts import charge

__all__ = ["now", "sign_in"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POLL = "**/settings/billing/balance/**"
SECOND, MINUTE = 1_000, 60_000
ASKING = """() => Boolean(document.querySelector(".htmx-request"))"""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Tab:
    """A page whose clock moves only when it is told to, and how often it has asked for the balance."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.polls = 0
        page.clock.install()
        page.on("request", self._count)
        page.goto(address)
        page.clock.pause_at(timezone.now() + timedelta(hours=1))

    def _count(self, request: object) -> None:
        self.polls += "/billing/balance/" in str(getattr(request, "url", ""))

    def polls_within(self, milliseconds: int, *, step: int = SECOND) -> int:
        """Let so much time pass for the page, a step at a time as answers come, and return how often it asked."""
        before = self.polls
        for _ in range(0, milliseconds, step):
            self.page.clock.run_for(step)
            while self.page.evaluate(ASKING):
                time.sleep(0.01)
        return self.polls - before

    def touch(self) -> None:
        """Let somebody be here."""
        self.page.mouse.move(10 + self.polls % 50, 10)

    def hide(self, hidden: bool = True) -> None:
        """Put the tab into the background, or fetch it back."""
        self.page.evaluate(HIDE, hidden)


@pytest.fixture
def tab(sign_in: Callable[[User], Page], live_server: LiveServer, alice: User) -> Iterator[Tab]:
    """A page of Alice's on which nothing but the header is live."""
    page = sign_in(alice)
    yield Tab(page, f"{live_server.url}/settings/billing/preferences/")
    page.context.unroute_all()


def shows(page: Page, available: str) -> None:
    expect(page.locator("#balance-chip-link")).to_contain_text(f"{available} credits available")


def test_a_tab_in_use_asks_more_than_every_other_second(tab: Tab) -> None:
    tab.touch()
    assert tab.polls_within(20 * SECOND) >= 10


def test_an_idle_tab_asks_four_times_a_minute_until_somebody_is_back(tab: Tab, alice: User) -> None:
    tab.page.clock.fast_forward(2 * MINUTE + SECOND)
    assert 4 <= tab.polls_within(MINUTE, step=5 * SECOND) <= 5
    charge(alice, 10, now=timezone.now())
    before = tab.polls
    tab.touch()
    shows(tab.page, "90")
    assert tab.polls == before + 1
    assert tab.polls_within(20 * SECOND) >= 10


def test_a_hidden_tab_asks_nothing_and_at_once_when_it_is_back(tab: Tab, alice: User) -> None:
    tab.hide()
    charge(alice, 10, now=timezone.now())
    assert tab.polls_within(MINUTE, step=20 * SECOND) == 0
    shows(tab.page, "100")
    tab.hide(False)
    shows(tab.page, "90")


def test_what_somebody_did_themselves_shows_without_waiting(tab: Tab, alice: User) -> None:
    charge(alice, 10, now=timezone.now())
    tab.page.evaluate("document.body.dispatchEvent(new CustomEvent('balance-changed', {bubbles: true}))")
    shows(tab.page, "90")


def test_two_tabs_agree(tab: Tab, context: BrowserContext, live_server: LiveServer, alice: User) -> None:
    other = Tab(context.new_page(), f"{live_server.url}/settings/profile/")
    charge(alice, 10, now=timezone.now())
    for each in (tab, other):
        each.touch()
        each.polls_within(2 * SECOND)
        shows(each.page, "90")
    tab.hide()
    charge(alice, 20, now=timezone.now())
    other.polls_within(2 * SECOND)
    shows(other.page, "70")
    shows(tab.page, "90")
    tab.hide(False)
    shows(tab.page, "70")


def test_while_the_server_is_away_a_tab_asks_less_and_less(tab: Tab, complaints: list[str], alice: User) -> None:
    tab.touch()

    def refuse(route: Route) -> None:
        route.fulfill(status=503)

    tab.page.route(POLL, refuse)
    assert tab.polls_within(MINUTE, step=4 * SECOND) <= 5
    tab.page.unroute(POLL)
    complaints.clear()
    charge(alice, 10, now=timezone.now())
    tab.polls_within(MINUTE, step=30 * SECOND)
    shows(tab.page, "90")
