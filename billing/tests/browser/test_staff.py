"""Stella at work, in a browser: she gives Alice credits, adds a price and proves the books."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from billing import metering
from billing.models import ChargeReturn
from billing.services import returns
from billing.tests.browser.windows import SIZE_IDS, SIZES, Check, check, follow, log_in, resize

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=SIZES, ids=SIZE_IDS)
def staff_page(request: pytest.FixtureRequest, page: Page, live_server: Any, stella: User) -> Page:
    """A browser in which Stella has logged in, on the staff's first page."""
    log_in(page.context, live_server.url, stella)
    resize(page, request.param)
    page.goto(f"{live_server.url}/admin/")
    return page


def test_stella_gives_alice_credits_and_reads_the_receipt(
    staff_page: Page, assert_accessible: Check, alice: User
) -> None:
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="Find a wallet").click()
    staff_page.get_by_label("Search").fill("alice@")
    follow(staff_page.get_by_role("button", name="Search"))
    check(staff_page, assert_accessible)
    follow(staff_page.locator("#result_list").get_by_role("link", name="alice@example.com"))
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
    follow(staff_page.get_by_role("link", name="Add a price"))
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Credits").fill("4.5")
    staff_page.get_by_label("For every").fill("1000")
    staff_page.get_by_label("Reason").fill("It is cheaper for us.")
    follow(staff_page.get_by_role("button", name="Preview"))
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Add the price").click()
    expect(staff_page.get_by_role("cell", name="4.5 credits / 1K tokens")).to_be_visible()
    staff_page.get_by_role("link", name="Home").click()
    staff_page.get_by_role("link", name="Prove the books").click()
    staff_page.get_by_role("button", name="Prove the books").click()
    expect(staff_page.get_by_text("Books proven: every sum holds.")).to_be_visible()
    check(staff_page, assert_accessible)


def test_stella_returns_what_alice_paid_for_searches(staff_page: Page, assert_accessible: Check, alice: User) -> None:
    now = timezone.now()
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=3, key="a", now=now - timedelta(minutes=5))
    staff_page.goto(f"{staff_page.url}billing/chargereturn/")
    check(staff_page, assert_accessible)
    follow(staff_page.get_by_role("link", name="Add charge return"))
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Feature").select_option("web-search")
    staff_page.get_by_label("From").fill(f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    staff_page.get_by_label("Until").fill(f"{now - timedelta(minutes=1):%Y-%m-%dT%H:%M}")
    staff_page.locator("#id_reason").fill("They found nothing.")
    staff_page.get_by_role("button", name="Preview").click()
    expect(staff_page.get_by_role("link", name="alice@example.com")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Return the charges").dblclick()
    expect(staff_page.get_by_text("A worker returns the charges now")).to_be_visible()
    asked = ChargeReturn.objects.get()
    returns.go_on(return_id=asked.pk, clock=timezone.now)
    staff_page.goto(staff_page.url + f"{asked.pk}/change/")
    expect(staff_page.get_by_text("1 of 1 wallet is done; 15 credits were returned for 1 charge.")).to_be_visible()
    check(staff_page, assert_accessible)
