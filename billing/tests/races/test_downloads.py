"""A file that is made while it is sent keeps a transaction open: for so long as somebody reads it, and not for ever."""

from datetime import datetime

import pytest
from django.db import connection

from accounts.models import User
from billing.models import Message
from billing.selectors import copying, personal_data

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (value,) = cursor.fetchone()
    return str(value)


def test_a_download_that_is_broken_off_leaves_no_transaction_open(alice: User, now: datetime) -> None:
    pieces = personal_data.archive(alice, now=now)
    next(pieces)
    assert connection.in_atomic_block, "it reads as of one moment"
    assert setting("transaction_read_only") == "on"
    pieces.close()
    assert not connection.in_atomic_block
    assert (setting("transaction_read_only"), setting("transaction_timeout")) == ("off", "0")


def test_no_reader_keeps_a_moment_for_ever(alice: User, now: datetime) -> None:
    pieces = personal_data.archive(alice, now=now)
    next(pieces)
    assert setting("transaction_timeout") == "30min"
    pieces.close()
    with copying.one_snapshot():
        assert setting("transaction_timeout") == "30min"


@pytest.mark.parametrize("behind_a_pooler", [False, True])
def test_its_rows_come_some_at_a_time(
    alice: User, now: datetime, monkeypatch: pytest.MonkeyPatch, behind_a_pooler: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", behind_a_pooler)
    Message.objects.bulk_create(
        Message(wallet=alice.wallet, kind="welcome", key=f"told-{number}", raised_at=now, mail="unwanted")
        for number in range(2_000)
    )
    open_cursor, rows_at_once = connection.chunked_cursor, []

    def spied() -> object:
        cursor = open_cursor()
        fetch = cursor.fetchmany

        def fetchmany(size: int) -> object:
            rows = fetch(size)
            rows_at_once.append(len(rows))
            return rows

        cursor.fetchmany = fetchmany
        return cursor

    monkeypatch.setattr(connection, "chunked_cursor", spied)
    assert b"".join(personal_data.archive(alice, now=now))
    assert rows_at_once.count(500) == 4
    assert max(rows_at_once) == 500
