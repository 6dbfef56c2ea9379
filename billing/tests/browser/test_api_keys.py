"""From the first API key to the last with the keyboard alone, on a phone and a desk; and keys that rest."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from billing.models import ApiKey
from billing.selectors.api_keys import authenticated
from billing.services import subscriptions
from billing.tests.browser.test_chatbots import check, press
from billing.tests.keys import go_pro, key_of

__all__ = ["check"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Check = Callable[[Page], None]

PASSWORD = "a long passphrase"


@pytest.fixture
def now() -> Any:
    """The browser's own clock: sessions and what was done a moment ago go by it."""
    return timezone.now()


@pytest.fixture(params=[(320, "dark"), (1280, "light")], ids=["phone-at-night", "desk-by-day"])
def page_of_alice(request: pytest.FixtureRequest, page: Page, live_server: Any, alice: User) -> Page:
    """A browser in which Alice, who is on Pro, has just given her password."""
    go_pro(alice, now=timezone.now())
    width, scheme = request.param
    client = Client()
    client.force_login(alice)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    return page


def test_a_key_s_whole_life_without_a_mouse(page_of_alice: Page, live_server: Any, check: Check) -> None:
    page = page_of_alice
    page.goto(f"{live_server.url}/settings/api-keys/")
    expect(page.get_by_role("heading", name="Make your first key")).to_be_visible()
    check(page)
    press(page, page.get_by_role("link", name="New key"))
    expect(page.get_by_role("heading", name="New API key")).to_be_visible()
    check(page)
    press(page, page.get_by_role("button", name="Create"))
    expect(page.get_by_text("This field is required.")).to_be_visible()
    check(page)
    name = page.get_by_label("Name")
    name.focus()
    page.keyboard.type("Nightly report")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="“Nightly report” is ready")).to_be_visible()
    check(page)
    token = page.locator("#new_key").inner_text()
    assert re.fullmatch(r"clv_live_\w{8}_\w{38}", token)
    assert authenticated(token, now=timezone.now()).key.name == "Nightly report"

    press(page, page.get_by_role("link", name="I have kept it"))
    expect(page.get_by_text("Active")).to_be_visible()
    press(page, page.get_by_role("link", name="Replace Nightly report"))
    expect(page.get_by_role("heading", name="Replace “Nightly report”")).to_be_visible()
    check(page)
    press(page, page.get_by_role("button", name="Replace"))
    expect(page.get_by_text("The old key")).to_be_visible()
    check(page)
    page.goto(f"{live_server.url}/settings/api-keys/")
    expect(page.get_by_text("Replaced")).to_be_visible()
    check(page)
    press(page, page.get_by_role("link", name="Revoke Nightly report").first)
    expect(page.get_by_role("heading", name="Revoke “Nightly report”?")).to_be_visible()
    check(page)
    press(page, page.get_by_role("button", name="Revoke"))
    expect(page.get_by_text("It opens nothing any more.")).to_be_visible()
    check(page)
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_keys_that_rest_lead_to_the_plans(page_of_alice: Page, live_server: Any, alice: User, check: Check) -> None:
    key_of(alice, now=timezone.now())
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=timezone.now())
    page_of_alice.goto(f"{live_server.url}/settings/api-keys/")
    expect(page_of_alice.get_by_role("heading", name="Your keys rest")).to_be_visible()
    check(page_of_alice)
    press(page_of_alice, page_of_alice.get_by_role("link", name="See the plans"))
    expect(page_of_alice).to_have_url(f"{live_server.url}/settings/billing/plans/")
