"""G3: a key changes the books once, however many copies of its request arrive at the same moment."""

from datetime import datetime

import pytest

from accounts.models import User
from billing import metering
from billing.errors import HoldClosed, KeyReused
from billing.metering import Answer, Charge, Node
from billing.models import Hold, Wallet
from billing.tests.people import FREE_ALLOWANCE, give
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

COPIES = 64
LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]


def told(answer: Answer) -> tuple[int, int, int, int, datetime]:
    """Return what an answer says, whether it is the first or a repeat."""
    return answer.sequence, answer.cost, answer.uncovered, answer.available, answer.posted_at


def assert_applied_once(answers: list[Answer]) -> None:
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * (len(answers) - 1)
    assert len({told(answer) for answer in answers}) == 1


@pytest.mark.parametrize("keys", [50, pytest.param(1_000, marks=LONG)])
def test_sixty_four_copies_of_each_key_are_one_charge_and_sixty_three_replays(
    alice: User, now: datetime, keys: int
) -> None:
    """The wallet passes its warnings and its allowance on the way, so that both the quick and the plain way answer."""
    wallet = alice.wallet
    cost = 2 * FREE_ALLOWANCE // keys
    give(wallet, FREE_ALLOWANCE, now=now)

    def charge_every_key(copy: int) -> list[Answer]:
        return [
            metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=cost, key=f"key {number}", now=now)
            for number in range(keys)
        ]

    answers = run_together(charge_every_key, range(COPIES))

    for number in range(keys):
        assert_applied_once([copies[number] for copies in answers])
    wallet.refresh_from_db()
    assert wallet.available == 2 * FREE_ALLOWANCE - keys * cost
    assert wallet.entries.filter(kind="charge").count() == keys
    assert wallet.daily_usage.get().uses == keys


def test_copies_of_a_workflow_run_are_one_run(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    nodes = [Node(name="search", feature="web-search", quantity=2), Node(), Node(feature="gpt-4o", quantity=1_001)]

    answers = run_together(
        lambda _: metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="run 1", now=now),
        range(COPIES),
    )

    assert_applied_once(answers)
    assert wallet.entries.get(kind="charge").lines.count() == 3
    wallet.refresh_from_db()
    assert wallet.available == FREE_ALLOWANCE - 15_005


def test_copies_of_a_batch_are_one_batch(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    batch = [Charge(feature="gpt-4o-mini", quantity=1_000, key=f"key {number}") for number in range(20)]

    answers = run_together(lambda _: metering.charge_many(wallet=wallet, charges=batch, now=now), range(16))

    for number in range(20):
        assert_applied_once([copies[number] for copies in answers])
    wallet.refresh_from_db()
    assert wallet.available == FREE_ALLOWANCE - 20_000


@pytest.mark.parametrize("keys", [10, pytest.param(1_000, marks=LONG)])
def test_copies_of_a_hold_are_one_hold(alice: User, now: datetime, keys: int) -> None:
    wallet = alice.wallet

    def hold_every_key(copy: int) -> list[Hold]:
        return [
            metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=64, key=f"hold {number}", now=now)
            for number in range(keys)
        ]

    copies = run_together(hold_every_key, range(COPIES))

    for number in range(keys):
        holds = [found[number] for found in copies]
        assert sorted(hold.replayed for hold in holds) == [False] + [True] * (COPIES - 1)
        assert len({(hold.pk, hold.quantity, hold.amount, hold.expires_at) for hold in holds}) == 1
    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (FREE_ALLOWANCE - keys * 64, keys * 64)


@pytest.mark.parametrize(
    "quantity", [pytest.param(700, id="below-the-hold"), 1_000, pytest.param(1_300, id="above-the-hold")]
)
def test_a_hold_captured_by_sixteen_at_once_is_spent_once(alice: User, now: datetime, quantity: int) -> None:
    wallet = alice.wallet
    for number in range(10):
        hold = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key=f"hold {number}", now=now)

        answers = run_together(
            lambda _, hold=hold: metering.capture(wallet=wallet, hold=hold, quantity=quantity, now=now), range(16)
        )

        assert_applied_once(answers)
    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (FREE_ALLOWANCE - 10 * quantity, 0)
    assert wallet.entries.filter(kind="capture").count() == 10


def test_a_hold_captured_and_released_at_once_ends_one_way(alice: User, now: datetime) -> None:
    wallet = alice.wallet

    def end(hold: Hold, is_capture: bool) -> str:
        try:
            if is_capture:
                metering.capture(wallet=wallet, hold=hold, quantity=1_000, now=now)
                return "captured"
            metering.release(wallet=wallet, hold=hold, now=now)
        except HoldClosed:
            return "closed"
        return "released"

    spent = 0
    for number in range(20):
        hold = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key=f"hold {number}", now=now)

        ends = run_together(lambda n, hold=hold: end(hold, is_capture=n % 2 == 0), range(8))

        hold.refresh_from_db()
        assert set(ends) == {hold.status, "closed"}
        assert ends.count("closed") == 4
        spent += 1_000 if hold.status == "captured" else 0
    wallet.refresh_from_db()
    assert (wallet.available, wallet.held) == (FREE_ALLOWANCE - spent, 0)


def test_a_key_for_two_different_requests_at_once_is_one_of_them(alice: User, now: datetime) -> None:
    wallet = alice.wallet

    def charge(tokens: int) -> Answer | None:
        try:
            return metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=tokens, key="same", now=now)
        except KeyReused:
            return None

    answers = run_together(charge, [100, 200] * 16)

    applied = [answer for answer in answers if answer]
    assert len(applied) == 16
    assert_applied_once(applied)
    wallet.refresh_from_db()
    assert FREE_ALLOWANCE - wallet.available == applied[0].cost


def test_wallets_using_the_same_key_at_once_are_each_charged(alice: User, bob: User, now: datetime) -> None:
    wallets = [alice.wallet, bob.wallet]
    give(bob.wallet, 7_000, now=now)

    def charge(wallet: Wallet) -> Answer:
        return metering.charge(wallet=wallet, feature="gpt-4o", quantity=200, key="same", now=now)

    answers = run_together(charge, wallets * 8)

    assert_applied_once(answers[::2])
    assert_applied_once(answers[1::2])
    for wallet, credits_left in zip(wallets, [FREE_ALLOWANCE - 1_000, FREE_ALLOWANCE + 6_000], strict=True):
        wallet.refresh_from_db()
        assert wallet.available == credits_left
