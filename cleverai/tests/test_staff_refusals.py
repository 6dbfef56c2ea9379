"""What staff are refused is on record, whichever page it was: in the log, and in the row's own history."""

import logging
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing.models import Wallet
from billing.services import subscriptions

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(db: None) -> User:
    """Staff who may read wallets and change nothing."""
    rita = User.objects.create_user("rita@example.com", "a long passphrase", is_staff=True)
    rita.user_permissions.set(Permission.objects.filter(codename="view_wallet"))
    return rita


@pytest.fixture
def wallet(alice: User) -> Wallet:
    return alice.wallet


def test_an_act_without_the_right_is_on_record(rita: User, wallet: Wallet, caplog: pytest.LogCaptureFixture) -> None:
    address = f"/admin/billing/wallet/{wallet.pk}/adjust/"
    with caplog.at_level(logging.WARNING, "cleverai.staff_refusals"):
        assert staff_browser(rita).post(address, {"amount": "25", "reason": "My secret reason"}).status_code == 403
    line = LogEntry.objects.get()
    assert (line.user, line.object_id, line.content_type.model) == (rita, str(wallet.pk), "wallet")
    assert line.change_message == f"Refused: POST {address}."
    assert line.object_repr == f"Wallet {wallet.pk}"
    assert caplog.messages[0] == f"Staff {rita.pk} was refused POST {address} (billing.Wallet {wallet.pk})."
    assert "Refused: POST" in staff_browser(rita).get(f"/admin/billing/wallet/{wallet.pk}/history/").content.decode()


@pytest.mark.parametrize("address", ["/admin/billing/plan/", "/admin/accounts/user/nobody/change/", "/admin/auth/"])
def test_so_is_a_page_that_may_not_be_read(rita: User, address: str) -> None:
    answer = staff_browser(rita).get(address)
    assert answer.status_code in {403, 404}
    assert LogEntry.objects.filter(change_message=f"Refused: GET {address}.").count() == (answer.status_code == 403)


def test_a_stale_form_is_on_record_with_what_was_said(wallet: Wallet) -> None:
    stella = User.objects.create_superuser("stella@example.com", "a long passphrase")
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=timezone.now())
    address = f"/admin/billing/wallet/{wallet.pk}/contract/end/post/"
    answer = staff_browser(stella).post(address, {"reason": "Ended", "seen": "what was true a while ago"})
    assert answer.status_code == 200
    assert LogEntry.objects.get().change_message.startswith(f"Refused: POST {address}. ")


@pytest.mark.parametrize(
    ("act", "typed"), [("adjust", {"amount": "secret-7"}), ("contract", {"kind": "secret-7", "allowance": "secret-7"})]
)
def test_what_was_typed_is_not_repeated(wallet: Wallet, act: str, typed: dict[str, str]) -> None:
    stella = User.objects.create_superuser("stella@example.com", "a long passphrase")
    sent = {**typed, "reason": "x", "key": str(uuid4()), "seen": "x"}
    page = staff_browser(stella).post(f"/admin/billing/wallet/{wallet.pk}/{act}/post/", sent).content.decode()
    assert "secret-7" in page
    line = LogEntry.objects.get().change_message
    assert "Not as it should be: Credits" in line
    assert "secret" not in line


def test_what_is_done_or_looked_at_is_no_refusal(wallet: Wallet) -> None:
    browser = staff_browser(User.objects.create_superuser("stella@example.com", "a long passphrase"))
    form = {"amount": "0.0001", "reason": "x"}
    assert browser.post(f"/admin/billing/wallet/{wallet.pk}/adjust/", form).status_code == 200, "a typing mistake"
    form = {"amount": "25", "reason": "x", "key": str(uuid4()), "seen": "25000 False"}
    assert browser.post(f"/admin/billing/wallet/{wallet.pk}/adjust/post/", form).status_code == 302
    assert not LogEntry.objects.filter(change_message__startswith="Refused").exists()


def test_customers_and_visitors_leave_no_line(alice: User, browser_of_alice: Client, client: Client) -> None:
    for browser in (browser_of_alice, client):
        browser.post(f"/admin/billing/wallet/{alice.wallet.pk}/adjust/post/", follow=True)
    assert not LogEntry.objects.exists()
