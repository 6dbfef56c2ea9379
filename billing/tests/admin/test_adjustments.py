"""Stella adjusts credits: with a reason, after a preview, once per preview (decision 26)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing.errors import InvalidRequest
from billing.models import EntryNote, Grant, LedgerEntry, Wallet
from billing.services import grants
from billing.tests.admin.conftest import acts_on_record
from billing.tests.people import books, give

pytestmark = pytest.mark.django_db


def adjust(browser: Client, wallet: Wallet, **answers: str) -> str:
    """Fill in the form and return the page that answers it: a preview, or the form with what is wrong."""
    sent = {"amount": "25", "reason": "The video came out black.", **answers}
    answer = browser.post(f"/admin/billing/wallet/{wallet.pk}/adjust/", sent)
    assert answer.status_code == 200
    return answer.content.decode()


def hidden(page: str) -> dict[str, str]:
    """Return what a preview's button would send."""
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in inputs if name != "csrfmiddlewaretoken"}


def press(browser: Client, wallet: Wallet, page: str, **changed: str) -> str:
    """Press the preview's button and return the page that follows."""
    url = f"/admin/billing/wallet/{wallet.pk}/adjust/post/"
    return browser.post(url, {**hidden(page), **changed}, follow=True).content.decode()


def test_stella_gives_alice_credits_after_a_preview(browser_of_stella: Client, alice: User, stella: User) -> None:
    page = adjust(browser_of_stella, alice.wallet, amount="25.5")
    assert "<td>100</td><td><strong>125.5</strong></td>" in page
    assert books(alice.wallet, after=1) == []
    assert "Entry #2: +25.5 credits, 125.5 available after it." in press(browser_of_stella, alice.wallet, page)
    entry = alice.wallet.entries.get(sequence=2)
    assert (entry.kind, entry.available_change, entry.actor) == ("grant", 25_500, stella)
    assert (entry.grant.source, entry.grant.expires_at) == (Grant.Source.ADJUSTMENT, None)
    assert (entry.note.reason, entry.note.author) == ("The video came out black.", stella)


def test_a_double_click_posts_once_and_logs_once(browser_of_stella: Client, alice: User) -> None:
    page = adjust(browser_of_stella, alice.wallet)
    press(browser_of_stella, alice.wallet, page)
    assert "It was done before. Entry #2: +25 credits" in press(browser_of_stella, alice.wallet, page)
    assert books(alice.wallet, after=1) == [("grant", 25_000, 0, 0)]
    assert LogEntry.objects.count() == 1


def test_two_previews_are_two_adjustments(browser_of_stella: Client, alice: User) -> None:
    for _ in range(2):
        press(browser_of_stella, alice.wallet, adjust(browser_of_stella, alice.wallet))
    assert books(alice.wallet, after=1) == [("grant", 25_000, 0, 0)] * 2
    assert LogEntry.objects.count() == 2


def test_a_used_key_stands_for_nothing_else(browser_of_stella: Client, alice: User) -> None:
    page = adjust(browser_of_stella, alice.wallet)
    press(browser_of_stella, alice.wallet, page)
    assert "used for something else already" in press(browser_of_stella, alice.wallet, page, amount="2500")
    assert books(alice.wallet, after=1) == [("grant", 25_000, 0, 0)]


def test_the_log_says_how_much_and_the_reason_can_be_erased(browser_of_stella: Client, alice: User) -> None:
    press(browser_of_stella, alice.wallet, adjust(browser_of_stella, alice.wallet, reason="Alice rang in tears."))
    logged = LogEntry.objects.get()
    assert logged.change_message == "+25 credits, entry #2."
    assert (logged.object_id, "tears" in logged.object_repr) == (str(alice.wallet.pk), False)
    EntryNote.objects.all().delete()
    for entry in LedgerEntry.objects.all().values():
        assert "tears" not in str(entry)


def test_taking_follows_burn_down_order_and_stops_at_available(
    browser_of_stella: Client, alice: User, now: datetime
) -> None:
    give(alice.wallet, 50_000, now=now)
    page = adjust(browser_of_stella, alice.wallet, amount="-120")
    assert "<td>150</td><td><strong>30</strong></td>" in page
    press(browser_of_stella, alice.wallet, page)
    assert books(alice.wallet, after=2) == [("adjustment", -120_000, 0, 0)]
    page = adjust(browser_of_stella, alice.wallet, amount="−1000")
    assert "<td>30</td><td><strong>0</strong></td>" in page
    press(browser_of_stella, alice.wallet, page)
    assert books(alice.wallet, after=3) == [("adjustment", -30_000, 0, 0)]
    assert "There is nothing left to take" in adjust(browser_of_stella, alice.wallet, amount="-1")


