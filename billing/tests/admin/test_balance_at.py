"""“Why do I have 87.735 credits?” Support answers from one page."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing import metering
from billing.services import departures, grants
from billing.tests.admin.conftest import browser_of
from billing.tests.people import give, planless_wallet, sign_up

pytestmark = pytest.mark.django_db


def page(browser: Client, user_or_wallet: object, query: str = "", *, status: int = 200) -> str:
    wallet = getattr(user_or_wallet, "wallet", user_or_wallet)
    answer = browser.get(f"/admin/billing/wallet/{wallet.pk}/balance/?{query}")
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_rita_is_told_why_alice_has_what_she_has(
    browser_of_rita: Client, alice: User, stella: User, now: datetime
) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now)
    reason = "The video came out black."
    grants.adjust(wallet_id=alice.wallet.pk, amount=25_500, reason=reason, actor=stella, key="b", now=now)
    shown = page(browser_of_rita, alice)
    assert "113.235 credits available" in shown
    assert "Monthly credits added: +100; Credits given by staff: +25.5; Used: −12.265." in shown
    assert reason in shown
    assert 'href="/admin/billing/wallet/' in page(browser_of_rita, alice)
    assert (
        "Why this balance?" in browser_of_rita.get(f"/admin/billing/wallet/{alice.wallet.pk}/change/").content.decode()
    )


def test_it_answers_for_a_moment_in_the_reader_s_zone_and_for_an_entry(
    browser_of_stella: Client, alice: User, stella: User, now: datetime
) -> None:
    stella.time_zone = "Asia/Tokyo"
    stella.save()
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now + timedelta(minutes=10))
    assert "100 credits available" in page(browser_of_stella, alice, "at=2025-03-10T18:35")
    assert "87.735 credits available" in page(browser_of_stella, alice, "at=2025-03-10T18:41")
    assert "87.735 credits available" in page(browser_of_stella, alice, "entry=2")
    assert "Asia/Tokyo" in page(browser_of_stella, alice)


def test_of_many_grants_those_that_are_not_listed_are_told_of(
    browser_of_stella: Client, alice: User, now: datetime
) -> None:
    for number in range(53):
        give(alice.wallet, 1_000 + number, now=now, key=f"pack {number}")
    shown = page(browser_of_stella, alice)
    assert "4 further grants, with 4.006 credits left or held together, aren’t listed." in shown
    assert "nothing left" not in shown


def test_before_the_sign_up_and_in_the_future_it_says_so(browser_of_stella: Client, alice: User, now: datetime) -> None:
    assert "this wallet had no entries" in page(browser_of_stella, alice, "at=2025-03-10T09:29")
    ahead = page(browser_of_stella, alice, "at=2027-01-01T00:00")
    assert "has yet to come" in ahead
    assert "100 credits available" in ahead
    assert "no entries yet" in page(browser_of_stella, planless_wallet(at=now))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("at=yesterday", "Enter a valid date/time."),
        ("at=0001-01-01T00:00", "Choose a moment from 2000 to 2100."),
        ("at=9999-12-31T23:59", "Choose a moment from 2000 to 2100."),
        ("entry=2", "This wallet’s entries are #1 to #1."),
        ("entry=0", "greater than or equal to 1"),
        ("entry=1e9", "Enter a whole number."),
        ("entry=" + "9" * 400, "less than or equal to"),
        ("at=2025-03-10T09:30&entry=1", "not for both"),
    ],
)
def test_a_place_that_isn_t_one_is_refused_in_words(
    browser_of_stella: Client, alice: User, query: str, words: str
) -> None:
    shown = page(browser_of_stella, alice, query)
    assert words in shown
    assert "credits available" not in shown


def test_a_name_that_was_erased_isn_t_shown(browser_of_stella: Client, alice: User, now: datetime) -> None:
    departures.leave(wallet_id=alice.wallet.pk, now=now)
    alice.delete()
    shown = page(browser_of_stella, alice.wallet)
    assert f"Wallet {alice.wallet.pk}, erased" in shown
    assert "alice" not in shown.lower()


def test_only_who_may_read_the_books_is_answered(alice: User, now: datetime, browser_of_bob: Client) -> None:
    sam = sign_up("sam", at=now, is_staff=True)
    page(browser_of(sam), alice, status=403)
    sam.user_permissions.add(Permission.objects.get(codename="view_wallet"))
    page(browser_of(sam), alice, status=403)
    assert (
        "Why this balance?"
        not in browser_of(sam).get(f"/admin/billing/wallet/{alice.wallet.pk}/change/").content.decode()
    )
    assert browser_of_bob.get(f"/admin/billing/wallet/{alice.wallet.pk}/balance/").status_code in {302, 403, 404}


def test_nothing_is_changed_by_asking(browser_of_stella: Client, alice: User) -> None:
    before = list(alice.wallet.entries.values())
    assert browser_of_stella.post(f"/admin/billing/wallet/{alice.wallet.pk}/balance/").status_code == 405
    page(browser_of_stella, alice)
    assert list(alice.wallet.entries.values()) == before
    assert browser_of_stella.get("/admin/billing/wallet/999999999999/balance/").status_code == 404
