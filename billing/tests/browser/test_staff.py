"""Stella at work, in a browser: she gives Alice credits, adds a price and proves the books."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.second_step import staff_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Check = Callable[[Page], None]


@pytest.fixture(params=[(320, "dark"), (1280, "light")], ids=["320-dark", "1280-light"])
def staff_page(request: pytest.FixtureRequest, page: Page, live_server: Any, stella: User) -> Page:
    """A browser in which Stella has logged in, on the staff's first page."""
    width, scheme = request.param
    client = staff_browser(stella)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/admin/")
    return page


def check(page: Page, assert_accessible: Check) -> None:
    """A page is accessible and never wider than its window."""
    page.wait_for_load_state()
    expect(page.locator("h1")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_stella_gives_alice_credits_and_reads_the_receipt(
    staff_page: Page, assert_accessible: Check, alice: User
) -> None:
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="Find a wallet").click()
    staff_page.get_by_label("Search").fill("alice@")
    staff_page.get_by_role("button", name="Search").click()
    check(staff_page, assert_accessible)
    staff_page.locator("#result_list").get_by_role("link", name="alice@example.com").click()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="Adjust credits").click()
    staff_page.get_by_label("Credits").fill("0.0001")
    staff_page.get_by_role("button", name="Preview").click()
    expect(staff_page.get_by_text("Credits have at most three decimals.")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Credits").fill("25.5")
    staff_page.get_by_label("Reason").fill("The video came out black.")
    staff_page.get_by_role("button", name="Preview").click()
    expect(staff_page.get_by_role("cell", name="125.5", exact=True)).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Post the adjustment").dblclick()
    expect(staff_page.get_by_text("+25.5 credits, 125.5 available after it.")).to_be_visible()
    assert alice.wallet.grants.filter(source="adjustment").count() == 1
    entry = alice.wallet.entries.latest("sequence")
    staff_page.get_by_role("link", name=f"#{entry.sequence}", exact=True).click()
    expect(staff_page.get_by_text("The video came out black.")).to_be_visible()
    check(staff_page, assert_accessible)


def test_stella_adds_a_price_and_proves_the_books(staff_page: Page, assert_accessible: Check) -> None:
    staff_page.goto(f"{staff_page.url}billing/feature/gpt-4o/change/")
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="Add a price").click()
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Credits").fill("4.5")
    staff_page.get_by_label("For every").fill("1000")
    staff_page.get_by_role("button", name="Preview").click()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Add the price").click()
    expect(staff_page.get_by_role("cell", name="4.5 credits / 1K tokens")).to_be_visible()
    staff_page.get_by_role("link", name="Home").click()
    staff_page.get_by_role("link", name="Prove the books").click()
    staff_page.get_by_role("button", name="Prove the books").click()
    expect(staff_page.get_by_text("Books proven: every sum holds.")).to_be_visible()
    check(staff_page, assert_accessible)
