"""A scheduled price can be looked at beforehand, and withdrawn while nobody can have been charged by it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest
from billing.models import FeaturePrice
from billing.services import prices
from billing.tests.admin.pressing import do, look, press
from billing.tests.people import give

pytestmark = pytest.mark.django_db
ADD = "/admin/billing/featureprice/add/"


@pytest.fixture
def now() -> datetime:
    """The real time: the database's own guards go by its clock."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
def scheduled(db: None, now: datetime) -> FeaturePrice:
    """GPT-4o at 9 credits for 1,000 tokens from tomorrow on."""
    return FeaturePrice.objects.create(
        feature_id="gpt-4o", millicredits=9_000, per=1_000, starts_at=now + timedelta(days=1)
    )


def withdrawing(price: FeaturePrice) -> str:
    return f"/admin/billing/featureprice/{price.pk}/withdraw/"


def test_stella_withdraws_a_price_before_it_starts(
    browser_of_stella: Client, scheduled: FeaturePrice, alice: User, now: datetime
) -> None:
    assert "9 credits" in Client().get("/credits/").content.decode()
    page = browser_of_stella.get(f"/admin/billing/featureprice/{scheduled.pk}/change/").content.decode()
    assert "It hasn’t started." in page
    assert withdrawing(scheduled) in page
    page = look(browser_of_stella, withdrawing(scheduled), reason="It was a mistake.")
    assert "9 credits / 1K tokens</td><td><strong>5 credits / 1K tokens</strong>" in page
    assert "Withdrawn: 9 credits / 1K tokens" in press(browser_of_stella, withdrawing(scheduled), page)
    assert "It is gone already." in press(browser_of_stella, withdrawing(scheduled), page)
    assert not FeaturePrice.objects.filter(pk=scheduled.pk).exists()
    assert "9 credits" not in Client().get("/credits/").content.decode()
    logged = LogEntry.objects.get()
    assert (logged.object_id, "It was a mistake." in logged.change_message) == ("gpt-4o", True)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="a", now=now)
    assert alice.wallet.entries.latest("sequence").cost == 5_000


@pytest.mark.parametrize(
    ("minutes", "complaint"), [(0, "It is in force"), (-60, "It is in force"), (4, "in less than five minutes")]
)
def test_a_price_that_may_be_known_is_kept_and_the_page_says_why(
    browser_of_stella: Client, now: datetime, minutes: int, complaint: str
) -> None:
    starts_at = now + timedelta(minutes=minutes)
    price = FeaturePrice.objects.create(feature_id="gpt-4o", millicredits=9_000, per=1_000, starts_at=starts_at)
    assert complaint in browser_of_stella.get(withdrawing(price), follow=True).content.decode()
    assert complaint in look(browser_of_stella, withdrawing(price), reason="Why not")
    with pytest.raises(InvalidRequest):
        prices.withdraw(price_id=price.pk, now=now)
    assert FeaturePrice.objects.filter(pk=price.pk).exists()


def test_the_preview_says_what_the_last_month_would_have_cost(
    browser_of_stella: Client, alice: User, bob: User, now: datetime
) -> None:
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=18, key="a", now=now)
    give(bob.wallet, 900_000, now=now)
    metering.charge(wallet=bob.wallet, feature="web-search", quantity=100, key="a", now=now)
    starts_at = (now + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
    answers = {"feature": "web-search", "amount": "6", "per": "1", "starts_at": starts_at, "reason": "It is dearer."}
    page = look(browser_of_stella, ADD, **answers)
    for words in (
        "The last 30 days at the new price",
        "+118",
        "By plan",
        "Who would have run out",
        "The biggest increases",
        "if all of it were bought as",
    ):
        assert words in page
    short = page.split("Who would have run out")[-1].split("The biggest increases")[0]
    assert "alice@example.com" in short
    assert "bob@example.com" not in short
    do(browser_of_stella, ADD, **answers)
    assert FeaturePrice.objects.filter(feature="web-search", millicredits=6_000).exists()


def test_nobody_withdraws_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, scheduled: FeaturePrice
) -> None:
    page = browser_of_rita.get(f"/admin/billing/featureprice/{scheduled.pk}/change/").content.decode()
    assert withdrawing(scheduled) not in page
    for url in (withdrawing(scheduled), f"{withdrawing(scheduled)}post/"):
        assert browser_of_rita.post(url, {"reason": "Why not"}).status_code == 403
        assert browser_of_bob.post(url, {"reason": "Why not"}, follow=True).status_code == 403
    assert FeaturePrice.objects.filter(pk=scheduled.pk).exists()
