"""Reading a log of past usage, CSV or JSON Lines, one record at a time, whatever its size."""

import csv
import hashlib
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OTHER_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LONGEST_NUMBER = 19


class LogError(Exception):
    """The file can't be read as a log at all."""


class CellError(Exception):
    """A cell of one record isn't what its column promises."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line it begins on, its cells by column, and a digest of all its content."""

    line: int
    cells: Mapping[str, object]
    digest: bytes

    def text(self, column: str) -> str:
        """Return a cell as text; raises CellError where there is none."""
        value = self.cells.get(column)
        if value is None or value == "":
            raise CellError(f"“{column}” is missing")
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise CellError(f"“{column}” is neither a text nor a whole number: {value!r:.40}")
        return str(value).strip()

    def whole_number(self, column: str) -> int:
        """Return a cell as an integer of 0 or more; raises CellError for anything else."""
        text = self.text(column)
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
            raise CellError(f"“{column}” is not a whole number: {text!r:.40}")
        return int(text)

    def moment(self, column: str, zone: ZoneInfo) -> datetime:
        """Return a cell's ISO 8601 time in UTC, read in `zone` when it names none; raises CellError."""
        text = self.text(column)
        try:
            moment = datetime.fromisoformat(text)
            if moment.utcoffset() is None:
                moment = moment.replace(tzinfo=zone)
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise CellError(f"“{column}” is not a date and time like 2025-11-16 18:15:46: {text!r:.40}") from None
        if moment < EARLIEST:
            raise CellError(f"“{column}” is before 1970: {text!r:.40}")
        return moment


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that can't be read, with the line it begins on."""

    line: int
    reason: str


class UsageLog(ABC):
    """A log that is read once from start to end. `position` is how many bytes of it have been read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0
        self.columns: list[str] = []
        self._read_columns()

    @abstractmethod
    def _read_columns(self) -> None: ...

    @abstractmethod
    def __iter__(self) -> Iterator[Record | Broken]: ...

    def _lines(self) -> Iterator[str]:
        """Yield the lines as text; bytes that aren't UTF-8 become lone surrogates, for `_checked` to find."""
        for raw in self._file:
            line = raw
            if self.position == 0:
                if line.startswith(OTHER_BYTE_ORDER_MARKS):
                    raise LogError("The file is in UTF-16. Save it in UTF-8.")
                line = line.removeprefix(BYTE_ORDER_MARK)
            self.position += len(raw)
            yield line.decode("utf-8", "surrogateescape")


class CsvLog(UsageLog):
    """Comma-separated values with a header; quoted cells may contain line breaks."""

    def _read_columns(self) -> None:
        self._rows = csv.reader(self._lines(), strict=True)
        try:
            self.columns = [name.strip() for name in next((row for row in self._rows if row), [])]
        except csv.Error as error:
            raise LogError(f"The header can't be read: {error}.") from None
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise LogError(f"The header names these columns twice: {', '.join(twice)}.")

    def __iter__(self) -> Iterator[Record | Broken]:
        while True:
            line = self._rows.line_num + 1
            try:
                row = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Broken(line, f"not CSV: {error}")
                continue
            if not row:
                continue
            if len(row) != len(self.columns):
                yield Broken(line, f"{_count(len(row), 'cell')} where the header has {len(self.columns)}")
            else:
                yield _checked(line, dict(zip(self.columns, row, strict=True)), "\x1f".join(row))


class JsonLinesLog(UsageLog):
    """One JSON object a line. The first one says which columns there are."""

    def _read_columns(self) -> None:
        self._records = self._parsed()
        self._first = next(self._records, None)
        if isinstance(self._first, Record):
            self.columns = list(self._first.cells)

    def __iter__(self) -> Iterator[Record | Broken]:
        if self._first is not None:
            yield self._first
        yield from self._records

    def _parsed(self) -> Iterator[Record | Broken]:
        for line, text in enumerate(self._lines(), start=1):
            if not text.strip():
                continue
            try:
                cells = json.loads(text)
                content = json.dumps(cells, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            except (ValueError, RecursionError) as error:
                yield Broken(line, f"not JSON: {error}")
                continue
            if isinstance(cells, dict):
                yield _checked(line, cells, content)
            else:
                yield Broken(line, "not a JSON object")


class Occurrences:
    """Counts how often each record came, on disk once it is large: two equal lines of a log are two uses."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")

    def count(self, digest: bytes) -> int:
        """Return how many times this digest has come, this one included."""
        with closing(
            self._database.execute(
                "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times", [digest]
            )
        ) as rows:
            times: int = rows.fetchone()[0]
        return times

    def close(self) -> None:
        self._database.close()


def _checked(line: int, cells: Mapping[str, object], content: str) -> Record | Broken:
    try:
        return Record(line, cells, hashlib.blake2b(content.encode(), digest_size=16).digest())
    except UnicodeEncodeError:
        return Broken(line, "not in UTF-8")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
