"""Stella finds her way in a browser: from the figures to a wallet, its line of time, and why its balance is that."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from billing import metering
from billing.services import grants
from billing.tests.browser.windows import SIZE_IDS, SIZES, Check, check, log_in, resize
from billing.tests.people import give, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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


@pytest.fixture(params=SIZES, ids=SIZE_IDS)
def staff_page(request: pytest.FixtureRequest, page: Page, live_server: Any, alice: User, stella: User) -> Page:
    """A browser in which Stella has logged in, on the staff's first page."""
    log_in(page.context, live_server.url, stella)
    resize(page, request.param)
    page.goto(f"{live_server.url}/admin/")
    return page


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
