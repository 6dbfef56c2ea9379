"""G7: what programs were told is charged stays so when the database crashes under load; the rest is asked again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from billing.models import Wallet
from billing.tests.api.serving import Caller, Server, serving
from billing.tests.clockwork.machinery import database_url, until
from billing.tests.keys import service_key
from sandbox.servers.postgres import BINARIES, Postgres

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

PROGRAMS, BETWEEN_CRASHES = 8, 40
LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]
QUANTITY = 5
USE = {"feature": "gpt-4o-mini", "quantity": QUANTITY}
PAUSE_SECONDS = 0.05
#: One call for the whole disk, instead of one for each of a thousand files.
SOON_BACK = "ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'"


class Crashing(Postgres):
    """A PostgreSQL that can be stopped as a power cut would."""

    @contextmanager
    def crashed(self) -> Iterator[None]:
        """Stop it at once, with nothing finished and nothing written any more, and start it again afterwards."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        try:
            yield
        finally:
            self.start()


@pytest.fixture
def now() -> datetime:
    """Now, because the server has a clock of its own."""
    return timezone.now()


@pytest.fixture
def token(stella: User, bob: User, now: datetime) -> str:
    """The key of a service of ours. Bob is there, too."""
    return service_key(stella, now=now).token


@pytest.fixture
def database(token: str, tmp_path: Path) -> Iterator[Crashing]:
    """The test's database once more, on a server of its own that keeps what it has acknowledged."""
    server = Crashing(tmp_path / "crashing")
    server.start()
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(SOON_BACK)
        server.create_database("cleverai")
        copy = tmp_path / "copy.dump"
        for tool, *arguments in (
            ("pg_dump", "--format=custom", f"--file={copy}", f"--dbname={database_url()}"),
            ("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={server.url('cleverai')}", str(copy)),
        ):
            subprocess.run([str(BINARIES / tool), *arguments], check=True, cwd="/")  # noqa: S603
        yield server
    finally:
        server.stop()


class Program:
    """Charges one use after the other, the last one when it may, and asks again under the same key until answered."""

    def __init__(self, number: int, server: Server, token: str, wallet: Wallet) -> None:
        self.told: dict[str, object] = {}
        self.refused = 0
        self._number, self._caller = number, lambda: Caller(server, token, wallet.pk)

    def work(self, uses: int, last: threading.Event) -> None:
        for turn in range(uses):
            if turn == uses - 1:
                last.wait()
            key = f"{self._number}.{turn}"
            while key not in self.told:
                try:
                    with self._caller() as caller:
                        status, said = caller.post("/charges", USE, key=key)
                except (OSError, HTTPException):
                    status = 0
                if status == 201:
                    self.told[key] = said
                else:
                    assert status in {0, 500, 503}, said
                    self.refused += 1
                    time.sleep(PAUSE_SECONDS)


def told_by(programs: list[Program]) -> int:
    """Return how many uses are charged by now."""
    return sum(len(program.told) for program in programs)


def refused_by(programs: list[Program]) -> int:
    """Return how often somebody had to ask again by now."""
    return sum(program.refused for program in programs)


def prove(database: Crashing) -> None:
    env = os.environ | {"DATABASE_URL": database.url("cleverai")}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "prove"]
    subprocess.run(command, check=True, env=env, capture_output=True)  # noqa: S603


@pytest.mark.parametrize("crashes", [3, pytest.param(30, marks=LONG)])
def test_a_crash_of_the_database_loses_nothing_that_was_acknowledged(
    database: Crashing, token: str, bob: User, crashes: int
) -> None:
    """The last use of each program waits for the last crash, so that some are refused however fast they work."""
    uses, last = BETWEEN_CRASHES * (crashes + 1) // PROGRAMS, threading.Event()
    with serving(database.url("cleverai")) as server, ThreadPoolExecutor(PROGRAMS) as pool:
        programs = [Program(number, server, token, bob.wallet) for number in range(PROGRAMS)]
        working = [pool.submit(program.work, uses, last) for program in programs]
        try:
            for crash in range(1, crashes + 1):
                enough = crash * BETWEEN_CRASHES
                until(lambda enough=enough: told_by(programs) >= enough, "enough is charged")  # type: ignore[misc]
                with database.crashed():
                    if crash == crashes:
                        refused = refused_by(programs)
                        last.set()
                        until(lambda refused=refused: refused_by(programs) > refused, "one is refused")  # type: ignore[misc]
        finally:
            last.set()
        for each in working:
            each.result()

        told = {key: said for program in programs for key, said in program.told.items()}
        with Caller(server, token, bob.wallet.pk) as caller:
            for key, said in told.items():
                assert caller.post("/charges", USE, key=key) == (201, said), "the first answer again"
            status, balance = caller.get("/balance")
    assert refused_by(programs) > 0, "they worked while it crashed"
    assert (status, len(told), balance["sequence"]) == (200, uses * PROGRAMS, uses * PROGRAMS + 1)
    spent = QUANTITY * len(told)
    assert Decimal(balance["available"]) * 1_000 == bob.wallet.available - spent
    prove(database)
