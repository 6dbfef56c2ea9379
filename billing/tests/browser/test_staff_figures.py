"""Stella finds her way in a browser: from the figures to a wallet, its line of time, and why its balance is that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import metering
from billing.services import grants
from billing.tests.people import give, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Check = Callable[[Page], None]


@pytest.fixture
def alice(db: None, stella: User) -> User:
    """Alice, who has used, held and been given something in the last days."""
    now = timezone.now() - timedelta(days=3)
    alice = sign_up("alice", at=now)
    give(alice.wallet, 1_000_000, now=now, cents=10_00)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now + timedelta(days=1))
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="h", now=now + timedelta(days=3))
    reason = "The video came out black."
    grants.adjust(wallet_id=alice.wallet.pk, amount=25_500, reason=reason, actor=stella, key="g", now=timezone.now())
    return alice


@pytest.fixture(params=[(320, "dark"), (1280, "light")], ids=["320-dark", "1280-light"])
def staff_page(request: pytest.FixtureRequest, page: Page, live_server: Any, alice: User, stella: User) -> Page:
    """A browser in which Stella has logged in, on the staff's first page."""
    width, scheme = request.param
    cookie = staff_browser(stella).cookies[settings.SESSION_COOKIE_NAME]
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


def test_from_the_figures_to_why_alice_has_what_she_has(
    staff_page: Page, assert_accessible: Check, alice: User
) -> None:
    expect(staff_page.get_by_role("heading", name="Last 30 days")).to_be_visible()
    staff_page.get_by_text("The same in a table").click()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="7 days").click()
    expect(staff_page.get_by_role("heading", name="Last 7 days")).to_be_visible()
    staff_page.get_by_role("link", name="Credits used", exact=True).click()
    staff_page.get_by_role("link", name="alice@example.com").first.click()
    staff_page.get_by_role("link", name="Timeline", exact=True).click()
    expect(staff_page.get_by_text("“The video came out black.”")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Usage", exact=True).check()
    staff_page.get_by_role("button", name="Show").click()
    expect(staff_page.get_by_text("“The video came out black.”")).to_have_count(0)
    staff_page.get_by_role("link", name="left after entry 3: why?").click()
    expect(staff_page.get_by_text("1,087.735 credits available")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_label("or entry number").fill("99")
    staff_page.get_by_role("button", name="Explain").click()
    expect(staff_page.get_by_text("This wallet’s entries are #1 to #5.")).to_be_visible()
    check(staff_page, assert_accessible)
