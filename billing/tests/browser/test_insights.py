"""Alice reads what would have saved her credits, on a phone at night and on a desk by day."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import metering
from billing.tests.browser.windows import SIZE_IDS, SIZES, Check, check, log_in, resize
from billing.tests.people import begin_paid_cycle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def now() -> datetime:
    """Really now: pages in a browser have no other clock."""
    return timezone.now() - timedelta(hours=1)


@pytest.fixture(params=SIZES, ids=SIZE_IDS)
def her_page(request: pytest.FixtureRequest, page: Page, live_server: LiveServer, alice: User) -> Page:
    """A browser in which Alice has logged in."""
    log_in(page.context, live_server.url, alice)
    resize(page, request.param)
    return page


def use_a_bit_of_everything(user: User, start: datetime) -> None:
    for number, (prompt, answer) in enumerate([(200, 90), (400, 1_300), (420, 40), (410, 80)]):
        metering.charge(
            wallet=user.wallet,
            feature="gpt-4o",
            quantity=prompt + answer,
            key=f"message {number}",
            detail={"input_tokens": prompt, "output_tokens": answer},
            now=start + timedelta(seconds=40 * number),
        )
    metering.charge(
        wallet=user.wallet, feature="dall-e-3-hd", quantity=1, key="image", now=start + timedelta(minutes=9)
    )


def test_every_tip_and_a_number_of_ones_own(
    her_page: Page, live_server: LiveServer, alice: User, now: datetime, assert_accessible: Check
) -> None:
    address = f"{live_server.url}/settings/billing/insights/"
    her_page.goto(address)
    expect(her_page.get_by_role("heading", name="Nothing was used in the last 30 days")).to_be_visible()
    check(her_page, assert_accessible)

    begin_paid_cycle(
        wallet_id=alice.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=30),
        business_key="pro",
        now=now,
    )
    use_a_bit_of_everything(alice, now)
    her_page.goto(address)
    expect(her_page.get_by_role("heading", level=3).first).to_have_text("Use standard quality for test images")
    for summary in her_page.get_by_text("How this is computed").all():
        summary.click()
    check(her_page, assert_accessible)

    models = her_page.get_by_role("region", name="Use smaller models for simple tasks")
    expect(models).to_contain_text("3 of your 4 GPT-4o messages were under 500 tokens")
    models.get_by_role("link", name="2,000 tokens").press("Enter")
    expect(models).to_contain_text("4 of your 4 GPT-4o messages were under 2,000 tokens")
    expect(her_page).to_have_url(re.compile("below=2000"))
    expect(models.get_by_role("link", name="2,000 tokens")).to_be_focused()
    her_page.go_back()
    expect(models).to_contain_text("3 of your 4 GPT-4o messages were under 500 tokens")


def test_free_has_a_taste(
    her_page: Page, live_server: LiveServer, alice: User, now: datetime, assert_accessible: Check
) -> None:
    use_a_bit_of_everything(alice, now)
    her_page.goto(f"{live_server.url}/settings/billing/insights/")
    expect(her_page.get_by_role("heading", name="With Pro you see")).to_be_visible()
    check(her_page, assert_accessible)
    her_page.get_by_role("link", name="Compare plans").click()
    expect(her_page.get_by_role("heading", name="Plans", level=1)).to_be_visible()
