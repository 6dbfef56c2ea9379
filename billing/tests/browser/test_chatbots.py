"""From the first chatbot to the last, and a question to our support, with the keyboard alone: on a phone and a desk."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from accounts.models import User
from billing.models import Chatbot, SupportRequest
from billing.services import subscriptions
from billing.tests.browser import windows
from billing.tests.browser.windows import SIZES, Check, log_in, resize

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ARABIC = "مساعد المتجر"
MOST_TABS = 60
IS_FOCUSED = "element => element === document.activeElement"


@pytest.fixture(params=SIZES, ids=["phone-at-night", "desk-by-day"])
def page_of_alice(request: pytest.FixtureRequest, page: Page, live_server: Any, alice: User) -> Page:
    """A browser in which Alice, who is on Free, has logged in."""
    log_in(page.context, live_server.url, alice)
    resize(page, request.param)
    return page


@pytest.fixture
def check(assert_accessible: Check) -> Check:
    """Check that the page shown is accessible and never wider than its window."""
    return lambda page: windows.check(page, assert_accessible)


def tab_to(page: Page, goal: Locator) -> None:
    """Press Tab until something has the focus, as somebody without a mouse does."""
    for _ in range(MOST_TABS):
        if goal.evaluate(IS_FOCUSED):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{goal} can't be reached with the keyboard.")


def press(page: Page, goal: Locator) -> None:
    """Reach something with the keyboard and press Enter."""
    tab_to(page, goal)
    page.keyboard.press("Enter")


def test_a_chatbot_s_whole_life_without_a_mouse(page_of_alice: Page, live_server: Any, check: Check) -> None:
    page = page_of_alice
    page.goto(f"{live_server.url}/chatbots/")
    check(page)
    press(page, page.get_by_role("main").get_by_role("link", name="New chatbot"))
    page.wait_for_url("**/chatbots/new/")
    check(page)
    press(page, page.get_by_role("button", name="Create"))
    expect(page.get_by_text("This field is required.")).to_be_visible()
    check(page)
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.type(ARABIC)
    tab_to(page, page.get_by_role("radio").first)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="GPT-4o 5 credits")).to_be_checked()
    press(page, page.get_by_role("button", name="Create"))
    expect(page.get_by_role("heading", name=ARABIC)).to_be_visible()
    expect(page.get_by_text("Your plan’s limit is reached.")).to_be_visible()
    check(page)

    press(page, page.get_by_role("link", name=f"Edit {ARABIC}"))
    expect(page.get_by_label("Name")).to_have_value(ARABIC)
    check(page)
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.press("Control+A")
    page.keyboard.type('=1+1, "Robo" <b>')
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name='=1+1, "Robo" <b>')).to_be_visible()

    act = page.get_by_role("button", name="Pause")
    press(page, act)
    expect(page.get_by_text("Paused by you")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="is paused. It answers nobody")).to_be_visible()
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_focused()
    check(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("answers again.")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    assert Chatbot.objects.get().state == "active"

    press(page, page.get_by_role("link", name="Delete"))
    expect(page.get_by_role("heading", name="Delete")).to_be_visible()
    check(page)
    press(page, page.get_by_role("button", name="Delete"))
    expect(page.get_by_text("is deleted.")).to_be_visible()
    page.locator("summary").filter(has_text="Deleted chatbots").press("Enter")
    expect(page.get_by_role("heading", name='=1+1, "Robo" <b>')).to_be_visible()
    check(page)


def test_one_that_the_plan_has_no_room_for_is_refused_in_place(
    page_of_alice: Page, live_server: Any, alice: User, check: Check
) -> None:
    page, now = page_of_alice, alice.wallet.last_posted_at
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    for name in ("First", "Second"):
        Chatbot.objects.create(wallet=alice.wallet, name=name, model_id="gpt-4o", created_at=now)
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now)
    page.goto(f"{live_server.url}/chatbots/")
    expect(
        page.get_by_text("1 is paused by your plan’s limit, and resumes by itself on a larger plan.")
    ).to_be_visible()
    check(page)
    page.get_by_role("button", name="Resume Second").click()
    expect(page.get_by_text("Pause one that is active, or choose a larger plan.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/chatbots/$"))


def test_without_scripts_every_act_is_a_plain_form(
    browser: Browser, context: BrowserContext, live_server: Any, alice: User
) -> None:
    log_in(context, live_server.url, alice)
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state()).new_page()
    plain.goto(f"{live_server.url}/chatbots/new/")
    plain.get_by_label("Name").fill("Helper")
    plain.get_by_role("radio").first.check()
    plain.get_by_role("button", name="Create").click()
    plain.get_by_role("button", name="Pause").click()
    expect(plain.get_by_text("Paused by you")).to_be_visible()
    plain.get_by_role("button", name="Resume").click()
    expect(plain.get_by_text("answers again.")).to_be_visible()
    plain.get_by_role("link", name="Delete").click()
    plain.get_by_role("button", name="Delete").click()
    expect(plain.get_by_text("is deleted.")).to_be_visible()
    plain.context.close()


def test_a_question_to_our_support(page_of_alice: Page, live_server: Any, check: Check) -> None:
    page = page_of_alice
    page.goto(f"{live_server.url}/")
    page.get_by_role("contentinfo").get_by_role("link", name="Support").click()
    expect(page.get_by_role("heading", name="Basic support")).to_be_visible()
    check(page)
    tab_to(page, page.get_by_label("Subject"))
    page.keyboard.type("A strange charge")
    tab_to(page, page.get_by_label("How can we help?"))
    page.keyboard.type("What is it?")
    press(page, page.get_by_role("button", name="Send"))
    expect(page.get_by_role("heading", name="A strange charge")).to_be_visible()
    page.locator("summary").filter(has_text="What you wrote").press("Enter")
    expect(page.get_by_text("What is it?")).to_be_visible()
    check(page)
    assert SupportRequest.objects.get().topic == ""
