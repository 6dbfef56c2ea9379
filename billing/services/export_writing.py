"""Writing an export to where files are kept: whole or not at all, with a sign of life all along."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.models import Export
from billing.selectors import exports
from billing.selectors.copying import BLOCK, Format
from billing.selectors.export_contents import Wanted

SECONDS_BETWEEN_SIGNS = 2.0
SIGN_OF_LIFE = """
UPDATE billing_export SET lines_written = greatest(lines_written, %(lines)s), next_attempt_at = %(until)s
WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'writing'
"""


class ClaimLost(Exception):
    """Another worker has taken over: this one was silent for too long."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is kept: its name there, how many bytes it has, and their SHA-256."""

    stored_as: str
    size: int
    sha256: str


class Progress:
    """Tells every other second how far a worker is, and so renews its claim.

    It has a connection of its own, because the other one is busy reading as of one moment. Inside a caller's
    transaction, which no other connection sees, it says nothing.
    """

    def __init__(self, export: Export, *, lease: timedelta, clock: Callable[[], datetime]) -> None:
        self._export, self._lease, self._clock = export, lease, clock
        self._connection: BaseDatabaseWrapper | None = None
        self._told_at = time.monotonic()
        self._lines = 0

    def __enter__(self) -> Self:
        if not connection.in_atomic_block:
            self._connection = connection.copy()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()

    def add(self, lines: int) -> None:
        """Count some more lines; raises ClaimLost."""
        self._lines += lines
        self.go_on()

    def go_on(self) -> None:
        """Give a sign of life when it is time for one; raises ClaimLost."""
        if time.monotonic() - self._told_at >= SECONDS_BETWEEN_SIGNS:
            self.tell()

    def tell(self) -> None:
        """Give a sign of life; raises ClaimLost."""
        self._told_at = time.monotonic()
        if self._connection is None:
            return
        export = self._export
        with self._connection.cursor() as cursor:
            cursor.execute(
                SIGN_OF_LIFE,
                {
                    "lines": self._lines,
                    "until": self._clock() + self._lease,
                    "id": export.pk,
                    "attempts": export.attempts,
                },
            )
            if not cursor.rowcount:
                raise ClaimLost(f"Export {export.pk} is somebody else’s now.")


def storage() -> Storage:
    """Return where files of exports are kept."""
    return storages["exports"]


def store(wanted: Wanted, file_format: Format, *, name: str, progress: Progress) -> Written:
    """Write an export under a name of its own, once all of it is there; raises ClaimLost, and OSError."""
    with TemporaryFile() as file:
        if file_format == Format.XLSX:
            _write_workbook(wanted, file, progress)
        else:
            _write_lines(wanted, file_format, file, progress)
        size, sha256 = _measure(file)
        progress.tell()
        file.seek(0)
        return Written(storage().save(name, File(file)), size, sha256)


def _write_lines(wanted: Wanted, file_format: Format, file: IO[bytes], progress: Progress) -> None:
    for chunk in exports.stream(wanted, file_format):
        file.write(chunk)
        progress.add(chunk.count(b"\n"))


def _write_workbook(wanted: Wanted, file: IO[bytes], progress: Progress) -> None:
    """Write a workbook from a CSV file, so that the books needn't be kept open as long as a workbook takes."""
    with TemporaryFile() as lines:
        for chunk in exports.stream(wanted, Format.CSV):
            lines.write(chunk)
            progress.go_on()
        lines.seek(0)
        exports.spreadsheet_of(wanted, _counted(lines, progress), file)


def _counted(lines: IO[bytes], progress: Progress) -> Iterator[bytes]:
    for line in lines:
        yield line
        progress.add(1)


def _measure(file: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(BLOCK):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()
