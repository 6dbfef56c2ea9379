"""Exports: what a file has in it, line by line, as of one moment, with as little memory for a million as for one."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any

from psycopg.types.json import Jsonb

from billing.models import Wallet
from billing.selectors import copying, spreadsheets, statements
from billing.selectors.balance import SOURCE_LABELS
from billing.selectors.columns import STATEMENT_COLUMNS, Column
from billing.selectors.copying import Format, Lines, Values
from billing.selectors.sequences import sequences_between
from billing.selectors.spans import Span
from billing.selectors.statements import Statement
from billing.units import plain_credits

NO_FILTERS = dict.fromkeys(("kinds", "feature", "model", "source", "cycle", "first_day", "last_day", "held_before"))

#: What a page calls the formats, and what each is for.
FORMAT_WORDS = {
    Format.CSV: ("CSV", "for spreadsheets and most other programs"),
    Format.JSONL: ("JSON Lines", "for programs: a JSON object a line"),
    Format.XLSX: ("Excel", "XLSX, for spreadsheets: numbers and days are what they are in any language"),
}
#: About how many bytes an entry takes.
BYTES_A_LINE = {Format.CSV: 240, Format.JSONL: 560, Format.XLSX: 130}


class What(StrEnum):
    """What can be exported; the value stands in addresses and names of files."""

    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export that somebody asks for."""

    wallet: Wallet
    what: What
    span: Span

    def file_name(self, file_format: Format) -> str:
        """Return what the file is called where it is saved."""
        return f"cleverai-{self.what}-{self.span.first}-to-{self.span.last}.{file_format}"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in a file: its entries, and about how many bytes they take."""

    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: the lines of a query, `before` them and after. `after` is given the digest of their bytes."""

    columns: Sequence[Column]
    query: str
    parameters: dict[str, Any]
    before: Sequence[Values] = ()
    after: Callable[[str], Sequence[Values]] = field(default=lambda digest: ())


def columns(what: What) -> Sequence[Column]:
    """Return the columns that a file has."""
    return STATEMENT_COLUMNS


def size(wanted: Wanted, file_format: Format) -> Size:
    """Return how much a file will have in it, without reading what that is."""
    entries = len(sequences_between(wanted.wallet, wanted.span.first, wanted.span.last))
    return Size(entries, entries * BYTES_A_LINE[file_format])


def lines(wanted: Wanted, file_format: Format) -> Lines:
    """Yield the lines of a file in CSV or JSON Lines, header included, all of them as of one moment.

    It must be read to its end or closed: until then it keeps a transaction open, which reads and locks nothing.
    """
    with copying.one_snapshot():
        contents = _contents(wanted)
        digest = hashlib.sha256()
        yield copying.header(contents.columns, file_format)
        for values in contents.before:
            yield copying.line(values, contents.columns, file_format)
        for line in copying.copied(contents.query, contents.parameters, contents.columns, wanted.wallet, file_format):
            digest.update(line)
            yield line
        for values in contents.after(digest.hexdigest()):
            yield copying.line(values, contents.columns, file_format)


def stream(wanted: Wanted, file_format: Format) -> Lines:
    """Yield the bytes of a file in CSV or JSON Lines, in pieces that are worth sending."""
    return copying.in_chunks(lines(wanted, file_format))


def spreadsheet(wanted: Wanted, file: IO[bytes]) -> None:
    """Write a file in XLSX. It has what the file in CSV has, to whose lines a statement's digest belongs."""
    with closing(lines(wanted, Format.CSV)) as csv_lines:
        spreadsheets.write(csv_lines, columns(wanted.what), file, title=wanted.what.title())


def _contents(wanted: Wanted) -> Contents:
    statement = statements.of_span(wanted.wallet, wanted.span)
    return Contents(
        columns=STATEMENT_COLUMNS,
        query="export_entries",
        parameters=_entries(wanted.wallet, statement.numbers) | {"held_before": statement.opening_held},
        before=[_opening(statement)],
        after=lambda digest: [_closing(statement), _control(statement, digest)],
    )


def _entries(wallet: Wallet, numbers: range) -> dict[str, Any]:
    """Return the parameters of the query for all of a wallet's entries with these numbers."""
    return NO_FILTERS | {
        "wallet": wallet.pk,
        "first": numbers.start,
        "last": numbers.stop - 1,
        "origins": Jsonb({str(source): label for source, label in SOURCE_LABELS.items()}),
    }


def _opening(statement: Statement) -> Values:
    return {
        "kind": "opening",
        "what": "Opening balance",
        "sequence": str(statement.last_before),
        "posted_on": str(statement.span.first),
        "balance": plain_credits(statement.opening),
        "held": plain_credits(statement.opening_held),
    }


def _closing(statement: Statement) -> Values:
    return {
        "kind": "closing",
        "what": "Closing balance",
        "sequence": str(statement.last),
        "posted_on": str(statement.span.last),
        "balance": plain_credits(statement.closing),
        "held": plain_credits(statement.closing_held),
    }


def _control(statement: Statement, digest: str) -> Values:
    """Return the line that the others are checked by: sums of what the entries say, and the digest of their lines."""
    numbers = f", numbers {statement.numbers.start:,} to {statement.last:,}" if statement.entries else ""
    return {
        "kind": "control",
        "what": f"Control sum of {statement.entries:,} entr{'y' if statement.entries == 1 else 'ies'}{numbers}",
        "quantity": str(statement.entries),
        "unit": "entry",
        "cost": plain_credits(statement.cost),
        "change": plain_credits(statement.change),
        "held_change": plain_credits(statement.held_change),
        "balance": plain_credits(statement.opening + statement.change),
        "held": plain_credits(statement.opening_held + statement.held_change),
        "uncovered": plain_credits(statement.uncovered),
        "reference": f"sha256:{digest}",
    }
