"""Simon sees CleverAI as Alice does, in a browser: the banner is on the page, on a phone, on paper and in the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.tests.browser.conftest import watch
from billing.tests.browser.windows import SIZE_IDS, SIZES, log_in, resize

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def simon_s_page(request: pytest.FixtureRequest, page: Page, live_server: LiveServer, sites: set[str]) -> Page:
    """A browser in which Simon has logged in."""
    simon = User.objects.create_user("simon@example.com", "a long passphrase", name="Simon", is_staff=True)
    simon.groups.add(Group.objects.get(name="support"))
    log_in(page.context, live_server.url, simon)
    resize(page, request.param)
    return page


@pytest.mark.parametrize("simon_s_page", SIZES, ids=SIZE_IDS, indirect=True)
def test_simon_looks_and_ends_it(
    simon_s_page: Page, live_server: LiveServer, sites: set[str], assert_accessible: Callable[[Page], None]
) -> None:
    page = simon_s_page
    alice = User.objects.create_user("alice@example.com", "a long passphrase", name="Alice")
    complaints = watch(page.context, sites)
    banner = page.get_by_role("region", name="Seeing CleverAI as a customer")

    def check() -> None:
        expect(banner).to_be_in_viewport()
        expect(banner).to_contain_text("alice@example.com")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    page.goto(f"{live_server.url}/admin/billing/wallet/{alice.wallet.pk}/change/")
    page.get_by_role("link", name="See as customer").click()
    page.get_by_label("Reason").fill("Question 17")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#balance-chip-link")).to_contain_text("100 credits available")
    check()
    page.emulate_media(media="print")
    expect(banner).to_be_visible()
    page.emulate_media(media="screen")
    page.goto(f"{live_server.url}/admin/")
    check()
    assert complaints == []
    page.goto(f"{live_server.url}/settings/billing/preferences/")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", name="Not while you see CleverAI as a customer")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("You see CleverAI as yourself again.")).to_be_visible()
    assert [line for line in complaints if "403" not in line] == []


@pytest.mark.parametrize("simon_s_page", SIZES[1:], ids=["1280-light"], indirect=True)
def test_a_page_in_another_tab_is_loaded_anew_when_it_ends(simon_s_page: Page, live_server: LiveServer) -> None:
    alice = User.objects.create_user("alice@example.com", "a long passphrase", name="Alice")
    page, other = simon_s_page, simon_s_page.context.new_page()
    page.goto(f"{live_server.url}/admin/billing/wallet/{alice.wallet.pk}/see-as/")
    page.get_by_label("Reason").fill("Question 17")
    page.get_by_role("button", name="Begin").click()
    banner = page.get_by_role("region", name="Seeing CleverAI as a customer")
    expect(banner).to_be_visible()
    other.goto(f"{live_server.url}/seeing-as/")
    other.get_by_role("button", name="End it").click()
    page.bring_to_front()
    expect(banner).to_have_count(0, timeout=10_000)
