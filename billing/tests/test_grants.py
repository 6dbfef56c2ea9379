"""Giving credits, and taking them back by hand with a reason (decisions 7 and 26)."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest
from billing.models import EntryNote, Grant, LedgerEntry, Wallet
from billing.services import grants
from billing.tests.people import books, give, left

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def adjust(wallet: Wallet, amount: int, by: User, now: datetime, **fields: object) -> LedgerEntry:
    request = {"reason": "A word with Alice.", "key": f"form {wallet.entries.count()}"} | fields
    return grants.adjust(wallet_id=wallet.pk, amount=amount, actor=by, now=now, **request)


def test_a_pack_never_expires(alice: User, now: datetime) -> None:
    pack = give(alice.wallet, 1_000_000, now=now, key="checkout:cs_1")
    assert (pack.source, pack.amount, pack.expires_at, pack.effective_at) == ("purchase", 1_000_000, None, now)
    assert books(alice.wallet, after=1) == [("grant", 1_000_000, 0, 0)]
    assert alice.wallet.entries.get(sequence=2).grant == pack


def test_the_first_credits_after_none_become_the_head(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key="images", now=now)
    pack = give(alice.wallet, 1_000, now=now)
    assert (alice.wallet.head_grant, alice.wallet.head_left) == (pack, 1_000)


def test_a_grant_that_starts_later_is_not_there_yet(alice: User, now: datetime) -> None:
    later = give(alice.wallet, 9_000, now=now, starts_at=now + DAY)
    assert (later.opened_at, left(later), alice.wallet.available) == (None, 0, 100_000)
    assert len(books(alice.wallet)) == 1


def test_a_grant_of_the_past_counts_from_its_start_and_is_posted_now(alice: User, now: datetime) -> None:
    give(alice.wallet, 9_000, now=now, starts_at=now - DAY, expires_at=now + DAY)
    entry = alice.wallet.entries.get(sequence=2)
    assert (entry.effective_at, entry.posted_at) == (now - DAY, now)


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, "5", None, 2**63])
def test_a_grant_gives_a_whole_number_of_millicredits(alice: User, now: datetime, amount: int) -> None:
    with pytest.raises(InvalidRequest):
        give(alice.wallet, amount, now=now)
    assert len(books(alice.wallet)) == 1


@pytest.mark.parametrize("ends", [-HOUR, timedelta(0), DAY])
def test_a_grant_expires_after_it_starts_and_not_in_the_past(alice: User, now: datetime, ends: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="expires after"):
        give(alice.wallet, 9_000, now=now, starts_at=now + DAY, expires_at=now + ends)
    assert not Grant.objects.filter(source="purchase").exists()


def test_goodwill_is_a_new_grant_with_its_reason(alice: User, stella: User, now: datetime) -> None:
    entry = adjust(alice.wallet, 5_000, stella, now, reason="  The image model was down.  ", expires_at=now + DAY)
    assert (entry.kind, entry.available_change, entry.actor) == ("grant", 5_000, stella)
    assert (entry.grant.source, entry.grant.expires_at) == ("adjustment", now + DAY)
    note = EntryNote.objects.get(entry=entry)
    assert (note.reason, note.author, note.written_at) == ("The image model was down.", stella, now)


def test_what_staff_take_follows_burn_down_order(alice: User, stella: User, now: datetime) -> None:
    pack = give(alice.wallet, 50_000, now=now)
    adjust(alice.wallet, -120_000, stella, now)
    assert books(alice.wallet, after=2) == [("adjustment", -120_000, 0, 0)]
    assert (left(pack), alice.wallet.available) == (30_000, 30_000)


def test_it_stops_at_what_is_available_and_leaves_holds_alone(alice: User, stella: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=2, key="images", now=now)
    assert adjust(alice.wallet, -500_000, stella, now).available_change == -60_000
    assert metering.capture(wallet=alice.wallet, hold=held, quantity=2, now=now).uncovered == 0


def test_from_an_empty_wallet_nothing_is_taken(alice: User, stella: User, now: datetime) -> None:
    adjust(alice.wallet, -100_000, stella, now)
    with pytest.raises(InvalidRequest, match="nothing left"):
        adjust(alice.wallet, -1, stella, now)
    assert len(books(alice.wallet)) == 2


@pytest.mark.parametrize(("amount", "reason"), [(0, "A reason."), (5_000, ""), (-5_000, "   ")])
def test_an_adjustment_needs_an_amount_and_a_reason(
    alice: User, stella: User, now: datetime, amount: int, reason: str
) -> None:
    with pytest.raises(InvalidRequest):
        adjust(alice.wallet, amount, stella, now, reason=reason)
    assert len(books(alice.wallet)) == 1


def test_no_grant_is_so_large_that_the_next_allowance_would_not_fit(alice: User, stella: User, now: datetime) -> None:
    for amount in (10**15 + 1, 2**63 - 1):
        with pytest.raises(InvalidRequest, match="at most a trillion credits"):
            give(alice.wallet, amount, now=now, key=f"gift {amount}")
        with pytest.raises(InvalidRequest, match="at most a trillion credits"):
            adjust(alice.wallet, amount, stella, now)
    give(alice.wallet, 10**15, now=now, key="gift")
    metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now + 40 * DAY)
    assert alice.wallet.entries.count() == 5


def test_a_chat_may_always_answer_with_one_token(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(owner=alice).update(max_output_tokens=0)
