"""Credits set aside before the cost is known, and what becomes of them (decisions 9, 10 and 12)."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from billing import metering
from billing.errors import (
    HoldClosed,
    InsufficientCredits,
    InvalidQuantity,
    InvalidRequest,
    UnknownHold,
    WalletSuspended,
)
from billing.models import Grant, Hold, Wallet
from billing.services import settlement
from billing.tests.people import books, give, left, sign_up

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A_LONG_TALK = timedelta(hours=24)


@pytest.fixture
def wallet(alice: User, now: datetime) -> Wallet:
    """Alice's wallet, emptied to nothing, so that a test says itself what is in it."""
    metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100_000, key="all of it", now=now)
    alice.wallet.refresh_from_db()
    assert (alice.wallet.available, alice.wallet.sequence) == (0, 2)
    return alice.wallet


@pytest.fixture
def a30(wallet: Wallet, now: datetime) -> Grant:
    """Thirty credits that expire in an hour."""
    return give(wallet, 30_000, now=now, source="promotional", key="A", expires_at=now + HOUR)


@pytest.fixture
def b20(a30: Grant, wallet: Wallet, now: datetime) -> Grant:
    """Twenty credits that never expire."""
    return give(wallet, 20_000, now=now, key="B")


@pytest.fixture
def over_both(b20: Grant, wallet: Wallet, now: datetime) -> Hold:
    """A hold of fifty credits over the grants A30 and B20, for a day."""
    held = metering.hold(
        wallet=wallet, feature="gpt-4o-mini", quantity=50_000, minimum=45_904, key="talk", lasts=A_LONG_TALK, now=now
    )
    assert (held.quantity, held.amount) == (50_000, 50_000)
    return held


def shares(wallet: Wallet, sequence: int) -> list[tuple[str, int, int]]:
    """Return what an entry did to each grant, as (business key, left, held)."""
    entry = wallet.entries.get(sequence=sequence)
    if entry.grant is not None:
        return [(entry.grant.business_key, entry.available_change, entry.held_change)]
    found = entry.shares.select_related("grant").order_by("id")
    return [(share.grant.business_key, share.left_change, share.held_change) for share in found]


def test_alice_sets_credits_aside_and_gets_back_what_the_talk_did_not_use(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=2_000, key="talk", now=now)
    alice.wallet.refresh_from_db()
    assert (alice.wallet.available, alice.wallet.held) == (90_000, 10_000)
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=1_501, now=now + MINUTE)
    assert (answer.cost, answer.uncovered, answer.available, answer.replayed) == (7_505, 0, 92_495, False)
    assert books(alice.wallet, after=1) == [("hold", -10_000, 10_000, 0), ("capture", 2_495, -10_000, 7_505)]


def test_failed_work_costs_nothing(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=2, key="image", now=now)
    answer = metering.release(wallet=alice.wallet, hold=held, now=now + MINUTE)
    assert (answer.cost, answer.available) == (0, 100_000)
    assert books(alice.wallet, after=1) == [("hold", -40_000, 40_000, 0), ("release", 40_000, -40_000, 0)]
    assert not alice.wallet.daily_usage.exists()


def test_a_hold_takes_from_both_grants_in_burn_down_order(over_both: Hold, wallet: Wallet) -> None:
    assert shares(wallet, 5) == [("A", -30_000, 30_000), ("B", -20_000, 20_000)]
    assert over_both.grant_id is None
    wallet.refresh_from_db()
    assert (wallet.available, wallet.held, wallet.head_grant_id) == (0, 50_000, None)


def test_a_capture_spends_the_hold_s_own_credits_even_of_a_grant_that_expired_meanwhile(
    over_both: Hold, wallet: Wallet, a30: Grant, b20: Grant, now: datetime
) -> None:
    """Hold A30 + B20, A expires, capture 35: A30 + B5 are spent, 15 return to B."""
    answer = metering.capture(wallet=wallet, hold=over_both, quantity=35_000, now=now + 2 * HOUR)
    assert (answer.cost, answer.uncovered, answer.available) == (35_000, 0, 15_000)
    assert books(wallet, after=5) == [("capture", 15_000, -50_000, 35_000)]
    assert shares(wallet, 6) == [("A", 0, -30_000), ("B", 15_000, -20_000)]
    assert (left(a30), left(b20)) == (0, 15_000)


