"""Files that a worker writes: once, whole or not at all, for a week."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from billing import tasks
from billing.models import Export, Message, Wallet
from billing.selectors import exports as contents
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What, from_json
from billing.selectors.spans import custom, of_cycle
from billing.services import departures, exports
from billing.services.export_writing import ClaimLost, Progress
from billing.services.exports import ATTEMPTS, CLAIM, LASTS, TooManyExports
from billing.tests.exports.keeping import FULL, files, full_disk
from billing.tests.exports.reading import from_csv, from_xlsx
from billing.tests.pages.acts import charge

__all__ = ["files", "full_disk"]
pytestmark = pytest.mark.django_db(transaction=True)

MARCH = custom(date(2025, 3, 1), date(2025, 3, 31))
Status = Export.Status
MINUTE = timedelta(minutes=1)


@pytest.fixture
def wanted(alice: User, now: datetime) -> Wanted:
    """Alice's statement of March."""
    charge(alice, 3, now=now)
    return Wanted(alice.wallet, What.STATEMENT, MARCH)


def request(wanted: Wanted, now: datetime, file_format: Format = Format.CSV) -> Export:
    return exports.request(wanted=wanted, file_format=file_format, now=now)


def write(export: Export, now: datetime) -> Export.Status | None:
    """Let a worker write an export whose clock stands still."""
    status = exports.write(export_id=export.pk, clock=lambda: now)
    export.refresh_from_db()
    return status


def told(wallet: Wallet) -> list[dict[str, object]]:
    """Return the facts of what the owner was told of exports."""
    return list(Message.objects.filter(wallet=wallet, kind="export").order_by("pk").values_list("facts", flat=True))


