"""P15 and P16: how soon the header shows a charge, in a real browser, and what a tab costs that nobody looks at.

The clock starts when the charge has committed and stops when the browser has drawn the new number.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Request, sync_playwright

from accounts.models import User
from benchmarks import data, site
from benchmarks.contest import Figure
from benchmarks.site import Site
from billing import metering
from billing.selectors import balance
from sandbox import chromium

TABS = 4
#: What `static/js/balance.js` promises, in milliseconds (the last two are "at once": a question and its answer).
PROMISED = {"in use": 2_000, "idle": 15_000, "own action": 500, "back in the tab": 500}
IDLE_AFTER = 125_000
LONGEST_SECONDS = 30
MINUTE = 60
IDLE_COST_LINE_MS = 60
TELL = """() => new MutationObserver(() => {
    const chip = document.getElementById("balance-chip-link");
    if (chip) requestAnimationFrame(() => window.shown(chip.textContent));
}).observe(document.querySelector(".header-end"), {childList: true, subtree: true, characterData: true})"""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass
class Tab:
    """A page of one person's, and when its header was last drawn anew."""

    user: User
    page: Page
    drawn_at: float = 0.0

    def charge(self, key: str) -> float:
        """Charge a little, and return when that was committed."""
        metering.charge(wallet=self.user.wallet, feature="gpt-4o", quantity=1_000, key=key, now=timezone.now())
        return time.time()


def header_and_idle_tab(*, samples: int, requests: int) -> list[Figure]:
    """Measure `samples` charges in each situation, and `requests` polls of a tab that is left alone."""
    ids = data.create_wallets(TABS, name="freshness")
    users = list(User.objects.filter(wallet__in=ids).order_by("pk"))
    with site.running() as running, _browser() as browser:
        tabs = [_open(browser, running, user) for user in users]
        figures = []
        for name, situation in (("in use", _in_use), ("own action", _own_action), ("back in the tab", _back)):
            figures += _figures(name, _measure(tabs, situation, samples))
        figures += _figures("idle", _measure_idle(tabs, samples))
        figures += _idle_cost(running, tabs[0], requests)
    return figures


# --- P15 -----------------------------------------------------------------------------------------------------------


def _in_use(tab: Tab, rng: Random, key: str) -> float:
    """Somebody is here, and work of theirs is charged at any moment."""
    tab.page.mouse.move(rng.randint(1, 300), 300)
    tab.page.wait_for_timeout(rng.uniform(0, PROMISED["in use"]))
    return tab.charge(key)


def _own_action(tab: Tab, rng: Random, key: str) -> float:
    """An answer to something that they did says that the balance changed."""
    committed_at = tab.charge(key)
    tab.page.evaluate("document.body.dispatchEvent(new CustomEvent('balance-changed', {bubbles: true}))")
    return committed_at


def _back(tab: Tab, rng: Random, key: str) -> float:
    """The tab was in the background while the charge was made; the clock starts when it is back."""
    tab.page.evaluate(HIDE, True)
    tab.charge(key)
    tab.page.wait_for_timeout(100)
    back_at = time.time()
    tab.page.evaluate(HIDE, False)
    return back_at


def _measure(tabs: list[Tab], situation: Callable[[Tab, Random, str], float], samples: int) -> list[float]:
    """Return the milliseconds of each sample, taken in one tab after the other."""
    rng = Random(15)
    found = []
    for number in range(samples):
        tab = tabs[number % len(tabs)]
        began = situation(tab, rng, f"{situation.__name__} {number}")
        found.append(_milliseconds_until_drawn(tab, began))
    return found