def test_what_would_return_to_an_ended_grant_is_gone_and_a_further_entry_says_so(
    over_both: Hold, wallet: Wallet, a30: Grant, b20: Grant, now: datetime
) -> None:
    answer = metering.capture(wallet=wallet, hold=over_both, quantity=12_000, now=now + 2 * HOUR)
    assert (answer.cost, answer.available) == (12_000, 38_000), "the answer of the capture alone"
    assert books(wallet, after=5) == [("capture", 38_000, -50_000, 12_000), ("expiry", -18_000, 0, 0)]
    assert shares(wallet, 6) == [("A", 18_000, -30_000), ("B", 20_000, -20_000)]
    assert shares(wallet, 7) == [("A", -18_000, 0)]
    assert wallet.entries.get(sequence=7).hold == over_both
    assert (left(a30), left(b20), wallet.available) == (0, 20_000, 20_000)


def test_a_release_after_an_expiry_returns_only_what_has_not_ended(
    over_both: Hold, wallet: Wallet, b20: Grant, now: datetime
) -> None:
    metering.release(wallet=wallet, hold=over_both, now=now + 2 * HOUR)
    assert books(wallet, after=5) == [("release", 50_000, -50_000, 0), ("expiry", -30_000, 0, 0)]
    assert (left(b20), wallet.available, wallet.held) == (20_000, 20_000, 0)


def test_a_grant_that_expires_while_all_of_it_is_held_expires_without_an_entry(
    over_both: Hold, wallet: Wallet, a30: Grant, now: datetime
) -> None:
    settlement.settle(wallet_id=wallet.pk, now=now + HOUR)
    assert books(wallet, after=5) == []
    a30.refresh_from_db()
    assert a30.closed_at == now + HOUR


def test_a_hold_that_nobody_settles_is_released_when_its_time_is_over(
    over_both: Hold, wallet: Wallet, now: datetime
) -> None:
    settlement.settle(wallet_id=wallet.pk, now=now + 25 * HOUR)
    assert books(wallet, after=5) == [("release", 50_000, -50_000, 0), ("expiry", -30_000, 0, 0)]
    over_both.refresh_from_db()
    assert over_both.status == Hold.Status.EXPIRED
    assert {entry.effective_at for entry in wallet.entries.filter(sequence__gt=5)} == {now + DAY}


def test_a_hold_that_ends_together_with_its_grant_is_released_first(wallet: Wallet, now: datetime) -> None:
    grant = give(wallet, 30_000, now=now, source="promotional", expires_at=now + HOUR)
    metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="image", lasts=HOUR, now=now)
    settlement.settle(wallet_id=wallet.pk, now=now + HOUR)
    assert books(wallet, after=4) == [("release", 20_000, -20_000, 0), ("expiry", -30_000, 0, 0)]
    assert left(grant) == 0


def test_a_capture_above_the_hold_takes_the_rest_from_what_is_available(
    b20: Grant, a30: Grant, wallet: Wallet, now: datetime
) -> None:
    held = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=25_000, minimum=25_000, key="talk", now=now)
    answer = metering.capture(wallet=wallet, hold=held, quantity=42_000, now=now + MINUTE)
    assert (answer.cost, answer.uncovered, answer.available) == (42_000, 0, 8_000)
    assert shares(wallet, 6) == [("A", -5_000, -25_000), ("B", -12_000, 0)]
    assert (left(a30), left(b20)) == (0, 8_000)


