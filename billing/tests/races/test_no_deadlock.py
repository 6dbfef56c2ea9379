"""G15: everything that can happen to a wallet happens to one at once; no deadlock loses a charge."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count as counter

import pytest
from django.db import connection, transaction

from accounts.models import User
from billing import metering
from billing.errors import HoldClosed, InsufficientCredits
from billing.models import Hold, LedgerEntry, Wallet
from billing.services import grants, settlement
from billing.tests.clockwork.machinery import until
from billing.tests.people import give
from billing.tests.races.together import deal, run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS = 32
LONG = [pytest.mark.long, pytest.mark.timeout(7_200)]
ACTS = (
    ["charge"] * 16 + ["hold"] * 8 + ["capture"] * 6 + ["batch", "release"] * 2 + ["workflow", "settle", "take", "give"]
)


@dataclass
class Crowd:
    """What 32 threads do to one wallet, and what they were told. The clock moves 0.1 s with every act."""

    wallet: Wallet
    staff: User
    began_at: datetime
    ticks: "counter[int]" = field(default_factory=counter)
    open_holds: list[Hold] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    cost: int = 0
    keys: set[str] = field(default_factory=set)
    notebook: threading.Lock = field(default_factory=threading.Lock)

    def act(self, number: int) -> None:
        """Do one thing; being refused for want of credits or because a hold is closed is an answer too."""
        dice = random.Random(number)
        act = dice.choice(ACTS)
        now = self.began_at + timedelta(milliseconds=100 * next(self.ticks))
        try:
            cost = getattr(self, act)(dice, f"{act} {number}", now)
        except (InsufficientCredits, HoldClosed):
            act, cost = "refused", 0
        with self.notebook:
            self.acknowledged[act] += 1
            self.cost += cost
            if act in {"charge", "workflow", "hold", "take"}:
                self.keys.add(f"{act} {number}")

    def charge(self, dice: random.Random, key: str, now: datetime) -> int:
        quantity = dice.randint(1, 900)
        return metering.charge(wallet=self.wallet, feature="gpt-4o-mini", quantity=quantity, key=key, now=now).cost

    def workflow(self, dice: random.Random, key: str, now: datetime) -> int:
        nodes = [metering.Node(feature="gpt-4o", quantity=dice.randint(1, 99)), metering.Node(name="if")]
        return metering.charge_workflow(wallet=self.wallet, workflow="report", nodes=nodes, key=key, now=now).cost

    def batch(self, dice: random.Random, key: str, now: datetime) -> int:
        items = [metering.Charge(feature="gpt-4o", quantity=dice.randint(1, 99), key=f"{key}.{n}") for n in range(3)]
        answers = metering.charge_many(wallet=self.wallet, charges=items, now=now)
        assert all(isinstance(answer, (metering.Answer, InsufficientCredits)) for answer in answers)
        return sum(answer.cost for answer in answers if isinstance(answer, metering.Answer))

    def hold(self, dice: random.Random, key: str, now: datetime) -> int:
        lasts = timedelta(seconds=dice.choice([5, 60, 900]))
        quantity = dice.randint(1, 4_000)
        hold = metering.hold(
            wallet=self.wallet, feature="gpt-4o-mini", quantity=quantity, key=key, lasts=lasts, now=now
        )
        with self.notebook:
            self.open_holds.append(hold)
        return 0

    def some_hold(self, dice: random.Random) -> Hold | None:
        """Return a hold that others may be settling at the same moment; most are settled once."""
        with self.notebook:
            if not self.open_holds:
                return None
            position = dice.randrange(len(self.open_holds))
            return self.open_holds[position] if dice.random() < 0.3 else self.open_holds.pop(position)

    def capture(self, dice: random.Random, key: str, now: datetime) -> int:
        hold = self.some_hold(dice)
        if hold is None:
            return 0
        quantity = dice.choice([1, hold.quantity, hold.quantity + 50])
        answer = metering.capture(wallet=self.wallet, hold=hold, quantity=quantity, now=now)
        return 0 if answer.replayed else answer.cost

    def release(self, dice: random.Random, key: str, now: datetime) -> int:
        if hold := self.some_hold(dice):
            metering.release(wallet=self.wallet, hold=hold, now=now)
        return 0

    def settle(self, dice: random.Random, key: str, now: datetime) -> int:
        settlement.settle(wallet_id=self.wallet.pk, now=now)
        return 0

    def take(self, dice: random.Random, key: str, now: datetime) -> int:
        amount = -dice.randint(1, 3_000)
        grants.adjust(
            wallet_id=self.wallet.pk, amount=amount, reason="Goodwill ended", actor=self.staff, key=key, now=now
        )
        return 0

    def give(self, dice: random.Random, key: str, now: datetime) -> int:
        expires_at = now + timedelta(seconds=dice.choice([60, 120]))
        source, amount = "promotional", dice.randint(1_000, 9_000)
        grants.issue(
            wallet_id=self.wallet.pk, source=source, amount=amount, business_key=key, now=now, expires_at=expires_at
        )
        return 0


@pytest.mark.parametrize("operations", [5_000, pytest.param(100_000, marks=LONG)])
def test_every_act_that_was_acknowledged_is_in_the_books(
    alice: User, stella: User, now: datetime, operations: int
) -> None:
    wallet = alice.wallet
    give(wallet, operations * 400, now=now)
    for days in (1, 20, 50):
        give(wallet, 50_000, now=now, source="promotional", expires_at=now + timedelta(days=days))
    assert wallet.grants.count() == 5
    crowd = Crowd(wallet=wallet, staff=stella, began_at=now)

    deal(crowd.act, range(operations), threads=THREADS)

    assert crowd.acknowledged.total() == operations
    assert set(crowd.acknowledged) - {"refused"} == set(ACTS)
    entries = LedgerEntry.objects.filter(wallet=wallet)
    assert sum(entries.filter(kind__in=["charge", "capture"]).values_list("cost", flat=True)) == crowd.cost
    assert crowd.keys <= set(entries.exclude(key=None).values_list("key", flat=True))
    assert wallet.grants.filter(business_key__startswith="give ").count() == crowd.acknowledged["give"]
    wallet.refresh_from_db()
    assert wallet.available > 0
    assert wallet.sequence == entries.count()


def one_waiting_for(pid: int) -> int | None:
    """Return the process of a session that waits for another's lock, if there is one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))", [pid])
        row = cursor.fetchone()
    return row[0] if row else None


