"""Real clients over real HTTP: many at once on one wallet, and a server that is killed in the middle of a batch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from billing import metering
from billing.models import DailyUsage, Wallet
from billing.services.api_keys import NewKey
from billing.services.proof import prove
from billing.tests.api.serving import Caller, Server, serving
from billing.tests.clockwork.machinery import until
from billing.tests.keys import service_key
from billing.tests.people import give
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

CLIENTS = 64
#: What he has, in millicredits: as often a multiple of the clients as any test needs.
ALL_OF_IT = 128_000
LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"


@pytest.fixture
def now() -> datetime:
    """Now, because the server has a clock of its own."""
    return timezone.now()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def token(stella: User, now: datetime) -> str:
    found: NewKey = service_key(stella, now=now)
    return found.token


@pytest.fixture
def bobs(bob: User, now: datetime) -> Wallet:
    """Bob's wallet, with 128 credits."""
    give(bob.wallet, ALL_OF_IT - bob.wallet.available, now=now)
    bob.wallet.refresh_from_db()
    return bob.wallet


@pytest.mark.parametrize("each", [4, pytest.param(200, marks=LONG)])
def test_sixty_four_clients_spend_a_wallet_to_exactly_nothing(
    server: Server, token: str, bobs: Wallet, each: int
) -> None:
    """They want twice what is there, in parts that it can be divided into, and each sends every charge twice."""
    wanted = CLIENTS * each
    fits = wanted // 2
    quantity = bobs.available // fits
    assert quantity * fits == bobs.available

    def spend(number: int) -> list[tuple[int, int]]:
        said = []
        with Caller(server, token, bobs.pk) as caller:
            for turn in range(each):
                use = {"feature": "gpt-4o-mini", "quantity": quantity}
                first, again = (caller.post("/charges", use, key=f"{number}.{turn}") for _ in range(2))
                assert {first[0], again[0]} <= {201, 402}
                assert first[0] == 402 or first == again
                said.append((first[0], again[0]))
        return said

    outcomes = [pair for said in run_together(spend, range(CLIENTS)) for pair in said]
    bobs.refresh_from_db()
    assert len(outcomes) == wanted
    assert sum(201 in pair for pair in outcomes) == fits
    assert (bobs.available, bobs.held) == (0, 0)
    assert prove() == []
    assert bobs.entries.filter(kind="charge").count() == fits


@pytest.mark.parametrize("is_plain", [False, True], ids=["in one statement", "one after the other"])
def test_a_batch_whose_server_is_killed_is_charged_once(
    server: Server, token: str, bobs: Wallet, now: datetime, is_plain: bool
) -> None:
    """The last charge waits for a row of usage that somebody else has locked, while the server dies."""
    metering.charge(wallet=bobs, feature="web-search", quantity=1, key="before", source="app", now=now)
    charges = [{"feature": "gpt-4o-mini", "quantity": 10, "key": f"line {n}", "source": "app"} for n in range(50)]
    if is_plain:
        charges.insert(25, {"feature": "dall-e-3-hd", "quantity": 5, "key": "too dear", "source": "app"})
    last = {"feature": "web-search", "quantity": 1, "key": "last", "source": "app", "occurred_at": now.isoformat()}
    charges.append(last)
    batch = {"charges": charges}

    def send() -> None:
        with Caller(server, token, bobs.pk) as caller, suppress(OSError, HTTPException):
            caller.post("/batches", batch, key="batch")
            raise AssertionError("nobody was there to answer")

    with ThreadPoolExecutor(1) as pool, transaction.atomic(), connection.cursor() as cursor:
        list(DailyUsage.objects.select_for_update().filter(wallet=bobs, feature="web-search"))
        sent = pool.submit(send)

        def waits() -> bool:
            cursor.execute(WAITING)
            return bool(cursor.fetchone()[0])

        until(waits, "the batch waits")
        server.kill()
        sent.result()

    server.wait()
    with Caller(server, token, bobs.pk) as caller:
        status, said = caller.post("/batches", batch, key="batch")
    expected = [402 if charge["key"] == "too dear" else 201 for charge in charges]
    assert (status, [item["status"] for item in said["answers"]]) == (200, expected)
    for charge in charges:
        count = bobs.entries.filter(key=charge["key"]).count()
        assert count == (charge["key"] != "too dear"), charge["key"]
    bobs.refresh_from_db()
    assert bobs.available == ALL_OF_IT - 2 * 5_000 - 50 * 10
