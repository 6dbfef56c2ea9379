"""What is measured: each step is made once per connection and then repeated; it returns the units of work it did."""

import random
from collections.abc import Callable
from itertools import count

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from hordak.models import Account
from moneyed import Money

from benchmarks.floor import LOWER
from benchmarks.peer import USAGE_ACCOUNT
from billing import metering
from billing.models import Wallet
from billing.services import charges
from billing.services.requests import checked

FEATURE = "gpt-4o"
MOST_TOKENS = 1_000
MANY = 50

Step = Callable[[], int]


def floor(ids: range, name: str) -> Step:
    """Lower a balance and insert a row: one statement, prepared, on psycopg's own connection."""
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)

    def step() -> int:
        cursor.execute(LOWER, (5, random.choice(ids), 5), prepare=True)
        return 1

    return step


def charge(ids: range, name: str) -> Step:
    """The product's own charge."""
    keys = count()
    wallet = Wallet()

    def step() -> int:
        wallet.pk = random.choice(ids)
        metering.charge(
            wallet=wallet,
            feature=FEATURE,
            quantity=random.randint(1, MOST_TOKENS),
            key=f"charge:{name}:{next(keys)}",
            now=timezone.now(),
        )
        return 1

    return step


def charge_plainly(ids: range, name: str) -> Step:
    """The same rules as lock and ORM queries: the plain way, which the quick way falls back to."""
    keys = count()

    def step() -> int:
        now = timezone.now()
        quantity = random.randint(1, MOST_TOKENS)
        request = checked(
            kind="charge",
            asked=[FEATURE, None, quantity],
            key=f"plain:{name}:{next(keys)}",
            source="app",
            detail=None,
            now=now,
        )
        wanted = charges.Wanted(FEATURE, None, quantity, request)
        charges.charge_plainly(wallet_id=random.choice(ids), wanted=wanted, now=now)
        return 1

    return step


def charge_many(ids: range, name: str) -> Step:
    """Fifty charges of one wallet in one call; the unit is a charge."""
    keys = count()
    wallet = Wallet()

    def step() -> int:
        wallet.pk = random.choice(ids)
        items = [
            metering.Charge(
                feature=FEATURE, quantity=random.randint(1, MOST_TOKENS // MANY), key=f"many:{name}:{next(keys)}"
            )
            for _ in range(MANY)
        ]
        answers = metering.charge_many(wallet=wallet, charges=items, now=timezone.now())
        assert all(isinstance(answer, metering.Answer) for answer in answers)
        return MANY

    return step


def hold_and_capture(ids: range, name: str) -> Step:
    """Set credits aside, then spend a part of them; the unit is a pair."""
    keys = count()
    wallet = Wallet()

    def step() -> int:
        wallet.pk = random.choice(ids)
        quantity = random.randint(1, MOST_TOKENS)
        hold = metering.hold(
            wallet=wallet, feature=FEATURE, quantity=MOST_TOKENS, key=f"hold:{name}:{next(keys)}", now=timezone.now()
        )
        metering.capture(wallet=wallet, hold=hold, quantity=quantity, now=timezone.now())
        return 1

    return step


def hordak_transfer(ids: range, name: str) -> Step:
    """django-hordak's posting, with its own checks of the postings, but nobody looks whether the balance suffices."""
    usage = Account.objects.get(name=USAGE_ACCOUNT)

    def step() -> int:
        with transaction.atomic():
            Account(pk=random.choice(ids), currencies=["USD"]).transfer_to(usage, Money(5, "USD"))
        return 1

    return step


def hordak_checked(ids: range, name: str) -> Step:
    """django-hordak's posting under the account's lock, after a look whether its balance suffices."""
    usage = Account.objects.get(name=USAGE_ACCOUNT)

    def step() -> int:
        with transaction.atomic():
            account = Account.objects.select_for_update().get(pk=random.choice(ids))
            assert account.get_balance() >= Money(5, "USD")
            account.transfer_to(usage, Money(5, "USD"))
        return 1

    return step


STEPS: dict[str, Callable[[range, str], Step]] = {
    step.__name__: step
    for step in (floor, charge, charge_plainly, charge_many, hold_and_capture, hordak_transfer, hordak_checked)
}
