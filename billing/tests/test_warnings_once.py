"""What is mailed of warnings: one message with each notice, by whichever way it came about, and none without one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.gateway.facts import RefundFacts
from billing.models import Message, Notice, Wallet
from billing.services import grants, refunds, settlement, subscriptions
from billing.tests.people import give

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RESET = datetime(2025, 4, 10, tzinfo=UTC)
LOW, VERY_LOW, OUT = Notice.Level.LOW, Notice.Level.VERY_LOW, Notice.Level.OUT
Spend = Callable[..., None]


@pytest.fixture
def wallet(alice: User) -> Wallet:
    """A hundred credits: warned strictly below 20 and strictly below 5."""
    return alice.wallet


@pytest.fixture
def spend(wallet: Wallet, now: datetime) -> Spend:
    """Spend so many millicredits, in one charge."""

    def spend(millicredits: int, *, at: datetime = now) -> None:
        key = f"use {wallet.entries.count()}"
        metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=millicredits, key=key, now=at)

    return spend


def mailed(wallet: Wallet) -> list[tuple[int, int, int]]:
    """Return the warnings to mail as (level, cycle, what was left); the notices in the app say exactly the same."""
    messages = Message.objects.filter(wallet=wallet, kind=Message.Kind.LOW_CREDITS).order_by("pk")
    notices = list(wallet.notices.order_by("pk"))
    assert [message.key for message in messages] == [f"notice:{notice.pk}" for notice in notices]
    warnings = [(each.facts["level"], each.facts["cycle"], each.facts["available"]) for each in messages]
    assert warnings == [(notice.level, notice.cycle, notice.available) for notice in notices]
    return warnings


def give_back(wallet: Wallet, payment: str, cents: int, *, status: str = "succeeded", now: datetime) -> None:
    """Let Stripe say that so much of a payment was refunded, or that this failed."""
    facts = RefundFacts(f"re_{payment}", status, cents, "usd", payment, now)
    refunds.apply(refunds.Fetched(now, facts, refunds.Sale()), now=now)
    wallet.refresh_from_db()


@pytest.mark.parametrize(("spent", "stronger"), [(95_001, VERY_LOW), (100_000, OUT)])
def test_a_charge_that_crosses_two_mails_the_stronger_alone(
    wallet: Wallet, spend: Spend, spent: int, stronger: int
) -> None:
    spend(spent)
    assert mailed(wallet) == [(stronger, 1, 100_000 - spent)]


def test_further_charges_below_a_threshold_mail_nothing_more(wallet: Wallet, spend: Spend) -> None:
    spend(81_000)
    for _ in range(13):
        spend(1_000)
    assert mailed(wallet) == [(LOW, 1, 19_000)]


def test_a_repeated_charge_mails_nothing_more(wallet: Wallet, now: datetime) -> None:
    for _ in range(3):
        metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=96_000, key="once", now=now)
    assert mailed(wallet) == [(VERY_LOW, 1, 4_000)]


@pytest.mark.parametrize("times", [1, 5])
def test_refusals_mail_once_that_credits_are_out(wallet: Wallet, now: datetime, times: int) -> None:
    for number in range(times):
        with pytest.raises(InsufficientCredits):
            metering.charge(wallet=wallet, feature="dall-e-3-hd", quantity=2, key=f"{number}", now=now)
    assert mailed(wallet) == [(OUT, 1, 100_000)]


def test_each_item_of_a_batch_is_judged_by_itself(wallet: Wallet, now: datetime) -> None:
    items = [metering.Charge(feature="gpt-4o-mini", quantity=each, key=f"{each}") for each in (81_000, 1_000, 15_000)]
    metering.charge_many(wallet=wallet, charges=items, now=now)
    warnings = mailed(wallet)
    assert warnings[-1] == (VERY_LOW, 1, 3_000)
    assert [level for level, *_ in warnings] == [LOW, VERY_LOW]


class TestAgain:
    """What is bought re-arms the warnings; spent again, it is told again."""

    def test_a_pack_bought_and_spent_is_told_of_each_level_again(
        self, wallet: Wallet, spend: Spend, now: datetime
    ) -> None:
        spend(81_000)
        spend(15_000)
        give(wallet, 46_000, now=now)
        for millicredits in (31_000, 15_000, 4_000):
            spend(millicredits)
        assert [warning[0] for warning in mailed(wallet)] == [LOW, VERY_LOW, LOW, VERY_LOW, OUT]

    def test_two_packs_re_arm_no_more_than_one(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        spend(97_000)
        give(wallet, 30_000, now=now)
        give(wallet, 30_000, now=now)
        spend(44_000)
        spend(1_000)
        assert mailed(wallet) == [(VERY_LOW, 1, 3_000), (LOW, 1, 19_000)]

    def test_a_pack_that_lifts_nobody_above_a_threshold_re_arms_nothing(
        self, wallet: Wallet, spend: Spend, now: datetime
    ) -> None:
        spend(97_000)
        give(wallet, 1_000, now=now)
        spend(1_000)
        assert mailed(wallet) == [(VERY_LOW, 1, 3_000)]

    def test_a_level_that_was_re_armed_is_told_once(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        spend(85_000)
        give(wallet, 10_000, now=now)
        for _ in range(6):
            spend(1_000)
        assert mailed(wallet) == [(LOW, 1, 15_000), (LOW, 1, 19_000)]


class TestHolds:
    """Neither a hold nor its return says anything; what is really spent does."""

    def test_holding_and_releasing_all_there_is_mails_nothing(self, wallet: Wallet, now: datetime) -> None:
        for number in range(5):
            held = metering.hold(wallet=wallet, feature="flux-pro", quantity=5, key=f"{number}", now=now)
            metering.release(wallet=wallet, hold=held, now=now)
        metering.hold(wallet=wallet, feature="flux-pro", quantity=5, key="left open", now=now)
        settlement.settle(wallet_id=wallet.pk, now=now + HOUR)
        assert mailed(wallet) == []

    def test_a_release_does_not_re_arm(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        held = metering.hold(wallet=wallet, feature="stable-diffusion", quantity=1, key="hold", now=now)
        spend(85_000)
        metering.release(wallet=wallet, hold=held, now=now)
        spend(1_000)
        assert mailed(wallet) == [(LOW, 1, 5_000)], "5 are available and 10 are held"

    @pytest.mark.parametrize(("quantity", "expected"), [(80_000, []), (80_001, [(LOW, 1, 19_999)])])
    def test_a_capture_mails_what_a_charge_would(
        self, wallet: Wallet, now: datetime, quantity: int, expected: list[tuple[int, int, int]]
    ) -> None:
        held = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=90_000, minimum=86_000, key="h", now=now)
        metering.capture(wallet=wallet, hold=held, quantity=quantity, now=now)
        assert mailed(wallet) == expected

    def test_a_capture_above_its_hold_mails_that_credits_are_out(self, wallet: Wallet, now: datetime) -> None:
        held = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="hold", now=now)
        metering.capture(wallet=wallet, hold=held, quantity=7, now=now)
        assert mailed(wallet) == [(OUT, 1, 0)]


class TestTakenAway:
    """Credits that expire, that staff take or that go back with their money warn like those that are spent."""

    def test_an_expiry_that_nobody_watched_warns_once(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        spend(85_000)
        give(wallet, 10_000, now=now, source="promotional", expires_at=now + DAY)
        for days in (2, 3, 4):
            settlement.settle(wallet_id=wallet.pk, now=now + days * DAY)
        assert mailed(wallet) == [(LOW, 1, 15_000), (LOW, 1, 15_000)]

    def test_a_claw_back_warns(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        give(wallet, 50_000, now=now, cents=500, payment="pi_1")
        spend(90_000)
        assert mailed(wallet) == []
        give_back(wallet, "pi_1", 450, now=now)
        assert mailed(wallet) == [(LOW, 1, 15_000)]
        give_back(wallet, "pi_1", 450, now=now)
        assert mailed(wallet) == [(LOW, 1, 15_000)], "Stripe says it twice"

    def test_a_refund_that_failed_re_arms(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        give(wallet, 50_000, now=now, cents=500, payment="pi_1")
        spend(90_000)
        give_back(wallet, "pi_1", 450, now=now)
        give_back(wallet, "pi_1", 450, status="failed", now=now + MINUTE)
        spend(41_000, at=now + MINUTE)
        assert mailed(wallet) == [(LOW, 1, 15_000), (LOW, 1, 19_000)]

    def test_what_staff_take_warns(self, wallet: Wallet, stella: User, now: datetime) -> None:
        grants.adjust(wallet_id=wallet.pk, amount=-85_000, reason="A mistake.", actor=stella, key="form", now=now)
        assert mailed(wallet) == [(LOW, 1, 15_000)]


class TestCycles:
    """Each cycle warns by itself, by its own allowance."""

    def test_a_new_cycle_begins_with_no_warning_given(self, wallet: Wallet, spend: Spend) -> None:
        spend(100_000)
        spend(81_000, at=RESET)
        spend(15_000, at=RESET)
        assert mailed(wallet) == [(OUT, 1, 0), (LOW, 2, 19_000), (VERY_LOW, 2, 4_000)]

    def test_a_charge_that_first_ends_a_cycle_is_judged_by_the_new_one(
        self, wallet: Wallet, spend: Spend, now: datetime
    ) -> None:
        spend(79_000)
        spend(79_000, at=RESET)
        assert mailed(wallet) == []

    def test_a_plan_that_begins_or_ends_starts_afresh(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        spend(85_000)
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=1_000_000, now=now)
        spend(850_000)
        subscriptions.return_to_free(wallet_id=wallet.pk, now=now)
        spend(85_000)
        assert mailed(wallet) == [(LOW, 1, 15_000), (LOW, 2, 150_000), (LOW, 3, 15_000)]

    def test_who_is_unlimited_is_never_told_anything(self, wallet: Wallet, spend: Spend, now: datetime) -> None:
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
        spend(10_000_000)
        held = metering.hold(wallet=wallet, feature="flux-pro", quantity=900, key="hold", now=now)
        metering.capture(wallet=wallet, hold=held, quantity=1_000, now=now)
        settlement.settle(wallet_id=wallet.pk, now=now + 70 * DAY)
        assert mailed(wallet) == []
