"""Exports as XLSX: the lines of the CSV file put into cells, row after row, whatever their number."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import IO

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from billing.selectors.columns import Column, Kind
from billing.selectors.copying import GUARD

#: What a sheet of any spreadsheet program holds below the names; what is more goes on in further sheets.
MOST_ROWS = 1_048_575
#: A spreadsheet's numbers are exact up to so many digits; longer ones are written as text.
EXACT_DIGITS = 15
WIDTHS = {Kind.NUMBER: 13, Kind.DAY: 12, Kind.TEXT: 18}
WIDE = {"posted_at": 33, "what": 36, "source_name": 26, "reference": 40}

Row = list[str]


def write(lines: Iterable[bytes], columns: Sequence[Column], file: IO[bytes], *, title: str) -> int:
    """Write the lines of a CSV file as a workbook; return how many rows there are below the names of the columns.

    Numbers and days become numbers and days. Text stays text, whatever it looks like: what begins like a formula is
    marked as text, so that it stays so even when somebody edits the cell.
    """
    rows = csv.reader((line.decode() for line in lines), strict=True)
    next(rows)
    written = 0
    with Workbook(file, {"constant_memory": True}) as workbook:
        writer = _Writer(workbook, columns)
        for number, part in enumerate(_parts(rows), start=1):
            writer.begin(title if number == 1 else f"{title} {number}")
            written += writer.fill(part)
    return written


def _parts(rows: Iterator[Row]) -> Iterator[Iterator[Row]]:
    """Yield the rows a sheet at a time; the first sheet is there even when there are none."""
    yield islice(rows, MOST_ROWS)
    for row in rows:
        yield islice(chain([row], rows), MOST_ROWS)


class _Writer:
    """Puts rows into the sheets of a workbook, one after the other."""

    def __init__(self, workbook: Workbook, columns: Sequence[Column]) -> None:
        self._workbook, self._columns = workbook, columns
        self._heading = workbook.add_format({"bold": True})
        self._day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self._only_text = workbook.add_format({"quote_prefix": True})
        self._sheet: Worksheet

    def begin(self, name: str) -> None:
        """Add a sheet with the names of the columns, which stay in sight."""
        self._sheet = self._workbook.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for position, column in enumerate(self._columns):
            self._sheet.set_column(position, position, WIDE.get(column.name, WIDTHS[column.kind]))
            self._sheet.write_string(0, position, column.name, self._heading)

    def fill(self, rows: Iterator[Row]) -> int:
        """Write these rows into the sheet and return how many there were."""
        number = 0
        for number, row in enumerate(rows, start=1):
            for position, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                if value:
                    self._write(number, position, column.kind, value)
        return number

    def _write(self, row: int, position: int, kind: Kind, value: str) -> None:
        match kind:
            case Kind.NUMBER if len(value.lstrip("-0.").replace(".", "")) <= EXACT_DIGITS:
                self._sheet.write_number(row, position, Decimal(value))
            case Kind.DAY:
                self._sheet.write_datetime(row, position, date.fromisoformat(value), self._day)
            case Kind.TEXT if value[0] == GUARD:
                self._sheet.write_string(row, position, value[1:], self._only_text)
            case _:
                self._sheet.write_string(row, position, value)
