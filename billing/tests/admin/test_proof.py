"""Staff let the books prove themselves."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import metering
from billing.models import Wallet

pytestmark = pytest.mark.django_db
URL = "/admin/billing/ledgerentry/proof/"
real_now = timezone.now


def test_sound_books_are_proven(browser_of_stella: Client, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="a", now=now)
    assert "Books proven" not in browser_of_stella.get(URL).content.decode()
    page = browser_of_stella.post(URL).content.decode()
    assert "Books proven: every sum holds." in page
    assert "2 wallets, 3 entries" in page


def test_a_difference_is_named_with_its_wallet(browser_of_stella: Client, alice: User) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(available=100_001)
    page = browser_of_stella.post(URL).content.decode()
    assert "The books don't add up: 2 differences." in page
    assert "available is the sum of its entries" in page
    assert f"/admin/billing/wallet/{alice.wallet.pk}/change/" in page
    Wallet.objects.filter(pk=alice.wallet.pk).update(available=100_000)


def test_what_is_overdue_is_a_warning(browser_of_stella: Client, alice: User) -> None:
    page = browser_of_stella.post(URL).content.decode()
    assert "with something due, for more than five minutes" in page
    Wallet.objects.update(next_due_at=real_now() + timedelta(days=1))
    assert "for more than five minutes" not in browser_of_stella.post(URL).content.decode()


def test_it_is_linked_from_the_first_page_for_those_who_may(browser_of_stella: Client, browser_of_bob: Client) -> None:
    assert URL in browser_of_stella.get("/admin/").content.decode()
    assert browser_of_bob.post(URL, follow=True).status_code == 403
    assert Client().post(URL).status_code == 302


def test_staff_without_the_right_are_refused(stella: User) -> None:
    User.objects.filter(pk=stella.pk).update(is_superuser=False)
    browser = staff_browser(User.objects.get(pk=stella.pk))
    assert browser.post(URL).status_code == 403
    assert URL not in browser.get("/admin/").content.decode()