def test_a_charge_that_a_deadlock_broke_off_is_made_again(alice: User, now: datetime) -> None:
    """Another session locks the day's usage, then wants all wallets; PostgreSQL stops the charge.

    A third one keeps the charge waiting between the two, until it has its wallet and the other wants that. Then only
    the charge's session can find the deadlock: it looks at once, the other one after ten minutes. And nobody overtakes
    who waits for a whole table.
    """
    wallet = alice.wallet
    metering.charge(wallet=wallet, feature="web-search", quantity=1, key="first", now=now)
    all_are_ready, wallet_is_locked = threading.Barrier(3), threading.Event()

    def keep_waiting() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE billing_ledgerentry IN SHARE MODE")
            cursor.execute("SELECT pg_backend_pid()")
            (own_pid,) = cursor.fetchone()
            all_are_ready.wait()
            until(lambda: one_waiting_for(own_pid), "the charge waits for the ledger")
            charging = one_waiting_for(own_pid) or 0
            wallet_is_locked.set()
            until(lambda: one_waiting_for(charging), "the intruder waits for the charge")
        return 0

    def intrude() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '10min'")
            cursor.execute("SELECT 1 FROM billing_dailyusage WHERE wallet_id = %s FOR UPDATE", [wallet.pk])
            all_are_ready.wait()
            wallet_is_locked.wait()
            cursor.execute("LOCK TABLE billing_wallet IN EXCLUSIVE MODE")
            cursor.execute("SELECT sequence FROM billing_wallet WHERE id = %s", [wallet.pk])
            (sequence,) = cursor.fetchone()
            return sequence

    def charge() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '1ms'")
        all_are_ready.wait()
        return metering.charge(wallet=wallet, feature="web-search", quantity=1, key="second", now=now).sequence

    sequences = run_together(lambda act: act(), [keep_waiting, intrude, charge])

    assert sequences == [0, 2, 3], "the other session saw the wallet without the charge that had been broken off"
    wallet.refresh_from_db()
    assert (wallet.available, wallet.sequence) == (90_000, 3)
