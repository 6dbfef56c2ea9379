"""A file is one moment of the books, however long it takes to be read, and leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
from django.db import connection
from psycopg.pq import TransactionStatus

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.selectors import exports
from billing.selectors.copying import BLOCK, Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.tests.exports.reading import entries_of, from_csv
from billing.tests.people import give

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6_000


@pytest.fixture
def chatty(alice: User, now: datetime) -> Wallet:
    """Alice's wallet with more entries than the way to her holds at once."""
    give(alice.wallet, 10_000_000, now=now)
    for start in range(0, MANY, 500):
        items = [metering.Charge(feature="gpt-4o-mini", quantity=1, key=f"{start + n}") for n in range(500)]
        metering.charge_many(wallet=alice.wallet, charges=items, now=now)
    return alice.wallet


@pytest.fixture
def wanted(chatty: Wallet) -> Wanted:
    return Wanted(chatty, What.STATEMENT, custom(date(2025, 3, 1), date(2025, 3, 31)))


def charge_meanwhile(wallet: Wallet, now: datetime) -> None:
    """Charge in another connection, as another request would."""

    def charge() -> None:
        metering.charge(wallet=wallet, feature="web-search", quantity=1, key="meanwhile", now=now)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(charge).result(timeout=20)


def test_a_charge_meanwhile_waits_for_nobody_and_tears_nothing(wanted: Wanted, now: datetime) -> None:
    chunks = exports.stream(wanted, Format.CSV)
    read = [next(chunks)]
    charge_meanwhile(wanted.wallet, now)
    opening, *entries, closing, control = from_csv([*read, *chunks])
    assert len(entries) == MANY + 2 == closing["sequence"] == control["quantity"]
    assert "meanwhile" not in {entry["reference"] for entry in entries}
    assert opening["balance"] + control["change"] == closing["balance"] == entries[-1]["balance"]
    assert len(entries_of(from_csv(exports.stream(wanted, Format.CSV)))) == MANY + 3


def test_whoever_stops_reading_leaves_no_question_open(wanted: Wanted, now: datetime) -> None:
    chunks = exports.stream(wanted, Format.JSONL)
    assert len(next(chunks)) >= BLOCK
    assert connection.connection.info.transaction_status == TransactionStatus.ACTIVE
    chunks.close()
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE
    assert not connection.in_atomic_block
    charge_meanwhile(wanted.wallet, now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone'), current_setting('statement_timeout')")
        assert cursor.fetchone() == ("UTC", "0")


def test_nothing_is_asked_before_somebody_reads(wanted: Wanted) -> None:
    chunks = exports.stream(wanted, Format.CSV)
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE
    chunks.close()
