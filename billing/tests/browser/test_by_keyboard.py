"""Without a mouse: what is left, when it resets, what used most, what a charge was made of, and a file of it."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import metering
from billing.tests.browser.windows import SIZE_IDS, SIZES, come_to_rest, log_in, resize

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_TABS = 80
FOCUSED = """() => {
    const focused = document.activeElement;
    if (focused === document.body) return null;
    const looks = [null, "::after"].map((part) => getComputedStyle(focused, part));
    const label = focused.labels?.[0]?.innerText || focused.getAttribute("aria-label") || focused.innerText || "";
    const seen = looks.some((look) => look.outlineStyle !== "none" || look.boxShadow !== "none");
    return {label: label.trim().replace(/\\s+/g, " "), seen};
}"""


@pytest.fixture
def now() -> datetime:
    """Really now: pages in a browser have no other clock."""
    return timezone.now() - timedelta(hours=1)


@pytest.fixture(params=SIZES, ids=SIZE_IDS)
def her_page(request: pytest.FixtureRequest, page: Page, live_server: LiveServer, alice: User) -> Page:
    """The start page in a browser in which Alice has logged in, after she used a few things."""
    log_in(page.context, live_server.url, alice)
    resize(page, request.param)
    spend(alice, "web-search", 1)
    spend(alice, "gpt-4o", 2_453, input_tokens=1_842, output_tokens=611)
    page.goto(live_server.url)
    return page


def spend(user: User, feature: str, quantity: int, **parts: int) -> None:
    detail: dict[str, object] = {**parts}
    metering.charge(
        wallet=user.wallet, feature=feature, quantity=quantity, key=feature, detail=detail or None, now=timezone.now()
    )


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so; the focus is seen wherever it stops on the way."""
    passed = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:  # past the page's end, before its beginning
            continue
        assert focused["seen"], focused["label"]
        if re.search(name, focused["label"]):
            return
        passed.append(focused["label"])
    raise AssertionError(f"“{name}” is not among {passed}")


def go(page: Page, name: str, *, to: str) -> None:
    """Tab to a link or button, press Enter, and arrive."""
    tab_to(page, name)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(to))
    come_to_rest(page)


def test_five_questions_are_answered_without_a_mouse(her_page: Page, now: datetime) -> None:
    expect(her_page.locator("#balance-chip-link")).to_contain_text("credits available")
    go(her_page, "credits available", to="/settings/billing/$")
    expect(her_page.locator("#overview")).to_contain_text(re.compile("[Rr]eset"))

    go(her_page, "^Usage$", to="/settings/billing/usage/")
    go(her_page, "^7 days$", to="span=7d")
    expect(her_page.get_by_role("row").nth(1)).to_contain_text("GPT-4o")

    go(her_page, "^History$", to="/settings/billing/history/")
    go(her_page, r"GPT-4o", to=r"/settings/billing/history/\d+/")
    expect(her_page.get_by_text("1,842 in + 611 out")).to_be_visible()

    go(her_page, "^History$", to="/settings/billing/history/$")
    go(her_page, "^Export$", to="/settings/billing/export/")
    tab_to(her_page, "^Download")
    with her_page.expect_download() as file:
        her_page.keyboard.press("Enter")
    assert file.value.suggested_filename.startswith("cleverai-")
