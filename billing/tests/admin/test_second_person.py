"""Above the limit a second person decides: what is proposed, who may approve it, and what is done then."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import Proposal, Purchase, Refund, StaffAct, Wallet
from billing.services import departures, staff_acts, wallets
from billing.tests.admin.conftest import browser_of
from billing.tests.admin.pressing import do, look, press
from billing.tests.people import books, give
from billing.tests.stripe.shop import Shop

pytestmark = pytest.mark.django_db
REASON = "The videos came out black for a week."


def adjusting(wallet: Wallet) -> str:
    return f"/admin/billing/wallet/{wallet.pk}/adjust/"


def deciding(act: str) -> str:
    return f"/admin/billing/proposal/{Proposal.objects.latest('pk').pk}/{act}/"


def propose(browser: Client, wallet: Wallet, amount: str = "6000") -> Proposal:
    assert "It waits for a second person now." in do(browser, adjusting(wallet), amount=amount, reason=REASON)
    return Proposal.objects.latest("pk")


def page_of(browser: Client, proposal: Proposal) -> str:
    return browser.get(f"/admin/billing/proposal/{proposal.pk}/change/").content.decode()


def test_what_is_above_the_limit_waits_and_is_done_once_olivia_approves(
    browser_of_stella: Client, browser_of_olivia: Client, stella: User, olivia: User, alice: User, now: datetime
) -> None:
    page = look(browser_of_stella, adjusting(alice.wallet), amount="6000", reason=REASON)
    assert "A second person has to approve this." in page
    assert "This is more than the 5,000 credits that one may move alone." in page
    press(browser_of_stella, adjusting(alice.wallet), page)
    proposal = Proposal.objects.get()
    assert (proposal.title, proposal.credits, proposal.proposed_by) == ("Give 6,000 credits", 6_000_000, stella)
    assert books(alice.wallet, after=1) == []

    page = look(browser_of_olivia, deciding("approve"), reason="I saw them.")
    assert REASON in page
    assert "<td>100</td><td><strong>6,100</strong></td>" in page
    page = press(browser_of_olivia, deciding("approve"), page)
    assert "Approved. Entry #2: +6,000 credits, 6,100 available after it." in page
    entry = alice.wallet.entries.get(sequence=2)
    assert (entry.available_change, entry.actor, entry.note.reason) == (6_000_000, stella, REASON)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by, proposal.decided_at) == ("approved", olivia, now)
    logged = LogEntry.objects.filter(object_id=str(alice.wallet.pk), content_type__model="wallet").order_by("pk")
    assert [(line.user, line.change_message) for line in logged] == [
        (stella, f"+6,000 credits, entry #2. Proposal {proposal.pk}, approved by a second person."),
        (olivia, f"Approved proposal {proposal.pk}: I saw them."),
    ]


def test_exactly_the_limit_needs_nobody(browser_of_stella: Client, alice: User) -> None:
    do(browser_of_stella, adjusting(alice.wallet), amount="5000", reason=REASON)
    assert books(alice.wallet, after=1) == [("grant", 5_000_000, 0, 0)]


def test_an_amount_split_into_many_is_still_above_the_limit(
    browser_of_stella: Client, alice: User, bob: User, now: datetime
) -> None:
    do(browser_of_stella, adjusting(alice.wallet), amount="3000", reason=REASON)
    do(browser_of_stella, adjusting(alice.wallet), amount="-1500", reason=REASON)
    assert len(books(alice.wallet, after=1)) == 2
    for wallet in (alice.wallet, bob.wallet):
        page = look(browser_of_stella, adjusting(wallet), amount="500.001", reason=REASON)
        assert "you have moved 4,500 credits alone in the last 24 hours" in page
        press(browser_of_stella, adjusting(wallet), page)
    assert len(books(alice.wallet, after=1)) == 2
    assert books(bob.wallet, after=1) == []
    assert Proposal.objects.count() == 2
    do(browser_of_stella, adjusting(bob.wallet), amount="500", reason=REASON)
    assert books(bob.wallet, after=1) == [("grant", 500_000, 0, 0)]
    with patch("django.utils.timezone.now", return_value=now + timedelta(hours=24, seconds=1)):
        do(browser_of_stella, adjusting(bob.wallet), amount="5000", reason=REASON)
    assert len(books(bob.wallet, after=1)) == 2


def test_what_was_approved_doesn_t_count_as_moved_alone(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User
) -> None:
    propose(browser_of_stella, alice.wallet)
    do(browser_of_olivia, deciding("approve"), reason="Yes.")
    do(browser_of_stella, adjusting(alice.wallet), amount="5000", reason=REASON)
    assert [change for _, change, _, _ in books(alice.wallet, after=1)] == [6_000_000, 5_000_000]


def test_nobody_approves_their_own_proposal_whoever_they_are(
    browser_of_stella: Client, stella: User, alice: User, now: datetime
) -> None:
    proposal = propose(browser_of_stella, alice.wallet)
    assert "you proposed it, so somebody else has to approve it" in page_of(browser_of_stella, proposal)
    assert "/approve/" not in page_of(browser_of_stella, proposal)
    page = do(browser_of_stella, deciding("approve"), reason="Why not")
    assert "You proposed this yourself" in page
    assert books(alice.wallet, after=1) == []
    with pytest.raises(IntegrityError, match="nobody_approves_their_own_proposal"), transaction.atomic():
        Proposal.objects.update(status="approved", decided_by=stella, decided_at=now)


def test_nobody_decides_about_their_own_wallet_alone(
    browser_of_stella: Client, browser_of_olivia: Client, stella: User, olivia: User
) -> None:
    page = look(browser_of_stella, adjusting(stella.wallet), amount="1", reason=REASON)
    assert "This is your own wallet." in page
    press(browser_of_stella, adjusting(stella.wallet), page)
    assert books(stella.wallet, after=1) == []
    propose(browser_of_stella, olivia.wallet)
    assert "This is about your own wallet" in do(browser_of_olivia, deciding("approve"), reason="Thanks")
    assert books(olivia.wallet, after=1) == []


def test_a_double_click_proposes_and_approves_once(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User
) -> None:
    page = look(browser_of_stella, adjusting(alice.wallet), amount="6000", reason=REASON)
    for said in ("It waits for a second person now.", "It was proposed before."):
        assert said in press(browser_of_stella, adjusting(alice.wallet), page)
    page = look(browser_of_olivia, deciding("approve"), reason="Yes.")
    for said in ("Approved. Entry #2", "It was done before. Approved. Entry #2"):
        assert said in press(browser_of_olivia, deciding("approve"), page)
    assert books(alice.wallet, after=1) == [("grant", 6_000_000, 0, 0)]
    assert "It was decided by olivia@example.com already" in look(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert StaffAct.objects.filter(act="adjustment").count() == Proposal.objects.count() == 1


def test_what_changed_since_is_shown_to_who_approves_first(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User, now: datetime
) -> None:
    give(alice.wallet, 9_900_000, now=now)
    propose(browser_of_stella, alice.wallet, amount="-8000")
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=1_000, key="a", now=now)
    page = look(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert "Changed since it was proposed" in page
    assert "<td>10,000 → 2,000</td>" in page
    assert "<td>5,000 → 0</td>" in page
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=100, key="b", now=now)
    page = press(browser_of_olivia, deciding("approve"), page)
    assert "has changed since you looked at it" in page
    assert "<td>4,500 → 0</td>" in page
    assert Proposal.objects.get().status == "waiting"
    press(browser_of_olivia, deciding("approve"), page)
    assert books(alice.wallet, after=4) == [("adjustment", -4_500_000, 0, 0)]


def test_a_declined_or_withdrawn_proposal_does_nothing(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User
) -> None:
    proposal = propose(browser_of_stella, alice.wallet)
    assert "you can decline it" in do(browser_of_olivia, deciding("withdraw"), reason="Not mine")
    assert "you can withdraw it" in do(browser_of_stella, deciding("decline"), reason="Mine")
    assert "It is declined" in do(browser_of_olivia, deciding("decline"), reason="Too much.")
    assert "Too much." in page_of(browser_of_stella, proposal)
    propose(browser_of_stella, alice.wallet)
    assert "It is withdrawn" in do(browser_of_stella, deciding("withdraw"), reason="Not needed any more.")
    assert "It was decided by stella@example.com already" in look(browser_of_olivia, deciding("approve"), reason="Yes")
    assert [row.status for row in Proposal.objects.order_by("pk")] == ["declined", "withdrawn"]
    assert books(alice.wallet, after=1) == []


def test_after_seven_days_nobody_can_approve_it(
    browser_of_stella: Client, browser_of_olivia: Client, olivia: User, alice: User, now: datetime
) -> None:
    proposal = propose(browser_of_stella, alice.wallet)
    assert staff_acts.expire(now=now + staff_acts.LASTS - timedelta(seconds=1)) == 0
    later = now + staff_acts.LASTS
    with patch("django.utils.timezone.now", return_value=later):
        assert "more than seven days" in look(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert staff_acts.expire(now=later) == 1
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_at, proposal.decided_by) == ("expired", later, None)
    assert books(alice.wallet, after=1) == []


def test_who_lost_the_right_since_proposes_in_vain(
    browser_of_rita: Client, browser_of_olivia: Client, alice: User
) -> None:
    rita = User.objects.get(email="rita@example.com")
    right = Permission.objects.get(codename="adjust_wallet")
    rita.user_permissions.add(right)
    propose(browser_of_rita, alice.wallet)
    rita.user_permissions.remove(right)
    assert "rita@example.com may no longer do this" in do(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert books(alice.wallet, after=1) == []
    assert Proposal.objects.get().status == "waiting"


def test_a_large_refund_waits_for_a_second_person(
    browser_of_stella: Client, browser_of_olivia: Client, stripe: Shop, alice: User, stella: User, settings: Any
) -> None:
    stripe.buy_pack(alice)
    settings.STAFF_LIMIT_CENTS = 500
    url = f"/admin/billing/purchase/{Purchase.objects.get().pk}/refund/"
    page = look(browser_of_stella, url, cents="10.00", reason=REASON)
    assert "This is more than the $5.00 that one may move alone." in page
    press(browser_of_stella, url, page)
    assert not Refund.objects.exists()
    assert "$10 go back to the customer." in do(browser_of_olivia, deciding("approve"), reason="Yes.")
    refund = Refund.objects.get()
    assert (refund.status, refund.cents, refund.actor, refund.reason) == ("succeeded", 1_000, stella, REASON)
    assert books(alice.wallet, after=2) == [("clawback", -1_000_000, 0, 0)]


def test_refunds_that_are_split_are_above_the_limit_together(
    browser_of_stella: Client, stripe: Shop, alice: User, settings: Any
) -> None:
    stripe.buy_pack(alice)
    settings.STAFF_LIMIT_CENTS = 500
    url = f"/admin/billing/purchase/{Purchase.objects.get().pk}/refund/"
    do(browser_of_stella, url, cents="5.00", reason=REASON)
    assert "moved $5.00 alone" in look(browser_of_stella, url, cents="0.01", reason=REASON)
    assert Refund.objects.get().cents == 500


def test_a_contract_above_the_limit_waits_for_a_second_person(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User
) -> None:
    url = f"/admin/billing/wallet/{alice.wallet.pk}/contract/"
    do(browser_of_stella, url, kind="custom", allowance="5001", reason=REASON)
    assert books(alice.wallet, after=1) == []
    assert "The plan is now Enterprise, 5,001 credits a month." in do(
        browser_of_olivia, deciding("approve"), reason="Yes."
    )
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 5_001_000


def test_a_key_that_was_used_alone_opens_no_way_around_the_limit(browser_of_stella: Client, alice: User) -> None:
    url = f"/admin/billing/wallet/{alice.wallet.pk}/contract/"
    page = look(browser_of_stella, url, kind="custom", allowance="1", reason=REASON)
    press(browser_of_stella, url, page)
    said = press(browser_of_stella, url, page, kind="unlimited", allowance="")
    assert "used for something else already" in said
    alice.wallet.refresh_from_db()
    assert not alice.wallet.unlimited


def test_what_can_t_be_done_any_more_stays_undecided_and_says_why(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User, now: datetime
) -> None:
    give(alice.wallet, 9_900_000, now=now)
    propose(browser_of_stella, alice.wallet, amount="-8000")
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=2_000, key="a", now=now)
    assert "There is nothing left to take" in look(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert Proposal.objects.get().status == "waiting"


def test_credits_whose_expiry_has_passed_meanwhile_are_refused_before_the_preview(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User, now: datetime
) -> None:
    soon = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    do(browser_of_stella, adjusting(alice.wallet), amount="6000", expires_at=soon, reason=REASON)
    with patch("django.utils.timezone.now", return_value=now + timedelta(hours=1)):
        page = look(browser_of_olivia, deciding("approve"), reason="Yes.")
    assert "A grant expires after it starts, and not in the past." in page
    assert "/approve/post/" not in page
    assert Proposal.objects.get().status == "waiting"


def test_who_leaves_takes_the_words_about_them_along(browser_of_stella: Client, alice: User, now: datetime) -> None:
    proposal = propose(browser_of_stella, alice.wallet)
    departures.leave(wallet_id=alice.wallet.pk, now=now)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.reason) == ("expired", "")
    page = page_of(browser_of_stella, proposal)
    assert "Erased" in page
    assert "alice" not in page


def test_the_list_shows_those_first_that_wait(
    browser_of_stella: Client, browser_of_olivia: Client, browser_of_rita: Client, alice: User, bob: User
) -> None:
    waiting = propose(browser_of_stella, alice.wallet)
    decided = propose(browser_of_stella, bob.wallet)
    do(browser_of_olivia, deciding("decline"), reason="No.")
    listed = browser_of_rita.get("/admin/billing/proposal/").context["cl"].result_list
    assert list(listed) == [waiting, decided]
    assert 'href="/admin/billing/proposal/">Proposals' in browser_of_rita.get("/admin/").content.decode()


def test_nobody_approves_or_declines_without_the_right(
    browser_of_stella: Client, browser_of_rita: Client, browser_of_bob: Client, alice: User
) -> None:
    proposal = propose(browser_of_stella, alice.wallet)
    assert "/approve/" not in page_of(browser_of_rita, proposal)
    for act in ("approve", "decline"):
        for suffix in ("", "post/"):
            url = f"{deciding(act)}{suffix}"
            assert browser_of_rita.post(url, {"reason": "Yes"}).status_code == 403
            assert browser_of_bob.post(url, {"reason": "Yes"}, follow=True).status_code == 403
            assert Client().post(url, {"reason": "Yes"}).status_code == 302
    rita = User.objects.get(email="rita@example.com")
    rita.user_permissions.add(Permission.objects.get(codename="approve_act"))
    assert "Approved." in do(browser_of(rita), deciding("approve"), reason="Yes.")
    assert books(alice.wallet, after=1) == [("grant", 6_000_000, 0, 0)]


def test_suspending_moves_nothing_and_needs_nobody(browser_of_stella: Client, alice: User, settings: Any) -> None:
    settings.STAFF_LIMIT_CREDITS = settings.STAFF_LIMIT_CENTS = 0
    do(browser_of_stella, f"/admin/billing/wallet/{alice.wallet.pk}/suspend/", reason="Stolen card.")
    alice.wallet.refresh_from_db()
    assert alice.wallet.suspended_at is not None
    assert wallets.resume(wallet_id=alice.wallet.pk)
    assert not Proposal.objects.exists()
