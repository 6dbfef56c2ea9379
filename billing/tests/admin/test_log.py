"""The staff's log: who did what when, to read and to filter."""

from datetime import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from billing.services.wallets import suspend
from billing.tests.admin.conftest import browser_of
from billing.tests.admin.pressing import do
from billing.tests.people import sign_up

pytestmark = pytest.mark.django_db
LOG = "/admin/admin/logentry/"


@pytest.fixture
def browser_of_bella(db: None, now: datetime) -> Client:
    """Bella is on staff for billing."""
    bella = sign_up("bella", at=now, is_staff=True)
    bella.groups.add(Group.objects.get(name="billing"))
    return browser_of(bella)


@pytest.fixture
def work(browser_of_bella: Client, browser_of_rita: Client, alice: User, bob: User, now: datetime) -> None:
    """Bella resumed Alice's wallet; Rita was refused to suspend Bob's."""
    suspend(wallet_id=alice.wallet.pk, reason="The card was stolen.", now=now)
    do(browser_of_bella, f"/admin/billing/wallet/{alice.wallet.pk}/resume/", reason="It was found.")
    browser_of_rita.post(f"/admin/billing/wallet/{bob.wallet.pk}/suspend/", {"reason": "Why not"})


def lines(browser: Client, query: str = "") -> list[str]:
    page = browser.get(f"{LOG}?{query}")
    assert page.status_code == 200
    return [line.change_message for line in page.context["cl"].result_list]


def test_it_says_who_did_what_newest_first(work: None, browser_of_bella: Client, alice: User, bob: User) -> None:
    refused, *done = lines(browser_of_bella)
    assert refused.startswith("Refused: POST")
    assert done
    page = browser_of_bella.get(LOG).content.decode()
    assert f"/admin/billing/wallet/{alice.wallet.pk}/change/" in page
    assert "rita@example.com" in page


def test_it_can_be_filtered(work: None, browser_of_bella: Client, alice: User, bob: User) -> None:
    everything = lines(browser_of_bella)
    refused = lines(browser_of_bella, "refusals=yes")
    rita = User.objects.get(email="rita@example.com")
    assert refused == [line for line in everything if line.startswith("Refused")]
    assert refused == lines(browser_of_bella, f"by={rita.pk}")
    assert lines(browser_of_bella, f"q={alice.wallet.pk}") == [line for line in everything if line not in refused]
    assert lines(browser_of_bella, "seen=yes") == []
    browser_of_bella.post(f"/admin/billing/wallet/{alice.wallet.pk}/see-as/post/", {"reason": "Question 17"})
    browser_of_bella.post("/seeing-as/")
    assert [line.split()[0] for line in lines(browser_of_bella, "seen=yes")] == ["Stopped", "Began"]
    kind = LogEntry.objects.first().content_type_id
    assert lines(browser_of_bella, f"on={kind}")[2:] == everything
    for nonsense in ("by=x", "on=²", "by=-1", "q=alice"):
        assert browser_of_bella.get(f"{LOG}?{nonsense}").status_code == 200


def test_a_wallet_s_number_finds_what_was_done_to_its_rows_and_its_owner(
    work: None, browser_of_stella: Client, browser_of_bella: Client, alice: User
) -> None:
    do(browser_of_stella, f"/admin/billing/wallet/{alice.wallet.pk}/adjust/", amount="6000", reason="Black videos.")
    browser_of_stella.post(f"/admin/accounts/user/{alice.pk}/change/", {"name": "Alice", "time_zone": "UTC"})
    found = lines(browser_of_bella, f"q={alice.wallet.pk}")
    assert "Proposed." in found
    assert any('"changed"' in line for line in found), "her account was switched off"
    assert lines(browser_of_bella, f"q={2**63 - 1}") == []


def test_a_line_is_a_page_and_nobody_changes_it(
    work: None, browser_of_bella: Client, browser_of_stella: Client
) -> None:
    line = LogEntry.objects.latest("pk")
    for browser in (browser_of_bella, browser_of_stella):
        assert "Refused: POST" in browser.get(f"{LOG}{line.pk}/change/").content.decode()
        for address in ("add/", f"{line.pk}/change/", f"{line.pk}/delete/"):
            assert browser.post(f"{LOG}{address}", {"post": "yes"}).status_code == 403
    assert LogEntry.objects.filter(pk=line.pk).exists()


def test_support_doesn_t_read_it(browser_of_rita: Client) -> None:
    assert browser_of_rita.get(LOG).status_code == 403