def test_what_even_that_does_not_cover_is_uncovered_and_never_collected(
    over_both: Hold,
    wallet: Wallet,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = metering.capture(wallet=wallet, hold=over_both, quantity=57_000, now=now + MINUTE)
        metering.capture(wallet=wallet, hold=over_both, quantity=57_000, now=now + MINUTE)
        assert caplog.messages == []
    assert caplog.messages == [f"Hold {over_both.pk} was captured for 7,000 millicredits more than there were."]
    assert (answer.cost, answer.uncovered, answer.available) == (57_000, 7_000, 0)
    assert books(wallet, after=5) == [("capture", 0, -50_000, 57_000)]
    give(wallet, 10_000, now=now + MINUTE)
    assert wallet.available == 10_000
    assert wallet.daily_usage.get(used_on=now.date(), quantity=57_000 + 100_000).cost == 157_000


def test_finished_work_is_charged_in_full_after_the_time_limit_too(
    over_both: Hold, wallet: Wallet, b20: Grant, now: datetime
) -> None:
    answer = metering.capture(wallet=wallet, hold=over_both, quantity=35_000, now=now + 25 * HOUR)
    assert (answer.cost, answer.uncovered, answer.available) == (35_000, 15_000, 0)
    assert books(wallet, after=5) == [
        ("release", 50_000, -50_000, 0),
        ("expiry", -30_000, 0, 0),
        ("capture", -20_000, 0, 35_000),
    ]
    assert left(b20) == 0
    over_both.refresh_from_db()
    assert over_both.status == Hold.Status.CAPTURED


def test_a_late_capture_with_an_empty_wallet_is_uncovered_as_a_whole(wallet: Wallet, a30: Grant, now: datetime) -> None:
    held = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="image", now=now)
    answer = metering.capture(wallet=wallet, hold=held, quantity=1, now=now + 2 * HOUR)
    assert (answer.cost, answer.uncovered, answer.available) == (20_000, 20_000, 0)


