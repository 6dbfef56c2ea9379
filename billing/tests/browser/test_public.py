"""What visitors read and calculate, in a real browser, on a phone at night and on a desk by day."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.tests.browser.windows import come_to_rest, log_in
from billing.tests.people import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Check = Callable[[Page], None]
#: How long the calculator waits for the next key.
ASKS_AFTER_MS = 300
CALCULATOR = "**/credits/calculator/**"


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
    """Check the page shown: accessible, and nothing sticks out."""

    def look(page: Page) -> None:
        come_to_rest(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    return look


@pytest.fixture
def alice(db: None) -> User:
    """Alice signs up now: the pages' clock is the real one."""
    return sign_up("alice", at=timezone.now())


@on_phone_and_desk
def test_a_visitor_reads_all_there_is(page: Page, live_server: LiveServer, check: Check) -> None:
    page.goto(live_server.url)
    check(page)
    page.get_by_role("link", name="See prices").click()
    expect(page.get_by_role("heading", name="Every price, in the open.")).to_be_visible()
    check(page)
    page.get_by_text("Do credits expire?").click()
    expect(page.get_by_text("what is unused does not roll over")).to_be_visible()
    check(page)
    page.get_by_role("contentinfo").get_by_role("link", name="How credits work").click()
    expect(page.get_by_role("heading", name="How credits work", level=1)).to_be_visible()
    check(page)
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Policies").click()
    expect(page.get_by_role("heading", name="Credit policies")).to_be_in_viewport()


@on_phone_and_desk
def test_a_visitor_calculates(page: Page, live_server: LiveServer, check: Check) -> None:
    page.goto(f"{live_server.url}/pricing/?campaign=spring")
    total = page.locator(".calculator-total .figure-value")
    expect(total).to_have_text(re.compile(r"1,400\s+credits"))

    page.get_by_label("Chats").fill("1,000")
    page.get_by_label("Images").press("Control+a")
    page.keyboard.type("3")
    expect(total).to_have_text(re.compile(r"1,320\s+credits"))
    expect(page).to_have_url(re.compile(r"/pricing/\?campaign=spring&chats=1%2C000&tokens=1200&.*images=3"))
    expect(page.get_by_label("Images")).to_be_focused()

    page.get_by_label("GPT-4o", exact=True).check()
    expect(total).to_have_text(re.compile(r"6,120\s+credits"))
    expect(page.locator(".calculator-ways")).to_contain_text("Pro and 2 × 1,000 credits")
    expect(page.locator("#calculator-said")).to_have_text("6,120 credits in all.")
    expect(page.get_by_label("GPT-4o", exact=True)).to_be_focused()

    page.get_by_label("Searches").fill("-5")
    expect(page.locator("#calculator-searches-error")).to_have_text("Whole numbers only.")
    expect(total).to_have_text(re.compile(r"6,120\s+credits"))
    check(page)
    page.get_by_label("Searches").fill("")
    expect(page.locator("#calculator-searches-error")).to_have_text("")

    page.reload()
    expect(total).to_have_text(re.compile(r"6,120\s+credits"))
    expect(page.get_by_label("Chats")).to_have_value("1,000")


def test_alice_reads_it_with_her_balance_and_finds_her_plan(
    page: Page, live_server: LiveServer, check: Check, alice: User
) -> None:
    log_in(page.context, live_server.url, alice)
    for address in ("/pricing/", "/credits/"):
        page.goto(f"{live_server.url}{address}")
        expect(page.locator("#balance-chip-link")).to_contain_text("100 credits available")
        expect(page.get_by_text("Your plan", exact=True)).to_be_visible()
        check(page)
    page.get_by_role("link", name="Choose a plan").click()
    expect(page).to_have_url(f"{live_server.url}/settings/billing/plans/")


def test_the_calculator_needs_no_script(browser: Browser, live_server: LiveServer) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/pricing/")
    page.get_by_label("Chats").fill("10")
    page.get_by_label("Images").fill("one")
    page.get_by_label("O1 Preview").check()
    page.get_by_role("button", name="Calculate").click()
    expect(page).to_have_url(re.compile(r"/pricing/\?chats=10.*#calculator$"))
    expect(page.locator(".calculator-total .figure-value")).to_have_text(re.compile(r"180\s+credits"))
    expect(page.get_by_text("Whole numbers only.")).to_be_visible()
    page.context.close()


def test_typing_on_while_an_answer_arrives_loses_nothing(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/pricing/")
    field = page.get_by_label("Tokens each")
    field.press("Control+a")
    for digit in "12345":
        with page.expect_response(CALCULATOR):
            page.keyboard.type(digit)
    expect(field).to_have_value("12345")
    expect(page.get_by_text("500 chats of 12,345 tokens")).to_be_visible()


def test_typing_on_while_an_answer_is_late_is_answered_too(page: Page, live_server: LiveServer) -> None:
    late: list[Route] = []
    page.route(CALCULATOR, lambda route: route.fallback() if late else late.append(route))
    page.goto(f"{live_server.url}/pricing/")
    page.get_by_label("Tokens each").press("Control+a")
    with page.expect_request(CALCULATOR):
        page.keyboard.type("1")
    page.keyboard.type("2345")
    page.wait_for_timeout(ASKS_AFTER_MS + 100)
    late[0].continue_()
    expect(page.get_by_text("500 chats of 12,345 tokens")).to_be_visible()
    expect(page).to_have_url(re.compile("tokens=12345"))
