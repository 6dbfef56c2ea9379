"""G2: however many want the same credits at once, the wallet ends at exactly nothing, never below."""

import random
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.metering import Answer, Charge
from billing.models import Wallet
from billing.tests.people import FREE_ALLOWANCE, give
from billing.tests.races.together import deal

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS = 64
LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]
SMALLEST = 1


def wishes(count: int) -> list[tuple[int, int]]:
    """Return (number, tokens) of charges, the last tenth of one token each, so that every last millicredit is wanted.

    A token of GPT-4o Mini costs one millicredit.
    """
    dice = random.Random(count)
    large = count * 9 // 10
    return [(number, dice.randint(2, 60) if number < large else SMALLEST) for number in range(count)]


def fill(wallet: Wallet, wanted: list[tuple[int, int]], *, grants: int, now: datetime) -> int:
    """Give the wallet, in grants that end one after another, all but half of what the smallest charges want."""
    smallest = sum(tokens for _, tokens in wanted if tokens == SMALLEST)
    funds = sum(tokens for _, tokens in wanted) - smallest // 2 - FREE_ALLOWANCE
    for number in range(grants):
        amount = funds // grants + (funds % grants if number == 0 else 0)
        give(wallet, amount, now=now, source="promotional", expires_at=now + timedelta(days=40 + number))
    return wallet.available


@pytest.mark.parametrize("count", [6_000, pytest.param(200_000, marks=LONG)])
def test_sixty_four_threads_spend_a_wallet_of_many_grants_to_the_last_millicredit(
    alice: User, now: datetime, count: int
) -> None:
    wallet, wanted = alice.wallet, wishes(count)
    funds = fill(wallet, wanted, grants=12, now=now)

    def charge(wish: tuple[int, int]) -> int:
        number, tokens = wish
        try:
            return metering.charge(
                wallet=wallet, feature="gpt-4o-mini", quantity=tokens, key=f"charge {number}", now=now
            ).cost
        except InsufficientCredits:
            return 0

    paid = deal(charge, wanted, threads=THREADS)

    wallet.refresh_from_db()
    assert (wallet.available, wallet.held, wallet.head_left) == (0, 0, 0)
    assert sum(paid) == funds
    charged = wallet.entries.filter(kind="charge")
    assert charged.count() == sum(1 for cost in paid if cost)
    assert min(charged.values_list("available_after", flat=True)) == 0


def test_batches_at_once_end_at_nothing_too(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    batches = [[f"{batch}.{item}" for item in range(25)] for batch in range(THREADS)]

    def charge(keys: list[str]) -> int:
        items = [Charge(feature="gpt-4o-mini", quantity=80, key=key) for key in keys]
        answers = metering.charge_many(wallet=wallet, charges=items, now=now)
        assert all(isinstance(answer, (Answer, InsufficientCredits)) for answer in answers)
        return sum(1 for answer in answers if isinstance(answer, Answer))

    charged = deal(charge, batches, threads=THREADS)

    wallet.refresh_from_db()
    assert (wallet.available, sum(charged)) == (0, FREE_ALLOWANCE // 80)
    assert wallet.entries.filter(kind="charge").count() == FREE_ALLOWANCE // 80


def test_holds_at_once_never_set_the_same_credits_aside_twice(alice: User, now: datetime) -> None:
    wallet = alice.wallet

    def hold(number: int) -> int:
        try:
            return metering.hold(
                wallet=wallet, feature="stable-diffusion", quantity=1, key=f"hold {number}", now=now
            ).amount
        except InsufficientCredits:
            return 0

    set_aside = deal(hold, range(2 * THREADS), threads=THREADS)

    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (0, FREE_ALLOWANCE)
    assert sorted(set_aside) == [0] * (2 * THREADS - 10) + [10_000] * 10


def test_captures_at_once_each_return_what_they_did_not_use(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    holds = [
        metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key=f"hold {number}", now=now)
        for number in range(THREADS)
    ]

    deal(lambda hold: metering.capture(wallet=wallet, hold=hold, quantity=400, now=now), holds, threads=THREADS)

    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (FREE_ALLOWANCE - THREADS * 400, 0)


def test_captures_above_their_holds_share_what_is_left(alice: User, now: datetime) -> None:
    """Eight holds of 10 credits are each captured at 20; the 20 credits left cover two of the eight excesses."""
    wallet = alice.wallet
    holds = [
        metering.hold(wallet=wallet, feature="stable-diffusion", quantity=1, key=f"hold {number}", now=now)
        for number in range(8)
    ]

    answers = deal(
        lambda hold: metering.capture(wallet=wallet, hold=hold, quantity=2, now=now), holds, threads=len(holds)
    )

    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (0, 0)
    assert sum(answer.cost - answer.uncovered for answer in answers) == FREE_ALLOWANCE
    assert sorted(answer.uncovered for answer in answers) == [0, 0] + [10_000] * 6
