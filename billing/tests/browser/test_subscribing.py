"""A paid plan from its first month to its end, as it is seen in a browser: renewed, declined, mended, cancelled."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.models import Subscription
from billing.tests.browser.stripe_site import (
    FAILS_LATER_CARD,
    GOOD_CARD,
    StripeSite,
    choose_card,
    control,
    expect_balance,
    now,
    sign_in,
    stripe_site,
)
from billing.tests.browser.test_journey import browser_context_args, check, on_phone_and_desk
from billing.tests.browser.windows import follow
from billing.tests.pages.acts import charge

__all__ = ["browser_context_args", "check", "now", "sign_in", "stripe_site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
SignIn = Callable[[User], Page]


@pytest.fixture
def settings_url(live_server: LiveServer) -> str:
    """The address below which the pages of billing are."""
    return f"{live_server.url}/settings/billing"


@on_phone_and_desk
def test_pro_brings_5000_credits_each_month_and_leaves_packs_alone(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User, check: Check
) -> None:
    stripe_site.buy_pack(alice)
    page = sign_in(alice)
    page.goto(f"{settings_url}/plans/")
    check(page)
    page.get_by_role("button", name="Upgrade to Pro").click()
    choose_card(page, GOOD_CARD)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="You are on Pro")).to_be_visible()
    expect_balance(page, "6,000")
    check(page)

    page.get_by_role("link", name="Go to Billing").click()
    plan = page.get_by_role("region", name="Pro plan")
    expect(plan).to_contain_text("Active")
    payment = page.get_by_role("region", name="Payment")
    expect(payment).to_contain_text("Visa ending in 4242")
    expect(payment).to_contain_text("Next charge: $29")
    expect(payment.get_by_role("row").filter(has_text="$29")).to_have_count(1)
    check(page)
    follow(payment.get_by_role("row").get_by_role("link").last)
    assert page.url.startswith(stripe_site.url)
    expect(page.locator("body")).to_contain_text("$29.00")

    charge(alice, 400, now=timezone.now())
    control(page, stripe_site, "To the next renewal")
    page.goto(f"{settings_url}/")
    expect_balance(page, "6,000")
    expect(payment.get_by_role("row").filter(has_text="$29")).to_have_count(2)
    expect(page.locator("#overview")).to_contain_text("Bought credits")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="−4,600")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="+5,000")).to_have_count(2)


def test_a_failed_renewal_is_told_and_another_card_mends_it(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User, check: Check
) -> None:
    stripe_site.buy_pack(alice)
    stripe_site.subscribe(alice, card=FAILS_LATER_CARD)
    charge(alice, 400, now=timezone.now())
    page = sign_in(alice)
    control(page, stripe_site, "To the next renewal")
    page.goto(f"{settings_url}/")
    expect(page.get_by_text("Your last payment failed.")).to_be_visible()
    expect(page.get_by_role("region", name="Pro plan")).to_contain_text("Past due")
    expect_balance(page, "5,600")
    check(page)

    page.get_by_role("button", name="Change card").first.click()
    choose_card(page, GOOD_CARD)
    page.get_by_role("button", name="Save card").click()
    expect(page).to_have_url(f"{settings_url}/")
    expect(page.get_by_role("region", name="Payment")).to_contain_text("Visa ending in 4242")
    control(page, stripe_site, "To the next attempt")
    page.goto(f"{settings_url}/")
    expect(page.get_by_role("region", name="Pro plan")).to_contain_text("Active")
    expect(page.get_by_text("Your last payment failed.")).to_have_count(0)
    expect_balance(page, "6,000")


def test_a_plan_whose_payments_go_on_failing_ends_on_free(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User
) -> None:
    stripe_site.buy_pack(alice)
    subscription = stripe_site.subscribe(alice, card=FAILS_LATER_CARD)
    page = sign_in(alice)
    control(page, stripe_site, "To the next renewal")
    while stripe_site.engine.find(subscription)["status"] == "past_due":
        control(page, stripe_site, "To the next attempt")
    page.goto(f"{settings_url}/")
    expect(page.get_by_role("region", name="Free plan")).to_be_visible()
    expect_balance(page, "1,100")


def test_a_plan_is_cancelled_resumed_and_cancelled_for_good(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User, check: Check
) -> None:
    stripe_site.buy_pack(alice)
    stripe_site.subscribe(alice)
    page = sign_in(alice)
    page.goto(f"{settings_url}/")
    payment = page.get_by_role("region", name="Payment")
    follow(payment.get_by_role("button", name="Cancel plan"))
    assert page.url.startswith(stripe_site.url)
    page.get_by_role("button", name="Cancel plan").click()
    expect(page).to_have_url(f"{settings_url}/")
    ends_on = Subscription.objects.get(wallet=alice.wallet).period_ends_at.strftime("%-d %b %Y")
    expect(page.get_by_role("region", name="Pro plan")).to_contain_text(f"Cancels on\n{ends_on}", use_inner_text=True)
    expect(payment).to_contain_text(f"Pro ends on {ends_on}")
    check(page)

    payment.get_by_role("button", name="Resume plan").click()
    page.get_by_role("button", name="Don’t cancel plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan has been renewed.")
    page.get_by_role("link", name="Return to CleverAI").first.click()
    expect(page.get_by_role("region", name="Pro plan")).to_contain_text("Active")

    page.goto(f"{settings_url}/plans/")
    page.get_by_role("button", name="Cancel Pro").click()
    page.get_by_role("button", name="Cancel plan").click()
    expect(page.get_by_role("region", name="Pro plan")).to_contain_text("Cancel")
    control(page, stripe_site, "To the period’s end")
    page.goto(f"{settings_url}/plans/")
    expect(page.get_by_role("region", name="Free")).to_contain_text("Your plan")
    expect(page.get_by_role("button", name="Upgrade to Pro")).to_be_visible()
    expect_balance(page, "1,100")
    check(page)


def test_whoever_pays_for_a_plan_already_is_not_sold_it_again(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User
) -> None:
    page = sign_in(alice)
    page.goto(f"{settings_url}/plans/")
    stripe_site.subscribe(alice)
    page.get_by_role("button", name="Upgrade to Pro").click()
    expect(page).to_have_url(f"{settings_url}/plans/")
    expect(page.get_by_text("You have this plan already")).to_be_visible()
    assert len(stripe_site.charges()) == 1


def test_a_wish_for_a_contract_reaches_staff_by_mail(
    stripe_site: StripeSite, sign_in: SignIn, settings_url: str, alice: User, stella: User, check: Check
) -> None:
    page = sign_in(alice)
    page.goto(f"{settings_url}/plans/")
    follow(page.get_by_role("link", name="Talk to us"))
    check(page)
    page.get_by_label("Company").fill("Wonderland Ltd")
    page.get_by_label("Credits a month").fill("250000")
    page.get_by_label("What do you need?").fill("Please call.")
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_role("heading", name="We have your request")).to_be_visible()
    check(page)
    stripe_site.wait_until_quiet()
    (message,) = mail.outbox
    (link,) = re.findall(r"https?://\S+/admin/\S+", str(message.body))
    sign_in(stella)
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_contain_text("alice@example.com")
