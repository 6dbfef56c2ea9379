"""From signing up to the last digit of a receipt, in a real browser, on a phone at night and on a desk by day."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import metering
from billing.tests.browser.windows import come_to_rest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
FOLLOWS_WITHIN_MS = 5_000
#: Past its last link, the page hands the focus to the browser's own buttons.
FOCUS_IS_SEEN = """() => {
    if (!document.hasFocus()) return true;
    const looks = [null, "::after"].map((part) => getComputedStyle(document.activeElement, part));
    return looks.some((look) => look.outlineStyle !== "none" || look.boxShadow !== "none");
}"""


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, object], request: pytest.FixtureRequest) -> dict[str, object]:
    """Open windows on a desk by day, unless the test says otherwise."""
    width, scheme = getattr(request, "param", (1280, "light"))
    return {**browser_context_args, "viewport": {"width": width, "height": 800}, "color_scheme": scheme}


on_phone_and_desk = pytest.mark.parametrize(
    "browser_context_args", [(320, "dark"), (1280, "light")], ids=["phone-at-night", "desk-by-day"], indirect=True
)


@pytest.fixture
def check(assert_accessible: Check) -> Check:
    """Check a page that was just reached: accessible, nothing sticks out, and whoever tabs sees where they are."""

    def look(page: Page) -> None:
        come_to_rest(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for _ in range(8):
            page.keyboard.press("Tab")
            assert page.evaluate(FOCUS_IS_SEEN), page.evaluate("document.activeElement.outerHTML")
        page.evaluate("document.activeElement.blur()")

    return look


def sign_up(page: Page, address: str, check: Check) -> User:
    """Sign up and confirm the address with the mail's link, as anybody would."""
    page.goto(f"{address}/accounts/signup/")
    check(page)
    page.get_by_label("E-mail").fill("alice@example.com")
    page.locator("input[name=password1]").fill("a long passphrase")
    page.get_by_role("button", name=re.compile("sign up|create", re.IGNORECASE)).click()
    page.wait_for_url("**/accounts/confirm-email/")
    check(page)
    (link,) = re.findall(r"https?://\S+/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    page.goto(link)
    check(page)
    page.get_by_role("button", name=re.compile("confirm", re.IGNORECASE)).click()
    page.wait_for_url(f"{address}/")
    return User.objects.get(email="alice@example.com")


@on_phone_and_desk
def test_from_sign_up_to_the_receipt(page: Page, live_server: LiveServer, check: Check) -> None:
    alice = sign_up(page, live_server.url, check)
    chip = page.locator("#balance-chip-link")
    expect(chip).to_contain_text("100 credits available")
    expect(page.get_by_role("heading", name="Hello, alice")).to_be_visible()
    check(page)

    detail: dict[str, object] = {"input_tokens": 1_842, "output_tokens": 611}
    metering.charge(
        wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="chat", detail=detail, now=timezone.now()
    )
    expect(chip).to_contain_text("87.735 credits available", timeout=FOLLOWS_WITHIN_MS)
    expect(page.locator("#start")).to_contain_text("2,453 tokens", timeout=FOLLOWS_WITHIN_MS)

    chip.click()
    expect(page.get_by_role("heading", name="Billing", level=1)).to_be_visible()
    expect(page.locator("#overview")).to_contain_text("12.265")
    check(page)

    page.get_by_role("link", name="History", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(3)
    check(page)
    page.get_by_label("Kind").select_option("Added")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?kind=added"))
    page.get_by_label("Kind").select_option("All kinds")
    page.get_by_role("link", name="GPT-4o (receipt 2)").click()

    expect(page.get_by_text("1,842 in + 611 out")).to_be_visible()
    expect(page.get_by_text("5 credits / 1K tokens").first).to_be_visible()
    check(page)

    page.goto(f"{live_server.url}/settings/billing/usage/")
    expect(page.get_by_role("row", name=re.compile("GPT-4o"))).to_contain_text("2,453 tokens")
    check(page)
    page.get_by_text("Figures of this chart").click()
    expect(page.get_by_role("row", name=re.compile("12.265"))).to_have_count(3)


@on_phone_and_desk
def test_a_warning_comes_live_and_is_put_away(page: Page, live_server: LiveServer, check: Check) -> None:
    alice = sign_up(page, live_server.url, lambda _: None)
    chip = page.locator("#balance-chip-link")
    metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=97_000, key="1", now=timezone.now())
    expect(chip).to_have_attribute("data-level", "very-low", timeout=FOLLOWS_WITHIN_MS)
    expect(page.get_by_text("Credits are very low.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Dismiss this warning").click()
    expect(page.get_by_text("Credits are very low.")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("Credits are very low.")).to_have_count(0)


def test_an_ended_session_is_told_and_the_page_stays(page: Page, live_server: LiveServer) -> None:
    sign_up(page, live_server.url, lambda _: None)
    page.context.clear_cookies()
    expect(page.get_by_text("You have been signed out.")).to_be_visible(timeout=FOLLOWS_WITHIN_MS)
    expect(page.locator("#balance-chip-link")).to_contain_text("100 credits available")


def test_the_card_below_the_chip_goes_away_on_escape(page: Page, live_server: LiveServer) -> None:
    sign_up(page, live_server.url, lambda _: None)
    card = page.locator("#balance-chip-card")
    expect(card).to_be_hidden()
    page.locator("#balance-chip-link").hover()
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_everything_reads_without_scripts(browser: Browser, live_server: LiveServer, context: BrowserContext) -> None:
    page = context.new_page()
    alice = sign_up(page, live_server.url, lambda _: None)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="1", now=timezone.now())
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state()).new_page()
    plain.goto(f"{live_server.url}/settings/billing/history/")
    plain.get_by_label("Feature").select_option("GPT-4o")
    plain.get_by_role("button", name="Show").click()
    plain.get_by_role("link", name="GPT-4o (receipt 2)").click()
    expect(plain.get_by_text("2,453 tokens × 5 credits / 1K tokens")).to_be_visible()
    plain.context.close()


def test_a_filter_changed_at_the_moment_the_list_arrives_counts(page: Page, live_server: LiveServer) -> None:
    alice = sign_up(page, live_server.url, lambda _: None)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="1", now=timezone.now())
    page.goto(f"{live_server.url}/settings/billing/history/")
    page.evaluate("""() => document.body.addEventListener("htmx:afterSwap", () => {
        const kind = document.getElementById("filter-kind");
        kind.value = "";
        kind.dispatchEvent(new Event("change", {bubbles: true}));
    }, {once: true})""")
    page.get_by_label("Kind").select_option("Added")
    expect(page).to_have_url(re.compile(r"\?kind=&"))
    expect(page.get_by_role("row")).to_have_count(3)
