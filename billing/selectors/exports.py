"""Exports: files as of one moment of the books, with as little memory for a million lines as for one."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO

from billing.selectors import copying, history_lines, spreadsheets, statement_lines, usage_lines
from billing.selectors.columns import ENTRY_COLUMNS, STATEMENT_COLUMNS, USAGE_COLUMNS, Column
from billing.selectors.copying import Blocks, Format, Values
from billing.selectors.export_contents import NAMES, Contents, Wanted, What

#: What a page calls the formats.
FORMAT_NAMES = {Format.CSV: "CSV", Format.JSONL: "JSON Lines", Format.XLSX: "Excel"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How something is exported. `bytes_a_line` is about how many bytes a line takes in CSV, JSON Lines and XLSX."""

    columns: Sequence[Column]
    contents: Callable[[Wanted], Contents]
    count: Callable[[Wanted], int]
    bytes_a_line: tuple[int, int, int]


KINDS = {
    What.STATEMENT: Kind(STATEMENT_COLUMNS, statement_lines.contents, statement_lines.count, (200, 470, 120)),
    What.USAGE: Kind(USAGE_COLUMNS, usage_lines.contents, usage_lines.count, (110, 280, 60)),
    What.HISTORY: Kind(ENTRY_COLUMNS, history_lines.contents, history_lines.count, (200, 470, 120)),
}


#: What has more lines is written by a worker: a request would take too long, or keep too much waiting.
MOST_AT_ONCE = {Format.CSV: 50_000, Format.JSONL: 50_000, Format.XLSX: 20_000}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in a file: its lines but for sums, and about how many bytes they take."""

    lines: int
    bytes: int


def size(wanted: Wanted, file_format: Format) -> Size:
    """Return how much a file will have in it, without reading what that is."""
    kind = KINDS[wanted.what]
    count = kind.count(wanted)
    return Size(count, count * dict(zip(Format, kind.bytes_a_line, strict=True))[file_format])


def stream(wanted: Wanted, file_format: Format) -> Blocks:
    """Yield a file in CSV or JSON Lines in blocks of whole lines, header included, all of them as of one moment.

    It must be read to its end or closed: until then it keeps a transaction open, which only reads.
    """
    with copying.one_snapshot():
        contents = KINDS[wanted.what].contents(wanted)
        digest = hashlib.sha256()
        columns = contents.columns
        head = copying.header(columns, file_format) + _lines(contents.before, columns, file_format)
        for block in copying.copied(contents.query, contents.parameters, columns, wanted.wallet, file_format):
            digest.update(block)
            yield head + block
            head = b""
        if tail := head + _lines(contents.after(digest.hexdigest()), columns, file_format):
            yield tail


def spreadsheet(wanted: Wanted, file: IO[bytes]) -> None:
    """Write a file in XLSX. It has what the file in CSV has, to whose lines a statement's digest belongs."""
    with closing(stream(wanted, Format.CSV)) as blocks:
        spreadsheet_of(wanted, _one_by_one(blocks), file)


def spreadsheet_of(wanted: Wanted, csv_lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Write a file in XLSX from the lines of the one in CSV."""
    spreadsheets.write(csv_lines, KINDS[wanted.what].columns, file, title=NAMES[wanted.what])


def _lines(rows: Iterable[Values], columns: Sequence[Column], file_format: Format) -> bytes:
    return b"".join(copying.line(values, columns, file_format) for values in rows)


def _one_by_one(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        yield from block.splitlines(keepends=True)
