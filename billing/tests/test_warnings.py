"""Warnings below 20 %, below 5 % and at nothing: each once a cycle, only the stronger of two (decision 19)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.models import Wallet
from billing.services import cycles, notices, settlement
from billing.tests.people import give

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RESET = datetime(2025, 4, 10, tzinfo=UTC)


@pytest.fixture
def wallet(alice: User) -> Wallet:
    """A hundred credits: warned strictly below 20 and strictly below 5."""
    return alice.wallet


def spend(wallet: Wallet, millicredits: int, now: datetime) -> None:
    """Spend exactly so much: a token of GPT-4o Mini costs one millicredit."""
    key = f"use {wallet.entries.count()}"
    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=millicredits, key=key, now=now)


def told(wallet: Wallet) -> list[tuple[int, int, int]]:
    """Return what the owner was told, as (level, cycle, what was left)."""
    return list(wallet.notices.order_by("id").values_list("level", "cycle", "available"))


def level(wallet: Wallet) -> int:
    wallet.refresh_from_db()
    return wallet.warning_level


def test_exactly_twenty_percent_is_not_below(wallet: Wallet, now: datetime) -> None:
    spend(wallet, 80_000, now)
    assert (told(wallet), level(wallet)) == ([], 0)


def test_a_millicredit_below_twenty_percent_warns_once(wallet: Wallet, now: datetime) -> None:
    spend(wallet, 80_001, now)
    spend(wallet, 1, now)
    spend(wallet, 14_998, now)
    assert (told(wallet), level(wallet)) == ([(1, 1, 19_999)], 1)
    assert wallet.notices.get().raised_at == now


def test_a_millicredit_below_five_percent_warns_again(wallet: Wallet, now: datetime) -> None:
    spend(wallet, 90_000, now)
    spend(wallet, 5_000, now)
    assert told(wallet) == [(1, 1, 10_000)], "exactly five percent is not below"
    spend(wallet, 1, now)
    assert told(wallet) == [(1, 1, 10_000), (2, 1, 4_999)]


def test_nothing_left_is_the_third_warning(wallet: Wallet, now: datetime) -> None:
    for millicredits in (81_000, 18_000, 1_000):
        spend(wallet, millicredits, now)
    assert told(wallet) == [(1, 1, 19_000), (2, 1, 1_000), (3, 1, 0)]


@pytest.mark.parametrize(("spent", "stronger"), [(96_000, 2), (100_000, 3)])
def test_of_two_crossed_at_once_only_the_stronger_is_told(
    wallet: Wallet, now: datetime, spent: int, stronger: int
) -> None:
    spend(wallet, spent, now)
    assert told(wallet) == [(stronger, 1, 100_000 - spent)]


def test_free_features_warn_nobody(wallet: Wallet, now: datetime) -> None:
    metering.charge(wallet=wallet, feature="analytics", quantity=1, key="report", now=now)
    assert told(wallet) == []


def test_many_small_charges_in_one_call_warn_like_one_by_one(wallet: Wallet, now: datetime) -> None:
    items = [metering.Charge(feature="flux-pro", quantity=1, key=f"{number}") for number in range(5)]
    metering.charge_many(wallet=wallet, charges=items, now=now)
    assert told(wallet) == [(3, 1, 0)]


def test_packs_count_as_credits_that_are_left(wallet: Wallet, now: datetime) -> None:
    give(wallet, 20_000, now=now)
    spend(wallet, 100_000, now)
    assert told(wallet) == []
    spend(wallet, 1, now)
    assert told(wallet) == [(1, 1, 19_999)]


class TestHolds:
    """A hold or a release never warns: what is held is still theirs."""

    def test_setting_aside_everything_warns_nobody(self, wallet: Wallet, now: datetime) -> None:
        held = metering.hold(wallet=wallet, feature="flux-pro", quantity=5, key="images", now=now)
        assert told(wallet) == []
        metering.release(wallet=wallet, hold=held, now=now)
        assert (told(wallet), level(wallet)) == ([], 0)

    def test_a_hold_that_runs_out_of_time_warns_nobody(self, wallet: Wallet, now: datetime) -> None:
        metering.hold(wallet=wallet, feature="flux-pro", quantity=5, key="images", now=now)
        settlement.settle(wallet_id=wallet.pk, now=now + HOUR)
        assert told(wallet) == []

    def test_a_capture_warns(self, wallet: Wallet, now: datetime) -> None:
        held = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=90_000, minimum=86_000, key="h", now=now)
        metering.capture(wallet=wallet, hold=held, quantity=85_000, now=now)
        assert told(wallet) == [(1, 1, 15_000)]

    def test_a_charge_beside_a_hold_counts_what_is_held(self, wallet: Wallet, now: datetime) -> None:
        metering.hold(wallet=wallet, feature="flux-pro", quantity=3, key="images", now=now)
        spend(wallet, 39_000, now)
        assert told(wallet) == [], "1 is available and 60 are held"
        spend(wallet, 1_000, now)
        assert told(wallet) == []

    def test_what_is_held_alone_is_judged_too(self, wallet: Wallet, now: datetime) -> None:
        metering.hold(wallet=wallet, feature="stable-diffusion", quantity=1, key="image", now=now)
        spend(wallet, 81_000, now)
        assert told(wallet) == [(1, 1, 9_000)], "9 are available and 10 are held: 19 are posted"


class TestRefusals:
    """The first refusal is level 3, once."""

    def test_a_refused_charge_says_that_credits_are_out_once(self, wallet: Wallet, now: datetime) -> None:
        for number in range(3):
            with pytest.raises(InsufficientCredits):
                metering.charge(wallet=wallet, feature="dall-e-3-hd", quantity=2, key=f"{number}", now=now)
        assert (told(wallet), level(wallet)) == ([(3, 1, 100_000)], 3)

    def test_a_refused_hold_and_a_refused_run_do_so_too(self, alice: User, bob: User, now: datetime) -> None:
        with pytest.raises(InsufficientCredits):
            metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        nodes = [metering.Node(feature="dall-e-3-hd", quantity=2)]
        with pytest.raises(InsufficientCredits):
            metering.charge_workflow(wallet=bob.wallet, workflow="w", nodes=nodes, key="run", now=now)
        assert told(alice.wallet) == told(bob.wallet) == [(3, 1, 100_000)]

    def test_after_a_refusal_weaker_levels_stay_silent(self, wallet: Wallet, now: datetime) -> None:
        with pytest.raises(InsufficientCredits):
            metering.charge(wallet=wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        spend(wallet, 99_000, now)
        spend(wallet, 1_000, now)
        assert told(wallet) == [(3, 1, 100_000)]

    def test_a_new_cycle_after_a_refusal_starts_afresh(self, wallet: Wallet, now: datetime) -> None:
        with pytest.raises(InsufficientCredits):
            metering.charge(wallet=wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        spend(wallet, 80_001, RESET)
        assert told(wallet) == [(3, 1, 100_000), (1, 2, 19_999)]


class TestAgain:
    """A new grant lowers the level to what the balance deserves, so that it can fire again."""

    def test_a_pack_re_arms_the_warnings(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 97_000, now)
        give(wallet, 50_000, now=now)
        assert level(wallet) == 0
        spend(wallet, 34_000, now)
        assert told(wallet) == [(2, 1, 3_000), (1, 1, 19_000)]

    def test_a_small_grant_re_arms_only_the_stronger_level(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 99_000, now)
        give(wallet, 9_000, now=now)
        assert level(wallet) == 1
        spend(wallet, 1_000, now)
        assert told(wallet) == [(2, 1, 1_000)]
        spend(wallet, 5_000, now)
        assert told(wallet) == [(2, 1, 1_000), (2, 1, 4_000)]

    def test_a_grant_itself_never_warns(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 100_000, now)
        give(wallet, 1_000, now=now)
        assert told(wallet) == [(3, 1, 0)]
        assert level(wallet) == 2


class TestTime:
    """Expiry warns like a charge; a reset warns nobody."""

    def test_a_reset_warns_nobody(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 50_000, now)
        settlement.settle(wallet_id=wallet.pk, now=RESET)
        assert (told(wallet), level(wallet)) == ([], 0)

    def test_fourteen_resets_at_once_warn_nobody(self, wallet: Wallet, now: datetime) -> None:
        settlement.settle(wallet_id=wallet.pk, now=now + 430 * DAY)
        assert told(wallet) == []

    def test_each_cycle_warns_anew(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 81_000, now)
        spend(wallet, 82_000, RESET)
        assert told(wallet) == [(1, 1, 19_000), (1, 2, 18_000)]

    def test_promotional_credits_that_expire_warn(self, wallet: Wallet, now: datetime) -> None:
        spend(wallet, 75_000, now)
        give(wallet, 30_000, now=now, source="promotional", expires_at=now + DAY)
        spend(wallet, 10_000, now + HOUR)
        assert told(wallet) == []
        settlement.settle(wallet_id=wallet.pk, now=now + 2 * DAY)
        assert told(wallet) == [], "20 of the promotion expired, 25 are left"

    def test_when_what_is_left_falls_below_twenty_percent(self, wallet: Wallet, now: datetime) -> None:
        give(wallet, 30_000, now=now, source="promotional", expires_at=now + DAY)
        spend(wallet, 10_000, now)
        give(wallet, 5_000, now=now + HOUR, source="promotional", expires_at=now + 2 * DAY)
        spend(wallet, 25_000, now + HOUR)
        spend(wallet, 81_000, now + HOUR)
        assert told(wallet) == [(1, 1, 19_000)]
        give(wallet, 2_000, now=now + HOUR, source="promotional", expires_at=now + 2 * DAY)
        assert level(wallet) == 0
        settlement.settle(wallet_id=wallet.pk, now=now + 2 * DAY)
        assert told(wallet) == [(1, 1, 19_000), (1, 1, 19_000)]

    def test_thresholds_are_those_of_the_cycle_s_own_allowance(self, wallet: Wallet, now: datetime) -> None:
        wallet.subscription.plan.__class__.objects.filter(code="free").update(allowance=200_000)
        spend(wallet, 80_001, now)
        assert told(wallet) == [(1, 1, 19_999)]
        settlement.settle(wallet_id=wallet.pk, now=RESET)
        wallet.refresh_from_db()
        assert (wallet.low_below, wallet.very_low_below, wallet.available) == (40_000, 10_000, 200_000)


def test_an_unlimited_wallet_is_never_warned(wallet: Wallet, now: datetime) -> None:
    Wallet.objects.filter(pk=wallet.pk).update(unlimited=True)
    spend(wallet, 5_000_000, now)
    assert (told(wallet), level(wallet)) == ([], 0)


def test_a_notice_is_dismissed_for_good_and_only_by_its_owner(wallet: Wallet, bob: User, now: datetime) -> None:
    spend(wallet, 81_000, now)
    notice = wallet.notices.get()
    assert not notices.dismiss(wallet=bob.wallet, notice_id=notice.pk, now=now)
    assert notices.dismiss(wallet=wallet, notice_id=notice.pk, now=now)
    assert not notices.dismiss(wallet=wallet, notice_id=notice.pk, now=now + HOUR)
    notice.refresh_from_db()
    assert notice.dismissed_at == now


@pytest.mark.parametrize(
    ("allowance", "low", "very_low"), [(100_000, 20_000, 5_000), (99, 20, 5), (1, 1, 1), (0, 0, 0)]
)
def test_a_threshold_is_the_least_amount_that_is_not_below(allowance: int, low: int, very_low: int) -> None:
    assert cycles.share_of(allowance, 20) == low
    assert cycles.share_of(allowance, 5) == very_low
    assert low * 100 >= allowance * 20 > (low - 1) * 100