def test_releasing_twice_changes_nothing_more(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    first = metering.release(wallet=alice.wallet, hold=held, now=now)
    again = metering.release(wallet=alice.wallet, hold=held, now=now + MINUTE)
    assert (first.replayed, again.replayed, again.sequence, again.posted_at) == (False, True, first.sequence, now)
    assert len(books(alice.wallet)) == 3


def test_releasing_after_the_limit_answers_with_the_release_that_time_made(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    answer = metering.release(wallet=alice.wallet, hold=held, now=now + HOUR)
    assert answer.replayed
    assert books(alice.wallet, after=2) == [("release", 20_000, -20_000, 0)]


def test_capturing_twice_gets_the_first_answer_again(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    first = metering.capture(wallet=alice.wallet, hold=held, quantity=600, detail={"in": 100, "out": 500}, now=now)
    again = metering.capture(
        wallet=alice.wallet, hold=held, quantity=600, detail={"out": 500, "in": 100}, now=now + MINUTE
    )
    assert again.replayed
    assert (again.sequence, again.cost, again.available, again.posted_at) == (
        first.sequence,
        first.cost,
        first.available,
        first.posted_at,
    )
    assert len(books(alice.wallet)) == 3


@pytest.mark.parametrize(("quantity", "detail"), [(601, None), (600, {"out": 600})])
def test_capturing_again_for_something_else_is_refused(
    alice: User, now: datetime, quantity: int, detail: dict[str, object] | None
) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    metering.capture(wallet=alice.wallet, hold=held, quantity=600, now=now)
    with pytest.raises(HoldClosed, match="captured already"):
        metering.capture(wallet=alice.wallet, hold=held, quantity=quantity, detail=detail, now=now)
    assert len(books(alice.wallet)) == 3


def test_a_released_hold_is_not_captured_and_a_captured_one_not_released(alice: User, now: datetime) -> None:
    released = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="one", now=now)
    captured = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="two", now=now)
    metering.release(wallet=alice.wallet, hold=released, now=now)
    metering.capture(wallet=alice.wallet, hold=captured, quantity=1, now=now)
    with pytest.raises(HoldClosed):
        metering.capture(wallet=alice.wallet, hold=released, quantity=1, now=now)
    with pytest.raises(HoldClosed):
        metering.release(wallet=alice.wallet, hold=captured, now=now)
    assert len(books(alice.wallet)) == 5


def test_a_hold_can_be_extended_up_to_a_day(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    longer = metering.extend(wallet=alice.wallet, hold=held, until=now + DAY, now=now + MINUTE)
    assert longer.expires_at == now + DAY
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=1_000, now=now + DAY - MINUTE)
    assert (answer.cost, answer.uncovered) == (5_000, 0)
    assert [kind for kind, *_ in books(alice.wallet)] == ["grant", "hold", "capture"]


def test_an_extension_never_shortens(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    assert metering.extend(wallet=alice.wallet, hold=held, until=now + MINUTE, now=now).expires_at == held.expires_at


def test_a_hold_is_not_extended_beyond_a_day_nor_after_its_end(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    with pytest.raises(InvalidRequest, match="24 hours"):
        metering.extend(wallet=alice.wallet, hold=held, until=now + DAY + timedelta(seconds=1), now=now)
    with pytest.raises(HoldClosed, match="expired"):
        metering.extend(wallet=alice.wallet, hold=held, until=now + 2 * HOUR, now=now + HOUR)


def test_nobody_settles_another_one_s_hold(alice: User, bob: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    with pytest.raises(UnknownHold):
        metering.capture(wallet=bob.wallet, hold=held, quantity=1, now=now)
    with pytest.raises(UnknownHold):
        metering.release(wallet=bob.wallet, hold=held, now=now)
    with pytest.raises(UnknownHold):
        metering.extend(wallet=bob.wallet, hold=held, until=now + HOUR, now=now)
    with pytest.raises(UnknownHold):
        metering.find_hold(wallet=bob.wallet, hold_id=held.pk)
    assert metering.find_hold(wallet=alice.wallet, hold_id=held.pk) == held
    assert len(books(bob.wallet)) == 1


def test_a_hold_that_does_not_exist_is_unknown(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    held.pk += 1_000_000
    with pytest.raises(UnknownHold):
        metering.capture(wallet=alice.wallet, hold=held, quantity=1, now=now)
    with pytest.raises(UnknownHold):
        metering.release(wallet=alice.wallet, hold=held, now=now)


@pytest.mark.parametrize("quantity", [0, -1, 1.0, "1", True, None, 2**63])
def test_a_capture_of_no_real_quantity_leaves_the_hold_open(alice: User, now: datetime, quantity: object) -> None:
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    with pytest.raises(InvalidQuantity):
        metering.capture(wallet=alice.wallet, hold=held, quantity=quantity, now=now)
    held.refresh_from_db()
    assert held.status == Hold.Status.OPEN


@pytest.mark.parametrize("lasts", [timedelta(0), -MINUTE, DAY + timedelta(seconds=1)])
def test_a_hold_lasts_more_than_nothing_and_a_day_at_most(alice: User, now: datetime, lasts: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="24 hours"):
        metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", lasts=lasts, now=now)


def test_the_same_key_gets_the_same_hold(alice: User, now: datetime) -> None:
    first = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    again = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now + MINUTE)
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert len(books(alice.wallet)) == 2


def test_a_suspended_wallet_opens_no_holds_but_settles_the_open_ones(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    to_capture = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="one", now=now)
    to_release = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="two", now=now)
    Wallet.objects.filter(pk=wallet.pk).update(suspended_at=now)
    with pytest.raises(WalletSuspended):
        metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="three", now=now)
    assert metering.capture(wallet=wallet, hold=to_capture, quantity=1, now=now).cost == 20_000
    metering.release(wallet=wallet, hold=to_release, now=now)
    assert [kind for kind, *_ in books(wallet)] == ["grant", "hold", "hold", "capture", "release"]


def test_a_hold_opened_on_an_unlimited_wallet_burns_nothing_after_the_contract_ended(
    alice: User, now: datetime
) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=3_000, key="talk", now=now)
    assert (held.amount, held.unlimited) == (0, True)
    Wallet.objects.filter(owner=alice).update(unlimited=False)
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=2_000, now=now)
    assert (answer.cost, answer.uncovered, answer.available) == (10_000, 0, 100_000)
    assert books(alice.wallet, after=1) == [("hold", 0, 0, 0), ("capture", 0, 0, 10_000)]


def test_a_hold_opened_before_the_contract_spends_the_credits_it_set_aside(alice: User, now: datetime) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=3_000, key="talk", now=now)
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=2_000, now=now)
    assert (answer.cost, answer.available) == (10_000, 90_000)
    assert books(alice.wallet, after=2) == [("capture", 5_000, -15_000, 10_000)]
    assert not alice.wallet.notices.exists()


