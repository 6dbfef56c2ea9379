"""What time alone changes happens once, whoever notices first: a charge, a page's settling, two beats (decision 14)."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from accounts.models import User
from billing import metering, tasks
from billing.periods import period_start
from billing.services import settlement
from billing.tests.people import FREE_ALLOWANCE, give, sign_up
from billing.tests.races.together import deal, run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

PACK = 40_000


def test_a_due_allowance_is_given_once_whoever_touches_first(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    give(wallet, PACK, now=now)
    for month in range(1, 7):
        moment = period_start(now, month) + timedelta(seconds=month - 1)

        def touch(number: int, month: int = month, moment: datetime = moment) -> int:
            if number % 4 == 0:
                tasks.settle_due_wallets()
            elif number % 4 == 1:
                settlement.settle(wallet_id=wallet.pk, now=moment)
            else:
                metering.charge(
                    wallet=wallet, feature="gpt-4o-mini", quantity=5_000, key=f"{month}.{number}", now=moment
                )
                return 1
            return 0

        with patch("billing.tasks.timezone.now", return_value=moment):
            charged = sum(run_together(touch, range(16)))

        wallet.refresh_from_db()
        assert charged == 8
        assert wallet.cycle == month + 1
        assert wallet.available == FREE_ALLOWANCE + PACK - charged * 5_000
        assert wallet.grants.filter(source="allowance").count() == month + 1
        assert wallet.grants.get(source="allowance", closed_at=None).effective_at == period_start(now, month)


def test_months_nobody_touched_are_replayed_once(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    later = period_start(now, 12) + timedelta(hours=5)

    run_together(lambda _: settlement.settle(wallet_id=wallet.pk, now=later), range(16))

    wallet.refresh_from_db()
    assert (wallet.available, wallet.cycle) == (FREE_ALLOWANCE, 13)
    assert wallet.entries.count() == 1 + 12 * 2


def test_beats_that_overlap_settle_every_wallet_once(now: datetime) -> None:
    wallets = [sign_up(f"person-{number}", at=now).wallet for number in range(30)]
    moment = period_start(now, 1)

    with patch("billing.tasks.timezone.now", return_value=moment):
        run_together(lambda _: tasks.settle_due_wallets(), range(4))

    for wallet in wallets:
        wallet.refresh_from_db()
        assert (wallet.available, wallet.cycle, wallet.sequence) == (FREE_ALLOWANCE, 2, 3)


def test_a_hold_captured_at_its_limit_costs_the_same_whichever_comes_first(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    for number in range(10):
        opened_at = now + timedelta(hours=number)
        hold = metering.hold(wallet=wallet, feature="gpt-4o-mini", quantity=4_000, key=f"hold {number}", now=opened_at)

        def touch(turn: int, hold: object = hold, moment: datetime = hold.expires_at) -> None:
            if turn % 2:
                metering.capture(wallet=wallet, hold=hold, quantity=5_000, now=moment - timedelta(microseconds=1))
            else:
                settlement.settle(wallet_id=wallet.pk, now=moment)

        run_together(touch, range(8))

        wallet.refresh_from_db()
        assert (wallet.available, wallet.held) == (FREE_ALLOWANCE - (number + 1) * 5_000, 0)
        assert wallet.entries.filter(hold=hold, kind="capture").count() == 1


def test_a_grant_that_ends_while_it_is_spent_loses_only_what_nobody_spent(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    ends_at = datetime(2025, 3, 12, tzinfo=UTC)
    promotion = give(wallet, 50_000, now=now, source="promotional", expires_at=ends_at)

    def charge(number: int) -> None:
        moment = ends_at + timedelta(microseconds=1 if number % 2 else -1)
        metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=500, key=f"charge {number}", now=moment)

    deal(charge, range(120), threads=24)

    promotion.refresh_from_db()
    assert promotion.closed_at is not None
    in_time = -sum(wallet.entries.filter(kind="charge", grant=promotion).values_list("available_change", flat=True))
    expired = -wallet.entries.get(kind="expiry").available_change
    wallet.refresh_from_db()
    assert in_time + expired == 50_000
    assert wallet.available == FREE_ALLOWANCE - (120 * 500 - in_time)
