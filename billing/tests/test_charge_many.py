"""Many charges in one call are each answered by themselves, and leave the books of charges made one by one."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from billing import metering
from billing.errors import (
    InsufficientCredits,
    InvalidQuantity,
    InvalidRequest,
    KeyReused,
    MeteringError,
    UnknownFeature,
    UnknownWallet,
    WalletSuspended,
)
from billing.metering import Answer, Charge
from billing.models import Wallet
from billing.services import quick
from billing.tests.lives import everything
from billing.tests.people import books, give, sign_up
from billing.tests.test_quick_and_plain import undone


def chats(*quantities: int, key: str = "chat") -> list[Charge]:
    return [Charge(feature="gpt-4o", quantity=size, key=f"{key} {number}") for number, size in enumerate(quantities)]


def charge(wallet: Wallet, items: list[Charge], now: datetime) -> list[Answer | MeteringError]:
    return metering.charge_many(wallet=wallet, charges=items, now=now)


def test_each_is_answered_in_its_order(alice: User, now: datetime) -> None:
    answers = charge(alice.wallet, chats(100, 200, 300), now)
    assert [(one.sequence, one.cost, one.available) for one in answers] == [
        (2, 500, 99_500),
        (3, 1_000, 98_500),
        (4, 1_500, 97_000),
    ]
    assert books(alice.wallet, after=1) == [("charge", -cost, 0, cost) for cost in (500, 1_000, 1_500)]
    assert alice.wallet.daily_usage.get().uses == 3


def test_all_of_them_make_one_round_trip(alice: User, now: datetime) -> None:
    with patch.object(quick, "call", wraps=quick.call) as call:
        charge(alice.wallet, chats(*[1] * 500), now)
    assert call.call_count == 1


def test_one_bad_item_does_not_spoil_the_others(alice: User, now: datetime) -> None:
    items = [
        *chats(100),
        Charge(feature="gpt-17", quantity=1, key="unknown"),
        Charge(feature="gpt-4o", quantity=0, key="zero"),
        Charge(feature="gpt-4o", quantity=1, key="bad\nkey"),
        Charge(feature="dall-e-3-hd", quantity=2, key="too much"),
        *chats(200, key="more"),
    ]
    answers = charge(alice.wallet, items, now)
    assert [type(one) for one in answers] == [
        Answer,
        UnknownFeature,
        InvalidQuantity,
        InvalidRequest,
        InsufficientCredits,
        Answer,
    ]
    assert books(alice.wallet, after=1) == [("charge", -500, 0, 500), ("charge", -1_000, 0, 1_000)]


def test_what_the_balance_can_pay_is_charged_and_the_rest_refused(alice: User, now: datetime) -> None:
    items = [Charge(feature="flux-pro", quantity=size, key=f"{size}") for size in (3, 4, 2, 1)]
    answers = charge(alice.wallet, items, now)
    assert [type(one) for one in answers] == [Answer, InsufficientCredits, Answer, InsufficientCredits]
    assert Wallet.objects.get(owner=alice).available == 0


def test_a_key_used_twice_in_one_call_is_answered_as_ever(alice: User, now: datetime) -> None:
    item, other = chats(100)[0], Charge(feature="gpt-4o", quantity=999, key="chat 0")
    first, again, refused = charge(alice.wallet, [item, item, other], now)
    assert (first.sequence, first.replayed) == (2, False)
    assert (again.sequence, again.replayed) == (2, True)
    assert isinstance(refused, KeyReused)
    assert len(books(alice.wallet)) == 2


def test_the_same_call_again_charges_nothing(alice: User, now: datetime) -> None:
    first = charge(alice.wallet, chats(1, 2, 3), now)
    again = charge(alice.wallet, chats(1, 2, 3), now)
    assert all(one.replayed for one in again)
    assert [one.sequence for one in again] == [one.sequence for one in first]
    assert len(books(alice.wallet)) == 4


def test_a_call_that_overlaps_an_earlier_one_charges_the_difference(alice: User, now: datetime) -> None:
    charge(alice.wallet, chats(1, 2), now)
    answers = charge(alice.wallet, chats(1, 2, 3, 4), now)
    assert [one.replayed for one in answers] == [True, True, False, False]
    assert len(books(alice.wallet)) == 5


def test_they_may_draw_on_several_grants(alice: User, now: datetime) -> None:
    give(alice.wallet, 50_000, now=now)
    answers = charge(alice.wallet, chats(15_000, 10_000, 5_000), now)
    assert [one.available for one in answers] == [75_000, 25_000, 0]


def test_on_an_unlimited_wallet_each_leaves_the_balance_as_it_is(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    assert [one.available for one in charge(alice.wallet, chats(10**6, 10**6), now)] == [100_000, 100_000]


def test_on_a_suspended_wallet_each_is_refused(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(suspended_at=now)
    assert [type(one) for one in charge(alice.wallet, chats(1, 2), now)] == [WalletSuspended, WalletSuspended]


def test_on_no_wallet_each_is_refused(db: None, now: datetime) -> None:
    assert [type(one) for one in charge(Wallet(pk=404_404), chats(1, 2), now)] == [UnknownWallet, UnknownWallet]


def test_no_charges_are_no_answers(alice: User, now: datetime) -> None:
    assert charge(alice.wallet, [], now) == []


def test_more_than_five_hundred_are_refused_as_a_whole(alice: User, now: datetime) -> None:
    with pytest.raises(InvalidRequest, match="500"):
        charge(alice.wallet, chats(*[1] * 501), now)
    assert len(books(alice.wallet)) == 1


def test_sums_beyond_the_books_are_refused_one_by_one(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    a_bit_less_than_half = 2**62 // 20_000
    items = [Charge(feature="flux-pro", quantity=a_bit_less_than_half, key=f"{number}") for number in range(3)]
    assert [type(one) for one in charge(alice.wallet, items, now)] == [Answer, Answer, InvalidQuantity]


uses = st.lists(
    st.tuples(
        st.sampled_from(["gpt-4o", "flux-pro", "analytics", "video-generation", "gpt-17"]),
        st.integers(0, 9_000),
        st.integers(0, 9),
        st.sampled_from([None, timedelta(hours=3), timedelta(days=40)]),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(uses, st.sampled_from([0, 20_000, 10**9]))
def test_they_leave_the_books_of_charges_made_one_by_one(
    db: None, drawn: list[tuple[str, int, int, timedelta | None]], pack: int
) -> None:
    now = datetime.fromisoformat("2025-03-10T09:30:00+00:00")
    items = [
        Charge(feature=feature, quantity=size, key=f"key {key}", occurred_at=now - ago if ago else None)
        for feature, size, key, ago in drawn
    ]

    def alone(wallet: Wallet, item: Charge) -> Answer | MeteringError:
        try:
            return metering.charge(
                wallet=wallet,
                feature=item.feature,
                quantity=item.quantity,
                key=item.key,
                occurred_at=item.occurred_at,
                now=now,
            )
        except MeteringError as refusal:
            return refusal

    with undone():
        together, singly = sign_up("together", at=now).wallet, sign_up("singly", at=now).wallet
        for wallet in (together, singly):
            if pack:
                give(wallet, pack, now=now, source="promotional", expires_at=now + timedelta(days=2))
        many = charge(together, items, now)
        one_by_one = [alone(singly, item) for item in items]
        assert [str(answer) for answer in many] == [str(answer) for answer in one_by_one]
        assert everything(together) == everything(singly)