def test_a_file_is_what_a_download_would_be(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    assert (export.status, export.lines) == (Status.REQUESTED, 2)
    assert write(export, now + MINUTE) == Status.READY
    (file,) = files.iterdir()
    content = file.read_bytes()
    assert content == b"".join(contents.stream(wanted, Format.CSV))
    assert (export.stored_as, export.size) == (file.name, len(content))
    assert export.sha256 == hashlib.sha256(content).hexdigest()
    assert (export.ready_at, export.expires_at) == (now + MINUTE, now + MINUTE + LASTS)
    (facts,) = told(wanted.wallet)
    assert (facts["title"], facts["size"]) == ("Statement, March 2025", len(content))


def test_a_workbook_says_the_same(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now, Format.XLSX)
    write(export, now)
    rows = from_xlsx([(files / export.stored_as).read_bytes()])
    assert rows == from_csv(contents.stream(wanted, Format.CSV))


def test_what_is_kept_of_a_wish_is_all_of_it(alice: User, now: datetime) -> None:
    cycle = of_cycle(alice.wallet, 1, now=now)
    for wanted in (
        Wanted(alice.wallet, What.STATEMENT, MARCH),
        Wanted(alice.wallet, What.USAGE, cycle, feature="gpt-4o", model="gpt-4o", source="chatbot:7"),
    ):
        again = from_json(alice.wallet, wanted.what, wanted.as_json)
        assert (again.parameters, again.what) == (wanted.parameters, wanted.what)


def test_a_second_click_gives_the_same_file(files: Path, wanted: Wanted, now: datetime) -> None:
    first = request(wanted, now)
    assert request(wanted, now).pk == first.pk
    write(first, now)
    assert request(wanted, now + MINUTE / 2).pk == first.pk
    assert request(wanted, now + 2 * MINUTE).pk != first.pk
    assert request(wanted, now, Format.JSONL).pk != first.pk


def test_three_may_wait_at_once(files: Path, wanted: Wanted, bob: User, now: datetime) -> None:
    waiting = [
        request(Wanted(wanted.wallet, What.STATEMENT, custom(date(2025, 3, day), date(2025, 3, day))), now)
        for day in (1, 2, 3)
    ]
    with pytest.raises(TooManyExports, match="3 of your files are still being written"):
        request(wanted, now)
    request(Wanted(bob.wallet, What.STATEMENT, MARCH), now)
    write(waiting[0], now)
    assert request(wanted, now).status == Status.REQUESTED


def test_it_is_deleted_after_a_week(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    write(export, now)
    assert exports.remove_expired(now=now + LASTS - MINUTE) == 0
    assert len(list(files.iterdir())) == 1
    assert exports.remove_expired(now=now + LASTS) == 1
    assert list(files.iterdir()) == []
    export.refresh_from_db()
    assert export.status == Status.EXPIRED
    assert exports.remove_expired(now=now + LASTS) == 0
    exports.remove_expired(now=now + timedelta(days=61))
    assert not Export.objects.exists()


def test_a_full_disk_is_tried_again(full_disk: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    assert write(export, now) == Status.REQUESTED
    assert "No space left on device" in export.error
    assert export.next_attempt_at == now + MINUTE
    assert write(export, now) is None
    assert told(wanted.wallet) == []
    (full_disk / FULL).unlink()
    assert write(export, now + MINUTE) == Status.READY
    assert (full_disk / export.stored_as).read_bytes() == b"".join(contents.stream(wanted, Format.CSV))
    assert [file.name for file in full_disk.iterdir()] == [export.stored_as]


def test_a_disk_that_stays_full_is_given_up_and_told(full_disk: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    for attempt in range(ATTEMPTS):
        now += timedelta(hours=3)
        assert write(export, now) == (Status.REQUESTED if attempt < ATTEMPTS - 1 else Status.FAILED)
    assert write(export, now + timedelta(days=1)) is None
    (facts,) = told(wanted.wallet)
    assert "size" not in facts
    request(wanted, now + timedelta(days=1))


def test_workers_that_never_come_back_are_not_sent_forever(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    Export.objects.update(attempts=ATTEMPTS)
    assert write(export, now) == Status.FAILED
    assert export.error == "No worker came back from 5 attempts."


def test_two_workers_at_once_write_one_file(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)

    def work(_: int) -> Export.Status | None:
        try:
            return exports.write(export_id=export.pk, clock=lambda: now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, range(2)), key=str) == [None, Status.READY]
    assert len(list(files.iterdir())) == len(told(wanted.wallet)) == 1


def test_a_silent_worker_is_replaced_and_comes_too_late(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    moments = iter([now, now + 3 * CLAIM])

    def slow_clock() -> datetime:
        """Be somebody who is away, while another one does the work, just before the end."""
        moment = next(moments)
        if moment > now:
            assert exports.due(now=now + CLAIM) == [export.pk]
            assert write(export, now + CLAIM) == Status.READY
        return moment

    assert exports.write(export_id=export.pk, clock=slow_clock) is None
    export.refresh_from_db()
    assert (export.attempts, [file.name for file in files.iterdir()]) == (2, [export.stored_as])
    assert len(told(wanted.wallet)) == 1


def test_a_sign_of_life_keeps_others_off_until_somebody_took_over(wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    Export.objects.update(status=Status.WRITING, attempts=1)
    export.refresh_from_db()
    with Progress(export, lease=CLAIM, clock=lambda: now + MINUTE) as progress:
        progress.add(1_000)
        progress.tell()
        export.refresh_from_db()
        assert (export.lines_written, export.next_attempt_at) == (1_000, now + MINUTE + CLAIM)
        assert exports.due(now=now + CLAIM) == []
        Export.objects.update(attempts=2)
        with pytest.raises(ClaimLost):
            progress.tell()


def test_the_sweep_has_written_what_the_queue_lost(files: Path, wanted: Wanted, now: datetime) -> None:
    export = request(wanted, now)
    assert tasks.sweep_exports() == 1
    assert tasks.write_export(export.pk) == 1
    assert tasks.sweep_exports() == 0
    export.refresh_from_db()
    assert export.status == Status.READY


def test_whoever_leaves_takes_the_files_along(files: Path, wanted: Wanted, now: datetime) -> None:
    ready, waiting = request(wanted, now), request(wanted, now, Format.JSONL)
    write(ready, now)
    departures.leave(wallet_id=wanted.wallet.pk, now=now)
    assert exports.remove_expired(now=now) == 1
    assert list(files.iterdir()) == []
    assert not Export.objects.exists(), "nor is what was asked for remembered"
    assert exports.write(export_id=waiting.pk, clock=lambda: now) is None
