"""Money that goes back, or comes late, as it is seen in a browser: refunds, disputes, and payments that take days."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.models import Refund
from billing.tests.browser.stripe_site import (
    FOLLOWS_WITHIN_MS,
    StripeSite,
    control,
    expect_balance,
    now,
    sign_in,
    stripe_site,
)
from billing.tests.browser.test_journey import browser_context_args, check
from billing.tests.pages.acts import charge

__all__ = ["browser_context_args", "check", "now", "sign_in", "stripe_site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
SignIn = Callable[[User], Page]


def test_staff_refund_a_pack_and_the_entry_explains_it(
    stripe_site: StripeSite, sign_in: SignIn, live_server: LiveServer, alice: User, stella: User, check: Check
) -> None:
    stripe_site.buy_pack(alice)
    charge(alice, 400, now=timezone.now())
    page = sign_in(stella)
    page.goto(f"{live_server.url}/admin/billing/purchase/?q=alice@example.com")
    page.locator("#result_list").get_by_role("link", name="1,000 credits").click()
    page.get_by_role("link", name="Refund", exact=True).click()
    page.get_by_label("Dollars").fill("10")
    page.get_by_label("Reason").fill("Bought by mistake.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("row").filter(has_text="Taken back")).to_contain_text("700")
    assert not Refund.objects.exists()
    page.get_by_role("button", name="Refund").dblclick()
    expect(page.get_by_text("$10 go back to the customer.")).to_be_visible()
    stripe_site.wait_until_quiet()
    assert [refund["amount"] for refund in stripe_site.engine.all("refund")] == [1_000]

    page = sign_in(alice)
    expect(page.locator("#balance-chip-link")).to_contain_text("out of credits")
    page.goto(f"{live_server.url}/settings/billing/buy/")
    expect(page.get_by_text("$10 refunded")).to_be_visible()
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("row").filter(has_text="Taken back: payment returned").get_by_role("link").click()
    expect(page.locator("article")).to_contain_text("−700 credits")
    expect(page.locator("article")).to_contain_text("300 credits of that share had been spent")
    check(page)


def test_a_refund_at_stripe_takes_credits_back_and_gives_them_back_when_it_fails(
    stripe_site: StripeSite, sign_in: SignIn, alice: User
) -> None:
    stripe_site.buy_pack(alice)
    page = sign_in(alice)
    desk = page.context.new_page()
    desk.goto(f"{stripe_site.url}/sandbox/")
    desk.get_by_label("Amount to refund, in dollars").fill("4.00")
    desk.get_by_role("button", name="Refund").click()
    expect(desk.get_by_role("status")).not_to_be_empty()
    stripe_site.wait_until_quiet()
    page.bring_to_front()
    expect_balance(page, "700")
    control(desk, stripe_site, "Let it fail")
    page.bring_to_front()
    expect_balance(page, "1,100")


def test_a_dispute_takes_the_credits_until_it_is_won(stripe_site: StripeSite, sign_in: SignIn, alice: User) -> None:
    stripe_site.buy_pack(alice)
    page = sign_in(alice)
    address = page.url
    control(page, stripe_site, "Dispute")
    page.goto(address)
    expect_balance(page, "100")
    control(page, stripe_site, "Win")
    page.goto(address)
    expect_balance(page, "1,100")


@pytest.mark.parametrize(
    ("button", "heading", "balance"),
    [("Let it arrive", "1,000 credits are yours", "1,100"), ("Let it fail", "The payment failed", "100")],
    ids=["and-arrives", "and-fails"],
)
def test_a_payment_takes_days(
    stripe_site: StripeSite,
    sign_in: SignIn,
    live_server: LiveServer,
    alice: User,
    check: Check,
    button: str,
    heading: str,
    balance: str,
) -> None:
    page = sign_in(alice)
    page.goto(f"{live_server.url}/settings/billing/buy/")
    page.get_by_role("button", name="Buy 1,000 credits").click()
    expect(page.get_by_role("button", name="Pay $10.00")).to_be_visible()
    control(page, stripe_site, "Pay by debit, arriving later")
    page.goto(f"{live_server.url}/settings/billing/buy/")
    expect(page.get_by_text("Your payment for 1,000 credits is on its way.")).to_be_visible()
    page.get_by_role("link", name="See how far it is").click()
    expect(page.get_by_role("heading", name="Your payment is on its way")).to_be_visible()
    expect_balance(page, "100")
    check(page)
    page.reload()  # after its first half minute it asks less often
    desk = page.context.new_page()
    control(desk, stripe_site, button)
    page.bring_to_front()
    expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=FOLLOWS_WITHIN_MS)
    expect_balance(page, balance)
    check(page)
