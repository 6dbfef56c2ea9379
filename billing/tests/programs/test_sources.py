"""What programs charged carries the name of its source wherever its owner looks."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client as Browser
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.models import ApiKey, DailyUsage
from billing.services import chatbots
from billing.tests.keys import service_key
from billing.tests.pages.conftest import browser_of
from billing.tests.people import give
from cleverai_credits import Client, Node

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = {"API key Chat backend", "Workflow weekly-report", "Helper", "In the app"}


@pytest.fixture
def alice(alice: User, now: datetime) -> User:
    """Alice with some more credits and a chatbot."""
    give(alice.wallet, 100_000, now=now)
    chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o-mini", now=now)
    return alice


@pytest.fixture
def browser_of_alice(alice: User, clever: Client) -> Browser:
    """Alice's browser, after a program of ours has charged in each way that there is."""
    bot = alice.wallet.chatbots.get()
    clever.charge("gpt-4o", 1_000, key="own")
    clever.charge("gpt-4o", 1_000, key="app", source="app")
    clever.charge("chatbot-message", 1_000, priced_as="gpt-4o-mini", key="bot", source=bot.source)
    clever.charge_workflow("weekly-report", [Node(name="News", feature="web-search", quantity=1)], key="run")
    hold = clever.hold("gpt-4o", 500, key="held")
    clever.capture(hold.id, 200)
    return browser_of(alice)


def test_they_are_counted_under_their_sources(browser_of_alice: Browser, alice: User) -> None:
    key, bot = ApiKey.objects.get(), alice.wallet.chatbots.get()
    rows = DailyUsage.objects.filter(wallet=alice.wallet)
    assert set(rows.values_list("source", flat=True)) == {key.source, "app", bot.source, "workflow:weekly-report"}
    own = rows.filter(source=key.source)
    assert [(row.feature_id, row.quantity, row.cost, row.uses) for row in own] == [("gpt-4o", 1_200, 6_000, 2)]


def test_usage_history_and_receipts_call_them_by_their_names(browser_of_alice: Browser) -> None:
    usage = browser_of_alice.get("/settings/billing/usage/?by=source").content.decode()
    history = browser_of_alice.get("/settings/billing/history/").content.decode()
    for name in NAMES:
        assert name in usage
    assert "API key Chat backend" in history
    assert "API key Chat backend" in browser_of_alice.get("/settings/billing/history/3/").content.decode()


def test_history_can_be_narrowed_to_a_key(browser_of_alice: Browser) -> None:
    source = ApiKey.objects.get().source
    page = browser_of_alice.get(f"/settings/billing/history/?source={source}").content.decode()
    assert "/settings/billing/history/3/" in page
    assert "/settings/billing/history/4/" not in page
    assert "API key Chat backend" in page
    usage = browser_of_alice.get(f"/settings/billing/usage/?source={source}").content.decode()
    assert "API key Chat backend" in usage


@pytest.mark.parametrize("what", ["usage", "history", "statement"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_exports_name_them(browser_of_alice: Browser, what: str, ending: str) -> None:
    answer = browser_of_alice.get(f"/settings/billing/export/{what}.{ending}?span=7d")
    assert answer.status_code == 200
    text = b"".join(answer).decode()
    assert all(name in text for name in NAMES)
    assert ApiKey.objects.get().source in text


def test_a_key_s_end_changes_no_name_and_another_person_s_key_stays_nameless(
    browser_of_alice: Browser, alice: User, stella: User, bob: User, now: datetime, live_server: LiveServer
) -> None:
    key = ApiKey.objects.get()
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=now + timedelta(seconds=1))
    assert "API key Chat backend" in browser_of_alice.get("/settings/billing/history/3/").content.decode()
    ApiKey.objects.filter(pk=key.pk).update(wallet=bob.wallet, scopes=["read"])
    page = browser_of_alice.get("/settings/billing/history/3/").content.decode()
    assert "Chat backend" not in page
    assert f"API key {key.pk}" in page


def test_two_services_are_told_apart(
    clever: Client, alice: User, stella: User, now: datetime, live_server: LiveServer
) -> None:
    clever.charge("gpt-4o", 1_000)
    other = service_key(stella, now=now, name="Image backend").token
    with Client(live_server.url, other, wallet=alice.wallet.pk) as images:
        images.charge("web-search", 1)
    names = {line.source_name: line.cost for line in clever.usage()}
    assert set(names) == {"API key Chat backend", "API key Image backend"}
    assert names["API key Chat backend"] == Decimal(5)