def test_an_unlimited_hold_that_runs_over_is_neither_burned_nor_uncovered(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="talk", now=now)
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=900_000, now=now + HOUR)
    assert (answer.cost, answer.uncovered, answer.available) == (4_500_000, 0, 100_000)


def test_work_that_is_held_is_captured_when_it_ends_well(alice: User, now: datetime) -> None:
    times = iter([now, now + MINUTE])
    with metering.holding(
        wallet=alice.wallet, feature="gpt-4o", quantity=2_000, minimum=400, key="talk", clock=lambda: next(times)
    ) as work:
        assert work.quantity == 2_000
        work.used(611, detail={"input": 400, "output": 211})
    assert work.answer is not None
    assert (work.answer.cost, work.answer.posted_at) == (3_055, now + MINUTE)
    assert alice.wallet.entries.get(sequence=3).detail == {"input": 400, "output": 211}


def test_work_that_is_held_is_released_when_it_fails(alice: User, now: datetime) -> None:
    def fail() -> None:
        with metering.holding(wallet=alice.wallet, feature="flux-pro", quantity=2, key="image", clock=lambda: now):
            raise RuntimeError("the image model is away")

    with pytest.raises(RuntimeError, match="image model"):
        fail()
    assert books(alice.wallet, after=1) == [("hold", -40_000, 40_000, 0), ("release", 40_000, -40_000, 0)]


def test_work_that_does_not_count_tokens_used_what_was_held(alice: User, now: datetime) -> None:
    with metering.holding(wallet=alice.wallet, feature="flux-pro", quantity=2, key="image", clock=lambda: now) as work:
        pass
    assert work.answer is not None
    assert work.answer.cost == 40_000


def test_tokens_that_nobody_counted_are_refused_and_released(alice: User, now: datetime) -> None:
    with (
        pytest.raises(InvalidRequest, match="how many tokens"),
        metering.holding(wallet=alice.wallet, feature="gpt-4o", quantity=200, key="talk", clock=lambda: now),
    ):
        pass
    assert books(alice.wallet, after=1) == [("hold", -1_000, 1_000, 0), ("release", 1_000, -1_000, 0)]


def talk(wallet: Wallet, now: datetime) -> AbstractContextManager[metering.Work]:
    return metering.holding(wallet=wallet, feature="gpt-4o", quantity=200, key="talk", clock=lambda: now)


def test_work_does_not_begin_again_under_a_key_that_was_released(alice: User, now: datetime) -> None:
    with pytest.raises(ConnectionError), talk(alice.wallet, now):
        raise ConnectionError
    with pytest.raises(HoldClosed, match="key of its own"), talk(alice.wallet, now):
        pytest.fail("Nobody would pay for this.")


def test_nor_under_one_that_was_captured(alice: User, now: datetime) -> None:
    with talk(alice.wallet, now) as work:
        work.used(150)
    with pytest.raises(HoldClosed, match="key of its own"), talk(alice.wallet, now):
        pytest.fail("Nobody would pay for this.")
    assert books(alice.wallet, after=1) == [("hold", -1_000, 1_000, 0), ("capture", 250, -1_000, 750)]


@pytest.mark.parametrize(("quantity", "detail"), [(0, None), (-1, None), (1.5, None), (150, {"nan": float("nan")})])
def test_work_that_says_nonsense_about_its_use_is_released_at_once(
    alice: User, now: datetime, quantity: Any, detail: Any
) -> None:
    with pytest.raises((InvalidQuantity, InvalidRequest)), talk(alice.wallet, now) as work:
        work.used(quantity, detail=detail)
    assert books(alice.wallet, after=1) == [("hold", -1_000, 1_000, 0), ("release", 1_000, -1_000, 0)]


def test_other_work_is_all_or_nothing(alice: User, now: datetime) -> None:
    with pytest.raises(InsufficientCredits) as refusal:
        metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
    assert (refusal.value.needed, refusal.value.available, refusal.value.shortfall) == (160_000, 100_000, 60_000)
    assert len(books(alice.wallet)) == 1
    assert not Hold.objects.exists()


