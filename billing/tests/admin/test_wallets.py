"""A wallet's page, suspending and resuming it (decision 26)."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import metering
from billing.errors import InvalidRequest, UnknownWallet, WalletSuspended
from billing.models import Wallet
from billing.services import wallets
from billing.tests.admin.pressing import look, press
from billing.tests.people import give

pytestmark = pytest.mark.django_db


def page_of(browser: Client, wallet: Wallet) -> str:
    return browser.get(f"/admin/billing/wallet/{wallet.pk}/change/").content.decode()


def test_a_wallet_shows_its_grants_in_burn_down_order(browser_of_stella: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 50_000, now=now, key="pack")
    give(alice.wallet, 7_000, now=now, key="promo", source="promotional", expires_at=now + timedelta(days=1))
    page = page_of(browser_of_stella, alice.wallet)
    places = [page.index(words) for words in (">Promotional credits", ">Monthly credits", ">Credit pack")]
    assert places == sorted(places)
    assert "157" in page
    assert f"/admin/accounts/user/{alice.pk}/change/" in page


def test_a_wallet_is_settled_before_it_is_shown(stella: User, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=1, key="a", now=now)
    with patch("django.utils.timezone.now", return_value=now + timedelta(days=40)):
        page = page_of(staff_browser(User.objects.get(email="stella@example.com")), alice.wallet)
    alice.wallet.refresh_from_db()
    assert (alice.wallet.cycle, alice.wallet.available) == (2, 100_000)
    assert "Expired" in page


def test_an_erased_wallet_is_still_a_page(browser_of_stella: Client, alice: User) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(owner=None)
    assert f"Wallet {alice.wallet.pk}, erased" in page_of(browser_of_stella, alice.wallet)
    assert "erased" in browser_of_stella.get("/admin/billing/wallet/").content.decode()


@pytest.mark.parametrize("term", ["alice@", "Alice", "ALICE@EXAMPLE.COM"])
def test_stella_finds_a_wallet_by_its_owner(browser_of_stella: Client, alice: User, bob: User, term: str) -> None:
    page = browser_of_stella.get("/admin/billing/wallet/", {"q": term}).content.decode()
    assert "alice@example.com" in page
    assert "bob@example.com" not in page


def test_stella_suspends_a_wallet_and_its_holds_still_settle(
    browser_of_stella: Client, alice: User, now: datetime
) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="web-search", quantity=2, key="h", now=now)
    url = f"/admin/billing/wallet/{alice.wallet.pk}/suspend/"
    assert "This field is required." in look(browser_of_stella, url, reason=" ")
    page = look(browser_of_stella, url, reason="The card was stolen.")
    assert "Open holds, which still settle</th><td>1</td>" in page
    assert not Wallet.objects.filter(suspended_at__isnull=False).exists()
    assert "The card was stolen." in press(browser_of_stella, url, page)
    assert "It was done before." in press(browser_of_stella, url, page)
    assert "It is suspended already." in look(browser_of_stella, url, reason="Once more.")
    with pytest.raises(WalletSuspended):
        metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="a", now=now)
    with pytest.raises(WalletSuspended):
        metering.hold(wallet=alice.wallet, feature="web-search", quantity=1, key="b", now=now)
    assert metering.capture(wallet=alice.wallet, hold=hold, quantity=1, now=now).cost == 5_000
    alice.wallet.refresh_from_db()
    assert alice.wallet.suspension_reason == "The card was stolen."
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Suspended: The card was stolen."]


def test_a_resumed_wallet_is_charged_again(browser_of_stella: Client, alice: User, now: datetime) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="The card was stolen.", now=now)
    url = f"/admin/billing/wallet/{alice.wallet.pk}/resume/"
    assert "The card was stolen." in browser_of_stella.get(url).content.decode()
    assert "This field is required." in look(browser_of_stella, url)
    page = look(browser_of_stella, url, reason="It was another card.")
    for _ in range(2):
        press(browser_of_stella, url, page)
    assert metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="a", now=now).cost == 5_000
    alice.wallet.refresh_from_db()
    assert (alice.wallet.suspended_at, alice.wallet.suspension_reason) == (None, "")
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Resumed: It was another card."]


def test_who_was_suspended_anew_since_is_not_resumed_unseen(
    browser_of_stella: Client, alice: User, now: datetime
) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="The card was stolen.", now=now)
    url = f"/admin/billing/wallet/{alice.wallet.pk}/resume/"
    page = look(browser_of_stella, url, reason="It was another card.")
    wallets.resume(wallet_id=alice.wallet.pk)
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A court says so.", now=now + timedelta(minutes=1))
    page = press(browser_of_stella, url, page)
    assert "has changed since you looked at it" in page
    assert "A court says so." in page
    alice.wallet.refresh_from_db()
    assert alice.wallet.suspended_at is not None


def test_suspending_twice_keeps_the_first_moment(alice: User, now: datetime) -> None:
    assert wallets.suspend(wallet_id=alice.wallet.pk, reason="First", now=now)
    assert not wallets.suspend(wallet_id=alice.wallet.pk, reason="Second", now=now + timedelta(days=1))
    alice.wallet.refresh_from_db()
    assert (alice.wallet.suspended_at, alice.wallet.suspension_reason) == (now, "First")


def test_a_suspension_needs_a_reason_and_a_wallet(alice: User, now: datetime) -> None:
    with pytest.raises(InvalidRequest):
        wallets.suspend(wallet_id=alice.wallet.pk, reason="  ", now=now)
    with pytest.raises(UnknownWallet):
        wallets.suspend(wallet_id=0, reason="Why not", now=now)
    with pytest.raises(UnknownWallet):
        wallets.resume(wallet_id=0)


@pytest.mark.parametrize("act", ["suspend", "resume"])
def test_nobody_suspends_or_resumes_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, alice: User, act: str
) -> None:
    url = f"/admin/billing/wallet/{alice.wallet.pk}/{act}/"
    assert browser_of_rita.post(url, {"reason": "Why not"}).status_code == 403
    assert browser_of_rita.post(f"{url}post/", {"reason": "Why not"}).status_code == 403
    assert browser_of_bob.post(url, {"reason": "Why not"}, follow=True).status_code == 403
    alice.wallet.refresh_from_db()
    assert alice.wallet.suspended_at is None


def test_the_page_of_a_person_leads_to_the_wallet(browser_of_stella: Client, alice: User) -> None:
    page = browser_of_stella.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert f"/admin/billing/wallet/{alice.wallet.pk}/change/" in page
    assert alice.password not in page
