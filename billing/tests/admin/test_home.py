"""The staff's first page: how everything is, and the figures, as far as its reader may know them."""

import re
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import metering
from billing.models import Message
from billing.services import clockwork, figures
from billing.tests.admin.conftest import browser_of
from billing.tests.people import give, sign_up

pytestmark = pytest.mark.django_db


def home(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/admin/{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def card(page: str, label: str) -> str:
    """Return what a card says, without its drawing."""
    [found] = re.findall(rf'<div class="staff-card"> <h3>(?:<a [^>]*>)?{label}(?:</a>)?</h3>(.*?)</div>', page)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


@pytest.fixture
def busy(alice: User, bob: User, now: datetime) -> None:
    """Alice used 12.265 credits a month before Bob used 5, and bought a pack."""
    give(alice.wallet, 1_000_000, now=now, cents=10_00)
    for user, quantity, moment in ((alice, 2_453, now), (bob, 1_000, now + timedelta(days=30))):
        metering.charge(wallet=user.wallet, feature="gpt-4o", quantity=quantity, key="a", now=moment)


def test_rita_sees_what_was_sold_and_used(busy: None, browser_of_rita: Client) -> None:
    shown = home(browser_of_rita)
    assert card(shown, "Credits used").startswith("12.3 new against the days before")
    assert card(shown, "Credits sold").startswith("1,000 ")
    assert card(shown, "Paid").startswith("$10 new")
    assert "$10 for packs, $0 for plans" in shown
    assert card(shown, "Sign-ups").startswith("3 ")
    assert "Bought in packs" in shown
    assert "at what was paid for each pack" in shown


def test_each_figure_leads_to_its_rows(busy: None, browser_of_stella: Client) -> None:
    shown = home(browser_of_stella, "?span=90d")
    links = set(re.findall(r'<h3><a href="([^"]+)"', shown)) | set(
        re.findall(r'<li class="staff-state-\w+">.*?<a href="([^"]+)"', shown)
    )
    assert len(links) > 12
    assert any("/admin/billing/export/" in link for link in links)
    for link in links:
        answer = browser_of_stella.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200, link
    used = next(link for link in links if "ledgerentry" in link and "charge" in link)
    assert "GPT-4o" in browser_of_stella.get(used.replace("&amp;", "&")).content.decode()


@pytest.mark.parametrize("span", ["7d", "30d", "90d", "12m", "nonsense", "%00", "", "9" * 5_000])
def test_any_span_is_a_page_or_refused(busy: None, browser_of_stella: Client, span: str) -> None:
    answer = browser_of_stella.get(f"/admin/?span={span}")
    assert answer.status_code == (400 if span == "%00" else 200)
    if answer.status_code == 200:
        [chosen] = re.findall(r'href="\?span=(\w+)" aria-current="true"', answer.content.decode())
        assert chosen == (span if span in ("7d", "90d", "12m") else "30d")


def test_the_days_before_are_compared(busy: None, alice: User, now: datetime) -> None:
    later = now + timedelta(days=30)
    stella = sign_up("stella", at=now, is_staff=True, is_superuser=True)
    with patch("django.utils.timezone.now", return_value=later):
        shown = home(browser_of(stella))
    assert card(shown, "Credits used").startswith("5 −59 % against the days before")
    assert card(shown, "Credits sold").startswith("0 gone")


def test_the_strip_says_what_is_wrong(browser_of_stella: Client, alice: User, now: datetime) -> None:
    shown = home(browser_of_stella)
    assert "Not proven yet" in shown
    clockwork.beat(task="prove_books", outcome="Differences: 0.")
    Message.objects.create(wallet=alice.wallet, kind="welcome", key="welcome", raised_at=now, mail="failed")
    shown = home(browser_of_stella)
    assert "just now: every sum holds" in shown
    assert "1 given up" in shown
    clockwork.beat(task="prove_books", outcome="Differences: 3.")
    shown = home(browser_of_stella)
    assert "just now: Differences: 3." in shown
    assert re.search(r'staff-state-bad"> <span class="staff-state">bad</span> <a [^>]+>Last proof', shown)


def test_who_may_not_know_money_sees_no_figures(busy: None, now: datetime) -> None:
    sam = sign_up("sam", at=now, is_staff=True)
    assert "Last proof" not in home(browser_of(sam))
    sam.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    shown = home(browser_of(sam))
    assert "Last proof" in shown
    assert "Credits sold" not in shown
    assert "stripeevent" not in shown
    sam.user_permissions.add(Permission.objects.get(codename="view_purchase"))
    shown = home(browser_of(sam))
    assert "Credits sold" in shown
    assert "/admin/accounts/user/" not in shown


def test_the_page_takes_no_more_questions_for_more_rows(
    busy: None, browser_of_rita: Client, browser_of_stella: Client, now: datetime
) -> None:
    def asked(browser: Client) -> int:
        with CaptureQueriesContext(connection) as captured:
            home(browser, "?span=12m")
        return len(captured)

    for browser in (browser_of_rita, browser_of_stella):
        home(browser)  # the first look of a minute writes down that the session is alive
    few = asked(browser_of_rita)
    assert few <= 20
    for number in range(10):
        sign_up(f"guest-{number}", at=now)
    figures.close_days(now=now + timedelta(days=3))
    assert asked(browser_of_rita) <= few
    assert asked(browser_of_stella) <= 20
