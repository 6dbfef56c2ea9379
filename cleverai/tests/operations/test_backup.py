"""The machine is lost and its backup restored on a fresh server: the books are whole, as docs/operations.md says."""

import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.utils import DatabaseError

from accounts.models import User
from billing import metering
from billing.models import LedgerEntry, Purchase
from billing.services import proof
from billing.tests.clockwork.machinery import database_url
from billing.tests.people import sign_up
from billing.tests.stripe.shop import Shop
from billing.units import CREDIT
from sandbox.servers.postgres import BINARIES, Postgres

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def tool(name: str, *arguments: str) -> None:
    subprocess.run([str(BINARIES / name), *arguments], check=True, cwd="/")  # noqa: S603


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Postgres]:
    """Another machine's PostgreSQL, with nothing in it."""
    server = Postgres(tmp_path / "fresh", durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def move_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the product work on another server, until the end of the test."""
    ours = connections["default"]
    here = {name: ours.settings_dict[name] for name in ("HOST", "PORT", "USER", "NAME")}

    def move(server: Postgres, database: str) -> None:
        ours.close()
        ours.settings_dict |= {"HOST": str(server.socket_folder), "PORT": "", "USER": "postgres", "NAME": database}

    yield move
    ours.close()
    ours.settings_dict |= here


def reconcile(*options: str) -> str:
    out = StringIO()
    call_command("reconcile", *options, stdout=out, stderr=out)
    return out.getvalue()


def test_the_books_come_back_and_what_was_sold_since_is_made_up_for(
    stripe: Shop, alice: User, tmp_path: Path, fresh_server: Postgres, move_to: Any
) -> None:
    bob = sign_up("bob", at=stripe.now())
    for customer in (alice, bob):
        stripe.buy_pack(customer)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="before", now=stripe.now())
    metering.hold(wallet=bob.wallet, feature="dall-e-3-hd", quantity=1, key="held", now=stripe.now())
    reconcile()
    alice.wallet.refresh_from_db()
    as_it_was, entries = alice.wallet.available, LedgerEntry.objects.count()
    backup = tmp_path / "cleverai.dump"
    tool("pg_dump", "--format=custom", f"--file={backup}", f"--dbname={database_url()}")

    stripe.advance(minutes=10)
    stripe.buy_pack(bob)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="after", now=stripe.now())

    fresh_server.create_database("cleverai")
    tool("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={fresh_server.url('cleverai')}", str(backup))
    move_to(fresh_server, "cleverai")

    call_command("migrate", verbosity=0)
    call_command("prove", stdout=StringIO())
    assert LedgerEntry.objects.count() == entries
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == as_it_was
    assert Purchase.objects.filter(wallet=bob.wallet).count() == 1
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_ledgerentry")

    # Stripe still knows what Bob paid for after the backup
    reconcile("--all")
    assert Purchase.objects.filter(wallet=bob.wallet, fulfilled_at__isnull=False).count() == 2
    bob.wallet.refresh_from_db()
    assert bob.wallet.available == 100 * CREDIT - bob.wallet.held + 2_000 * CREDIT
    assert "Stripe and the books tell the same" in reconcile()
    call_command("prove", stdout=StringIO())
    # and whoever charges asks again, under the same key: it is counted once
    for _ in range(2):
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key="after", now=stripe.now())
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == as_it_was - 5 * CREDIT
    assert proof.prove() == []
