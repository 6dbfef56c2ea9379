"""Somebody who has never been here asks five questions, and the keyboard alone answers them within a minute."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.tests.browser.conftest import complaints
from billing.tests.browser.stripe_site import sign_in
from billing.tests.browser.test_journey import FOCUS_IS_SEEN, browser_context_args, on_phone_and_desk
from billing.tests.stripe.shop import Shop
from cleverai.tests.browser import people

__all__ = ["browser_context_args", "complaints", "sign_in"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Somebody who knows no shortcut presses two or three keys a second.
KEYS_WITHIN_A_MINUTE = 150
MOST_TABS = 60
IN_FOCUS = """() => {
    const part = document.activeElement;
    const labels = Array.from(part.labels || []).map((label) => label.innerText);
    const words = [part.innerText, part.getAttribute("aria-label"), ...labels];
    return words.filter(Boolean).join(" ").replace(/\\s+/g, " ").trim();
}"""


class Keyboard:
    """Hands that never leave the keyboard. `keys` is how often one was pressed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def reach(self, name: str) -> None:
        """Tab on until what is in focus is called like this; wherever the focus is on the way, it is seen."""
        passed = []
        for _ in range(MOST_TABS):
            self.press("Tab")
            assert self.page.evaluate(FOCUS_IS_SEEN), self.page.evaluate("document.activeElement.outerHTML")
            passed.append(self.page.evaluate(IN_FOCUS))
            if re.match(name, passed[-1]):
                return
        pytest.fail(f"Nobody comes to “{name}”: {passed}")

    def follow(self, name: str) -> None:
        """Reach a link or a button and use it."""
        self.reach(name)
        self.press("Enter")


@pytest.fixture
def alice(stripe: Shop) -> User:
    """Two months of Alice's, on Pro, with a pack and all kinds of uses."""
    return people.everybody(stripe)["rich"]


@on_phone_and_desk
def test_five_questions_are_answered(
    sign_in: Callable[[User], Page], live_server: LiveServer, alice: User, tmp_path: Path
) -> None:
    page = sign_in(alice)
    keyboard = Keyboard(page)

    keyboard.reach(r"[\d,.]+")
    card = page.locator("#balance-chip-card")
    expect(card).to_be_visible()
    left = page.locator("#balance-chip-link .visually-hidden").inner_text()
    assert re.match(r"[\d,.]+ credits available", left)
    expect(card).to_contain_text(re.compile(r"reset on \d+ \w+"))
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Billing", level=1)).to_be_visible()
    expect(page.locator("#overview")).to_contain_text(re.compile(r"Resets on \d+ \w+ \d{4}"))

    keyboard.follow("Skip to the content")
    keyboard.follow("Usage")
    expect(page.get_by_role("heading", name=re.compile("Usage|Billing"), level=1)).to_be_visible()
    keyboard.follow("Skip to the content")
    keyboard.follow("7 days")
    expect(page).to_have_url(re.compile(r"span=7d"))
    most = page.locator(".usage-table tbody tr").first.get_by_role("rowheader").get_by_role("link")
    expect(most).to_have_text("GPT-4o")
    keyboard.follow("GPT-4o$")
    expect(page).to_have_url(re.compile(r"/history/\?.*feature=gpt-4o"))

    keyboard.follow("Skip to the content")
    keyboard.follow(r"GPT-4o \(receipt \d+\)")
    expect(page.get_by_text(re.compile(r"[\d,]+ in \+ [\d,]+ out"))).to_be_visible()
    expect(page.get_by_text("5 credits / 1K tokens").first).to_be_visible()

    keyboard.follow("Skip to the content")
    keyboard.follow("Export")
    expect(page.get_by_role("heading", name="Export", level=1)).to_be_visible()
    keyboard.follow("Skip to the content")
    keyboard.reach("Download")
    with page.expect_download() as found:
        keyboard.press("Enter")
    rows = rows_of(found.value, tmp_path)
    assert len(rows) > 20
    assert keyboard.keys <= KEYS_WITHIN_A_MINUTE, keyboard.keys


def rows_of(download: Download, folder: Path) -> list[list[str]]:
    """Return the rows of a file that was downloaded."""
    path = folder / download.suggested_filename
    download.save_as(path)
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
