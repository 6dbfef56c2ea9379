"""However many charges cross a threshold together, one of them warns: one notice, one message (decision 19)."""

from datetime import UTC, datetime

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.models import Message, Notice, Wallet
from billing.services import settlement
from billing.tests.people import give, sign_up
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS = 64
LONG = [pytest.mark.long, pytest.mark.timeout(7_200)]
RESET = datetime(2025, 4, 10, tzinfo=UTC)
LOW, VERY_LOW, OUT = Notice.Level.LOW, Notice.Level.VERY_LOW, Notice.Level.OUT


def spend_together(wallet: Wallet, millicredits: list[int], now: datetime, *, name: str) -> list[int]:
    """Charge so much each, all at once; return what was charged, which is less where credits ran out."""

    def spend(item: tuple[int, int]) -> int:
        number, quantity = item
        try:
            key = f"{name} {number}"
            return metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=quantity, key=key, now=now).cost
        except InsufficientCredits:
            return 0

    return run_together(spend, list(enumerate(millicredits)))


def warned(wallet: Wallet) -> list[tuple[int, int]]:
    """Return the levels and cycles that the owner was warned of; what is mailed says the same as what is shown."""
    notices = list(wallet.notices.order_by("id"))
    messages = Message.objects.filter(wallet=wallet, kind=Message.Kind.LOW_CREDITS).order_by("id")
    said = [(message.key, message.facts) for message in messages]
    assert said == [
        (f"notice:{each.pk}", {"level": each.level, "available": each.available, "cycle": each.cycle})
        for each in notices
    ]
    return [(each.level, each.cycle) for each in notices]


def test_charges_that_cross_all_three_thresholds_together_warn_of_each_once(alice: User, now: datetime) -> None:
    """Each of 64 takes a sixty-fourth of the wallet, so that none crosses two."""
    charged = spend_together(alice.wallet, [1_562] * 63 + [100_000 - 63 * 1_562], now, name="use")
    assert sum(charged) == 100_000
    assert warned(alice.wallet) == [(LOW, 1), (VERY_LOW, 1), (OUT, 1)]


def test_more_charges_than_there_are_credits_for_say_once_that_they_are_out(alice: User, now: datetime) -> None:
    charged = spend_together(alice.wallet, [3_000] * THREADS, now, name="use")
    assert sum(charged) == 99_000
    levels = warned(alice.wallet)
    assert levels.count((OUT, 1)) == 1
    assert levels == [(LOW, 1), (VERY_LOW, 1), (OUT, 1)]


def test_each_of_sixty_four_crosses_both_and_only_the_stronger_is_told_once(alice: User, now: datetime) -> None:
    charged = spend_together(alice.wallet, [96_000] * THREADS, now, name="use")
    assert sorted(charged) == [0] * 63 + [96_000]
    assert warned(alice.wallet)[:1] in ([(VERY_LOW, 1)], [(OUT, 1)])
    assert set(warned(alice.wallet)) <= {(VERY_LOW, 1), (OUT, 1)}
    assert len(warned(alice.wallet)) == len(set(warned(alice.wallet)))


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=LONG)])
def test_after_a_pack_and_after_a_reset_each_level_is_told_once_again(alice: User, now: datetime, rounds: int) -> None:
    wallet = alice.wallet
    expected: list[tuple[int, int]] = []
    for number in range(rounds):
        wallet.refresh_from_db()
        share = -(-wallet.available // THREADS)
        spend_together(wallet, [share] * THREADS, now, name=f"round {number}")
        expected += [(LOW, 1), (VERY_LOW, 1), (OUT, 1)]
        assert warned(wallet) == expected
        give(wallet, 64_000, now=now, key=f"pack {number}")

    spend_together(wallet, [1_400] * THREADS, RESET, name="next cycle")
    assert warned(wallet) == expected, "100 of the new cycle and 64 of the pack, less 89.6"
    spend_together(wallet, [1_200] * THREADS, RESET, name="the rest")
    assert warned(wallet) == [*expected, (LOW, 2), (VERY_LOW, 2), (OUT, 2)]


def test_charges_holds_captures_and_settling_together_warn_of_each_level_once(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    held = [
        metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=2_000, minimum=1, key=f"hold {each}", now=now)
        for each in range(20)
    ]

    def act(number: int) -> None:
        if number < 16:
            metering.capture(wallet=wallet, hold=held[number], quantity=2_000, now=now)
        elif number < 20:
            metering.release(wallet=wallet, hold=held[number], now=now)
        elif number < 24:
            settlement.settle(wallet_id=wallet.pk, now=now)
        else:
            metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=1_500, key=f"use {number}", now=now)

    run_together(act, range(THREADS))

    wallet.refresh_from_db()
    assert wallet.posted == 100_000 - 16 * 2_000 - 40 * 1_500
    assert warned(wallet) == [(LOW, 1)], "8 credits are left"


def test_wallets_beside_each_other_are_each_warned_for_themselves(now: datetime) -> None:
    wallets = [sign_up(f"customer{number}", at=now).wallet for number in range(8)]

    def spend(number: int) -> None:
        wallet = wallets[number % 8]
        metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=11_000, key=f"use {number}", now=now)

    run_together(spend, range(THREADS))

    for wallet in wallets:
        assert warned(wallet) == [(LOW, 1)], "12 credits are left"


def test_an_unlimited_wallet_is_never_warned_however_many_charge_it(alice: User, now: datetime) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(unlimited=True)
    spend_together(alice.wallet, [50_000] * THREADS, now, name="use")
    assert warned(alice.wallet) == []