class TestChat:
    """A chat hold is capped by what was asked, the user's setting and the balance (decision 11)."""

    def hold(self, person: User, now: datetime, quantity: int, minimum: int | None = None) -> Hold:
        wallet = Wallet.objects.get(owner=person)
        return metering.hold(
            wallet=wallet, feature="o1-preview", quantity=quantity, minimum=minimum, key="talk", now=now
        )

    def test_what_was_asked_is_granted_when_it_is_the_smallest(self, alice: User, now: datetime) -> None:
        assert self.hold(alice, now, 1_500, minimum=500).quantity == 1_500

    def test_the_output_is_cut_to_the_user_s_own_setting(self, alice: User, now: datetime) -> None:
        Wallet.objects.filter(owner=alice).update(max_output_tokens=1_000)
        held = self.hold(alice, now, 6_000, minimum=500)
        assert (held.quantity, held.amount) == (1_500, 22_500)

    def test_the_default_setting_is_4096_tokens(self, alice: User, now: datetime) -> None:
        give(alice.wallet, 1_000_000, now=now)
        assert self.hold(alice, now, 100_000, minimum=500).quantity == 4_596

    def test_without_a_prompt_all_of_it_counts_as_output(self, alice: User, now: datetime) -> None:
        give(alice.wallet, 1_000_000, now=now)
        assert self.hold(alice, now, 100_000).quantity == 4_096

    def test_it_is_cut_to_what_the_balance_can_pay(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=4, key="images", now=now)
        held = self.hold(alice, now, 4_000, minimum=500)
        assert (held.quantity, held.amount) == (1_333, 19_995)

    def test_less_than_the_prompt_is_refused_with_what_the_prompt_needs(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=4, key="images", now=now)
        with pytest.raises(InsufficientCredits) as refusal:
            self.hold(alice, now, 4_000, minimum=1_334)
        assert (refusal.value.needed, refusal.value.available, refusal.value.shortfall) == (20_010, 20_000, 10)

    def test_exactly_the_prompt_is_enough(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=4, key="images", now=now)
        assert self.hold(alice, now, 4_000, minimum=1_333).quantity == 1_333

    def test_an_empty_wallet_talks_about_nothing(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key="images", now=now)
        with pytest.raises(InsufficientCredits) as refusal:
            self.hold(alice, now, 4_000)
        assert (refusal.value.needed, refusal.value.available) == (15, 0)

    def test_an_unlimited_wallet_is_still_cut_to_its_setting(self, alice: User, now: datetime) -> None:
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        assert self.hold(alice, now, 100_000, minimum=50_000).quantity == 54_096

    def test_the_setting_of_this_moment_counts_not_the_caller_s_old_copy(self, alice: User, now: datetime) -> None:
        old_copy = Wallet.objects.get(owner=alice)
        Wallet.objects.filter(owner=alice).update(max_output_tokens=100)
        held = metering.hold(wallet=old_copy, feature="gpt-4o", quantity=4_000, minimum=50, key="talk", now=now)
        assert held.quantity == 150

    def test_a_chatbot_s_message_is_capped_like_its_model(self, alice: User, now: datetime) -> None:
        held = metering.hold(
            wallet=alice.wallet,
            feature="chatbot-message",
            priced_as="gpt-4o",
            quantity=100_000,
            minimum=1_000,
            key="talk",
            source="chatbot:7",
            now=now,
        )
        assert (held.quantity, held.amount) == (5_096, 25_480)

    @pytest.mark.parametrize("minimum", [0, -1, 4_001, 1.5, "10", True])
    def test_a_prompt_is_a_whole_number_within_what_is_asked(self, alice: User, now: datetime, minimum: object) -> None:
        with pytest.raises(InvalidQuantity):
            self.hold(alice, now, 4_000, minimum=minimum)


def test_two_people_s_holds_do_not_touch_each_other(db: None, now: datetime) -> None:
    one, other = sign_up("one", at=now).wallet, sign_up("other", at=now).wallet
    first = metering.hold(wallet=one, feature="flux-pro", quantity=1, key="same key", now=now)
    second = metering.hold(wallet=other, feature="flux-pro", quantity=1, key="same key", now=now)
    assert first != second
    metering.release(wallet=one, hold=first, now=now)
    assert metering.capture(wallet=other, hold=second, quantity=1, now=now).cost == 20_000
