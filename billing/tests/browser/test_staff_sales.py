"""Stella at work on sales, in a browser: she refunds a pack, replays an event and sets a contract."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from billing.models import ContractRequest, Purchase, Refund, StripeEvent
from billing.tests.browser.test_staff import staff_page
from billing.tests.browser.windows import Check, check, follow, log_in
from billing.tests.people import sign_up
from billing.tests.stripe.shop import Shop, stripe

__all__ = ["staff_page", "stripe"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def go(page: Page, address: str) -> None:
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/{address}")


def test_stella_refunds_a_pack_once(staff_page: Page, assert_accessible: Check, stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    purchase = Purchase.objects.get(wallet=alice.wallet)
    go(staff_page, "billing/purchase/?q=alice@example.com")
    check(staff_page, assert_accessible)
    follow(staff_page.locator("#result_list").get_by_role("link", name="1,000 credits"))
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="Refund", exact=True).click()
    staff_page.get_by_label("Dollars").fill("11")
    staff_page.get_by_label("Reason").fill("Bought by mistake.")
    staff_page.get_by_role("button", name="Preview").click()
    expect(staff_page.get_by_text("$10.00 of this payment are left to refund.")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Dollars").fill("5")
    staff_page.get_by_role("button", name="Preview").click()
    expect(staff_page.get_by_role("cell", name="$5, of $10")).to_be_visible()
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Refund").dblclick()
    expect(staff_page.get_by_text("$5 go back to the customer.")).to_be_visible()
    check(staff_page, assert_accessible)
    assert Refund.objects.get().cents == 500
    staff_page.get_by_role("link", name="1,000 credits").click()
    expect(staff_page.get_by_role("cell", name="−500")).to_be_visible()
    assert purchase.grant is not None


def test_stella_replays_what_failed(staff_page: Page, assert_accessible: Check, stripe: Shop, alice: User) -> None:
    stripe.buy_pack(alice)
    events = StripeEvent.objects.filter(type="checkout.session.completed")
    events.update(status="failed", attempts=12, error="Stripe doesn't answer.", next_attempt_at=None)
    go(staff_page, "")
    follow(staff_page.get_by_role("link", name="Stripe's events in trouble"))
    check(staff_page, assert_accessible)
    staff_page.get_by_role("link", name="checkout.session.completed").first.click()
    expect(staff_page.get_by_text("Given up after 12 attempts.")).to_be_visible()
    check(staff_page, assert_accessible)
    follow(staff_page.get_by_role("link", name="Replay"))
    check(staff_page, assert_accessible)
    staff_page.get_by_label("Reason").fill("Stripe answers again.")
    follow(staff_page.get_by_role("button", name="Preview"))
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Replay").dblclick()
    expect(staff_page.get_by_text("It is handled again in a moment.")).to_be_visible()
    assert events.get().status == "pending"


def test_stella_answers_a_wish_for_a_contract(
    staff_page: Page, assert_accessible: Check, stripe: Shop, alice: User
) -> None:
    ContractRequest.objects.create(
        wallet=alice.wallet, company="Wonderland Ltd", message="Please call.", created_at=stripe.now()
    )
    go(staff_page, "")
    follow(staff_page.get_by_role("link", name="Wishes for a contract"))
    check(staff_page, assert_accessible)
    follow(staff_page.get_by_role("link", name="Wonderland Ltd"))
    check(staff_page, assert_accessible)
    follow(staff_page.get_by_role("link", name="Set contract"))
    check(staff_page, assert_accessible)
    staff_page.get_by_label("As many as written below").check()
    staff_page.get_by_label("How many").fill("250000")
    staff_page.get_by_label("Reason").fill("Contract 2025-17")
    follow(staff_page.get_by_role("button", name="Preview"))
    check(staff_page, assert_accessible)
    expect(staff_page.get_by_text("A second person has to approve this.")).to_be_visible()
    staff_page.get_by_role("button", name="Propose it").dblclick()
    expect(staff_page.get_by_text("It waits for a second person: you proposed it")).to_be_visible()
    check(staff_page, assert_accessible)
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 100_000
    log_in(
        staff_page.context,
        staff_page.url.partition("/admin/")[0],
        sign_up("olivia", at=stripe.now(), is_staff=True, is_superuser=True),
    )
    go(staff_page, "")
    follow(staff_page.get_by_role("link", name="Proposals", exact=True).first)
    check(staff_page, assert_accessible)
    staff_page.locator("#result_list").get_by_role("link", name="Set a contract").click()
    staff_page.get_by_role("link", name="Approve", exact=True).click()
    staff_page.get_by_label("Reason").fill("As agreed.")
    follow(staff_page.get_by_role("button", name="Preview"))
    check(staff_page, assert_accessible)
    staff_page.get_by_role("button", name="Approve").dblclick()
    expect(staff_page.get_by_text("The plan is now Enterprise, 250,000 credits a month.").first).to_be_visible()
    check(staff_page, assert_accessible)
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 250_000_000