def _measure_idle(tabs: list[Tab], samples: int) -> list[float]:
    """Return the milliseconds of each sample where nobody has touched the pages for more than two minutes."""
    rng = Random(15)
    found = []
    for number in range(0, samples, len(tabs)):
        for tab in tabs:
            tab.page.clock.fast_forward(IDLE_AFTER)
        began, charged = time.time(), []
        for seconds, tab in zip(sorted(rng.uniform(0.5, 15) for _ in tabs), tabs, strict=True):
            tab.page.wait_for_timeout(max(began + seconds - time.time(), 0) * 1_000)
            charged.append((tab, tab.charge(f"idle {number}")))
        found += [_milliseconds_until_drawn(tab, committed_at) for tab, committed_at in charged]
    return found


def _milliseconds_until_drawn(tab: Tab, began: float) -> float:
    deadline = time.time() + LONGEST_SECONDS
    while tab.drawn_at < began:
        assert time.time() < deadline, f"The header has not shown the charge within {LONGEST_SECONDS} seconds."
        tab.page.wait_for_timeout(5)
    return (tab.drawn_at - began) * 1_000


def _figures(name: str, found: list[float]) -> list[Figure]:
    promised = PROMISED[name]
    values = {"median": median(found), "p95": quantiles(found, n=20)[-1], "worst": max(found)}
    return [
        Figure(
            "P15",
            f"header, {name}: {which} of {len(found)}",
            value,
            "promised",
            promised,
            "ms",
            value / promised,
            1,
            at_least=False,
        )
        for which, value in values.items()
    ]


# --- P16 -----------------------------------------------------------------------------------------------------------


def _idle_cost(running: Site, tab: Tab, requests: int) -> list[Figure]:
    """Count an idle tab's requests for a minute, a hidden one's, and the processor time of one of them."""
    tab.page.clock.fast_forward(IDLE_AFTER)
    tab.page.wait_for_timeout(500)
    idle = _requests_in_a_minute(tab.page)
    tab.page.evaluate(HIDE, True)
    hidden = _requests_in_a_minute(tab.page)
    cost = _processor_ms(running, tab.user, requests)
    return [
        Figure("P16", "idle tab, requests a minute", idle, "one every 15 s", 4, "", idle / 4, 1.25, at_least=False),
        Figure("P16", "hidden tab, requests a minute", hidden, "none", 0, "", float(hidden), 0, at_least=False),
        Figure("P16", "idle tab, processor time a minute", idle * cost, f"{cost:.2f} ms a request", IDLE_COST_LINE_MS,
               "ms", idle * cost / IDLE_COST_LINE_MS, 1, at_least=False),
    ]  # fmt: skip


def _requests_in_a_minute(page: Page) -> int:
    seen: list[str] = []

    def on_request(request: Request) -> None:
        seen.append(request.url)

    page.on("request", on_request)
    page.wait_for_timeout(MINUTE * 1_000)
    page.remove_listener("request", on_request)
    return len(seen)


def _processor_ms(running: Site, user: User, requests: int) -> float:
    """Return the web worker's processor time for one unchanged poll."""
    shown = balance.shown_now(owner_id=user.pk, now=timezone.now())
    path = f"{reverse('billing:balance')}?{urlencode({'shown': shown})}"
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={site.session_of(user)}", "HX-Request": "true"}
    with closing(running.connect()) as connection:
        for number in range(requests + requests // 10):
            if number == requests // 10:
                before = running.processor_seconds()
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                response.read()
                assert response.status == 204, f"{path} answered {response.status}"
        return (running.processor_seconds() - before) * 1_000 / requests


# --- the browser ---------------------------------------------------------------------------------------------------


@contextmanager
def _browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, where Django would refuse to touch the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    path = chromium.find_or_install()
    assert path, chromium.advice()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield browser
        browser.close()


def _open(browser: Browser, running: Site, user: User) -> Tab:
    context = browser.new_context()
    cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": site.session_of(user), "url": running.url}
    context.add_cookies([cookie])
    tab = Tab(user, context.new_page())

    def shown(text: str) -> None:
        tab.drawn_at = time.time()

    tab.page.expose_function("shown", shown)
    tab.page.clock.install()
    tab.page.goto(f"{running.url}{reverse('billing:preferences')}")
    tab.page.evaluate(TELL)
    return tab