def test_given_credits_may_expire_and_taken_ones_may_not(browser_of_stella: Client, alice: User, now: datetime) -> None:
    soon = (now + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    press(browser_of_stella, alice.wallet, adjust(browser_of_stella, alice.wallet, expires_at=soon))
    assert Grant.objects.get(source="adjustment").expires_at == now + timedelta(days=3)
    assert "Only credits that are given can expire." in adjust(
        browser_of_stella, alice.wallet, amount="-1", expires_at=soon
    )
    past = (now - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    assert "That moment has passed." in adjust(browser_of_stella, alice.wallet, expires_at=past)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"amount": "0.0001"}, "Credits have at most three decimals."),
        ({"amount": "1e3"}, "is not a number of credits"),
        ({"amount": "NaN"}, "is not a number of credits"),
        ({"amount": ""}, "This field is required."),
        ({"amount": "0"}, "An adjustment changes something."),
        ({"amount": "9" * 39}, "more credits than the books can hold"),
        ({"reason": "   "}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"reason": "a\x00b"}, "Null characters are not allowed."),
        ({"expires_at": "soon"}, "Enter a valid date/time."),
        ({"expires_at": "9999-12-31T23:59"}, "Choose a moment from 2000 to 2100."),
        ({"expires_at": "2101-01-01T00:00"}, "Choose a moment from 2000 to 2100."),
        ({"expires_at": "0001-01-01T00:00"}, "Choose a moment from 2000 to 2100."),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(
    browser_of_stella: Client, alice: User, answers: dict[str, str], complaint: str
) -> None:
    assert complaint in adjust(browser_of_stella, alice.wallet, **answers)
    good = hidden(adjust(browser_of_stella, alice.wallet))
    answer = browser_of_stella.post(f"/admin/billing/wallet/{alice.wallet.pk}/adjust/post/", {**good, **answers})
    assert complaint in answer.content.decode()
    assert books(alice.wallet, after=1) == []
    assert acts_on_record() == []


def test_the_books_take_no_expiry_that_nobody_can_read(alice: User, stella: User, now: datetime) -> None:
    forever = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="in this millennium"):
        grants.adjust(
            wallet_id=alice.wallet.pk, amount=1, reason="x", actor=stella, key="x", now=now, expires_at=forever
        )
    with pytest.raises(IntegrityError, match="grant_expires_in_this_millennium"), transaction.atomic():
        Grant.objects.filter(wallet=alice.wallet).update(expires_at="3000-01-01T00:00Z")


def test_more_than_the_books_can_hold_is_refused(browser_of_stella: Client, alice: User) -> None:
    page = adjust(browser_of_stella, alice.wallet, amount=f"{(2**63 - 1) // 1000}")
    assert "at most a trillion credits" in page
    assert books(alice.wallet, after=1) == []


def test_nobody_adjusts_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, browser_of_stella: Client, alice: User
) -> None:
    sent = hidden(adjust(browser_of_stella, alice.wallet))
    assert (
        "Adjust credits" not in browser_of_rita.get(f"/admin/billing/wallet/{alice.wallet.pk}/change/").content.decode()
    )
    for address in ("adjust/", "adjust/post/"):
        url = f"/admin/billing/wallet/{alice.wallet.pk}/{address}"
        assert browser_of_rita.post(url, sent).status_code == 403
        assert browser_of_bob.post(url, sent, follow=True).status_code == 403
        assert Client().post(url, sent).status_code == 302
    assert browser_of_stella.get(f"/admin/billing/wallet/{alice.wallet.pk}/adjust/post/").status_code == 405
    assert browser_of_stella.get("/admin/billing/wallet/999999/adjust/").status_code == 404
    assert books(alice.wallet, after=1) == []


def test_a_forged_form_is_refused(stella: User, alice: User) -> None:
    browser = staff_browser(stella, enforce_csrf_checks=True)
    sent = {"amount": "25", "reason": "x", "key": "5a9ad0f2-8d66-4b0c-9a0f-0b6ee1a51f5e"}
    assert browser.post(f"/admin/billing/wallet/{alice.wallet.pk}/adjust/post/", sent).status_code == 403
    assert books(alice.wallet, after=1) == []
