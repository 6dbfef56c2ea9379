"""Buying packs and getting money back, as it is seen in a browser, with Stripe at the other end of the wire."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.models import Checkout, Purchase
from billing.tests.browser.stripe_site import (
    DECLINED_CARD,
    FOLLOWS_WITHIN_MS,
    GOOD_CARD,
    THREE_D_SECURE_CARD,
    StripeSite,
    choose_card,
    expect_balance,
    now,
    sign_in,
    stripe_site,
)
from billing.tests.browser.test_journey import browser_context_args, check, on_phone_and_desk
from sandbox.stripe.world import Faults

__all__ = ["browser_context_args", "check", "now", "sign_in", "stripe_site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
SignIn = Callable[[User], Page]
BUY, PAY = "Buy 1,000 credits", "Pay $10.00"
PROGRESS = "**/progress/**"


@pytest.fixture
def packs(live_server: LiveServer) -> str:
    return f"{live_server.url}/settings/billing/buy/"


def buy(page: Page, packs: str, *, card: str = GOOD_CARD) -> None:
    """Go through with a purchase up to the last button on Stripe's page."""
    page.goto(packs)
    page.get_by_role("button", name=BUY).click()
    choose_card(page, card)
    page.get_by_role("button", name=PAY).click()


@on_phone_and_desk
def test_a_declined_card_says_why_and_another_one_buys_the_pack(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, check: Check
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    check(page)
    page.get_by_role("button", name=BUY).click()
    choose_card(page, DECLINED_CARD)
    page.get_by_role("button", name=PAY).click()
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    assert stripe_site.charges() == []

    choose_card(page, GOOD_CARD)
    with page.expect_response("**/return/**") as first_answer:
        page.get_by_role("button", name=PAY).click()
    assert "1,000 credits are yours" in first_answer.value.text()
    expect_balance(page, "1,100")
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    expect(page.get_by_text("Payment received, $10. Your balance is now 1,100 credits.")).to_be_visible()
    check(page)

    page.get_by_role("link", name="See the entry").click()
    expect(page.locator("article")).to_contain_text("+1,000 credits")
    check(page)
    page.get_by_role("link", name="History").first.click()
    expect(page.get_by_role("row").filter(has_text="+1,000")).to_have_count(1)
    page.goto(packs)
    expect(page.get_by_role("heading", name="1,000 credits for $10")).to_be_visible()
    check(page)
    page.get_by_role("link", name=re.compile("^Receipt")).click()
    expect(page.locator("body")).to_contain_text("$10.00")
    assert page.url.startswith(stripe_site.url)


def test_a_double_click_and_a_second_tab_lead_to_one_payment_page(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, context: BrowserContext
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    other = context.new_page()
    other.goto(packs)
    page.get_by_role("button", name=BUY).dblclick()
    expect(page.get_by_role("button", name=PAY)).to_be_visible()
    other.get_by_role("button", name=BUY).click()
    expect(other.get_by_role("button", name=PAY)).to_be_visible()
    assert other.url == page.url
    assert len(stripe_site.sessions()) == 1

    choose_card(page, GOOD_CARD)
    page.get_by_role("button", name=PAY).click()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    choose_card(other, GOOD_CARD)
    other.get_by_role("button", name=PAY).click()
    expect(other.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    assert len(stripe_site.charges()) == 1
    assert Purchase.objects.filter(wallet=alice.wallet).count() == 1


def test_going_back_after_paying_buys_nothing_more(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User
) -> None:
    page = sign_in(alice)
    buy(page, packs)
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("You’ve already completed this payment.")).to_be_visible()
    page.get_by_role("link", name="Return to CleverAI").click()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page).to_have_url(packs)
    expect(page.get_by_role("heading", name="1,000 credits for $10")).to_be_visible()
    expect_balance(page, "1,100")
    assert len(stripe_site.charges()) == 1
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 1_100_000


def test_a_page_from_before_the_purchase_does_not_sell_it_again(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, context: BrowserContext
) -> None:
    page = sign_in(alice)
    left_open = context.new_page()
    left_open.goto(packs)
    buy(page, packs)
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    left_open.get_by_role("button", name=BUY).click()
    expect(left_open.get_by_text("You have bought 1,000 credits meanwhile.")).to_be_visible()
    assert len(stripe_site.sessions()) == 1
    left_open.get_by_role("button", name=BUY).click()
    expect(left_open.get_by_role("button", name=PAY)).to_be_visible()
    assert len(stripe_site.sessions()) == 2


def test_whoever_turns_back_can_go_on_where_they_were(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, check: Check
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    page.get_by_role("button", name=BUY).click()
    expect(page.get_by_role("button", name=PAY)).to_be_visible()
    checkout = page.url
    page.get_by_role("link", name="Back to CleverAI").click()
    expect(page.get_by_role("heading", name="Nothing was bought")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Go on paying").click()
    expect(page).to_have_url(checkout)
    choose_card(page, GOOD_CARD)
    page.get_by_role("button", name=PAY).click()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    assert len(stripe_site.sessions()) == 1


def test_a_bank_that_asks_is_answered(stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User) -> None:
    page = sign_in(alice)
    buy(page, packs, card=THREE_D_SECURE_CARD)
    page.get_by_role("button", name="Fail").click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    assert stripe_site.charges() == []
    choose_card(page, THREE_D_SECURE_CARD)
    page.get_by_role("button", name=PAY).click()
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    assert len(stripe_site.charges()) == 1


def test_a_pack_is_bought_with_the_keyboard_alone(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    tab_to(page, BUY)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Card number")).to_be_visible()
    for label, words in {"number": GOOD_CARD, "expiry": "1234", "cvc": "123", "name": "Alice"}.items():
        tab_to(page, label)
        page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    tab_to(page, "Go to Billing")
    page.keyboard.press("Enter")
    expect(page.locator("#overview")).to_contain_text("1,100")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what has this name or says these words."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name || document.activeElement.innerText.trim()") == name:
            return
    raise AssertionError(f"Tab doesn't lead to {name}.")


def test_a_pack_is_bought_without_scripts(
    browser: Browser, stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User
) -> None:
    cookies = sign_in(alice).context.storage_state()
    page = browser.new_context(java_script_enabled=False, storage_state=cookies).new_page()
    page.goto(packs)
    page.get_by_role("button", name=BUY).click()
    page.get_by_role("link", name="4242 4242 4242 4242").click()
    page.get_by_role("button", name=PAY).click()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible()
    page.context.close()


def test_while_stripe_is_down_nothing_is_sold_and_nothing_charged(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, check: Check, complaints: list[str]
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    stripe_site.engine.set_faults(Faults(error_next_calls=3))
    page.get_by_role("button", name=BUY).click()
    expect(page.get_by_role("heading", name="We can’t reach our payment provider")).to_be_visible()
    check(page)
    assert [complaint for complaint in complaints if "503" not in complaint] == []
    complaints.clear()
    assert stripe_site.sessions() == []
    page.get_by_role("link", name="Buy credits").first.click()
    page.get_by_role("button", name=BUY).click()
    expect(page.get_by_role("button", name=PAY)).to_be_visible()
    assert Checkout.objects.filter(wallet=alice.wallet).count() == len(stripe_site.sessions()) == 1


def test_the_return_page_waits_for_stripe_and_follows(
    stripe_site: StripeSite, sign_in: SignIn, packs: str, alice: User, assert_accessible: Check, check: Check
) -> None:
    page = sign_in(alice)
    page.goto(packs)
    page.get_by_role("button", name=BUY).click()
    choose_card(page, GOOD_CARD)
    stripe_site.engine.set_faults(Faults(error_next_calls=3, drop=100))  # no webhook comes either
    asked: list[Route] = []

    def keep(route: Route) -> None:
        asked.append(route)

    page.route(PROGRESS, keep)  # nothing follows while the page is looked at
    page.get_by_role("button", name=PAY).click()
    expect(page.get_by_role("heading", name="We can’t ask Stripe just now")).to_be_visible()
    page.wait_for_load_state()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.unroute(PROGRESS)
    for question in asked:
        question.continue_()
    expect(page.get_by_role("heading", name="1,000 credits are yours")).to_be_visible(timeout=FOLLOWS_WITHIN_MS)
    expect_balance(page, "1,100")
    check(page)


def test_credits_come_without_the_return_page(
    stripe_site: StripeSite, sign_in: SignIn, alice: User, live_server: LiveServer
) -> None:
    page = sign_in(alice)
    stripe_site.engine.set_faults(Faults(duplicate=1, reorder=True))
    stripe_site.buy_pack(alice)
    expect_balance(page, "1,100")
    assert Purchase.objects.filter(wallet=alice.wallet).count() == 1


def test_nobody_sees_the_return_page_of_another(
    stripe_site: StripeSite, sign_in: SignIn, alice: User, bob: User, live_server: LiveServer, complaints: list[str]
) -> None:
    stripe_site.buy_pack(alice)
    checkout = Checkout.objects.get(wallet=alice.wallet)
    page = sign_in(bob)
    address = f"{live_server.url}/settings/billing/checkout/{checkout.pk}"
    for path in ("return/", f"return/?session_id={checkout.stripe_session_id}", "cancelled/"):
        answer = page.goto(f"{address}/{path}")
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("body")).not_to_contain_text("1,000 credits")
    assert len(complaints) == 3
    complaints.clear()
    bob.wallet.refresh_from_db()
    assert bob.wallet.available == 100_000
