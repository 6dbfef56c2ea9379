"""Windows in which somebody has logged in, on a phone at night and on a desk by day, and what holds for all in them."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Locator, Page

from accounts.models import User
from accounts.tests.second_step import staff_browser

Check = Callable[[Page], None]
Size = tuple[int, Any]
SIZES: list[Size] = [(320, "dark"), (1280, "light")]
SIZE_IDS = ["320-dark", "1280-light"]
AT_REST = """() => document.readyState === "complete" && !document.querySelector(".htmx-request")"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def log_in(context: BrowserContext, site: str, user: User) -> None:
    """Let somebody be logged in at a site, staff with their second step, instead of whoever was."""
    browser = staff_browser(user) if user.is_staff else Client()
    if not user.is_staff:
        browser.force_login(user)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])


def resize(page: Page, size: Size) -> None:
    """Give a page's window a width, and its person a theme."""
    width, scheme = size
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)


def follow(goal: Locator) -> None:
    """Click a link or a button that leads to another page, and arrive there."""
    with goal.page.expect_navigation():
        goal.click()


def come_to_rest(page: Page) -> None:
    """Wait until the page shown has all that it asked for, and is drawn."""
    page.wait_for_function(AT_REST)
    page.evaluate(DRAWN)


def check(page: Page, assert_accessible: Check) -> None:
    """Check that the page shown is accessible and never wider than its window."""
    come_to_rest(page)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
