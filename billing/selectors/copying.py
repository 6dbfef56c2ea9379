"""Rows of the database as the lines of a file, made by PostgreSQL's COPY: however many, a block at a time."""

import csv
import io
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from accounts.time_zones import zone
from billing import sql as files
from billing.models import Wallet
from billing.selectors.columns import Column, Kind

#: Spreadsheets take text that begins so for a formula (OWASP, CSV injection). An apostrophe before it prevents that;
#: text that begins with one gets another, so that taking one away always gives back what was there.
GUARD = "'"
FORMULA_STARTS = f"=+-@\t\r\n＝＋－＠{GUARD}"
BYTE_ORDER_MARK = "\ufeff"
BLOCK = 64 * 1024
#: A download that its reader lets wait for longer is ended: it keeps the database from tidying up.
LONGEST_COPY = timedelta(minutes=15)
#: And so is a snapshot, whatever else is read in it.
LONGEST_SNAPSHOT = timedelta(minutes=30)
SETTINGS = {
    "DateStyle": "ISO",
    "statement_timeout": f"{LONGEST_COPY.total_seconds():.0f}s",
    # Entries come in the order of an index, so that the first line needn't wait for the last
    "enable_seqscan": "off",
    "enable_sort": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
OPTIONS = {
    "csv": sql.SQL("(FORMAT csv)"),
    # JSON has no control characters, so that with these nothing is ever quoted: the lines are what they are
    "jsonl": sql.SQL(r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"),
}

Values = Mapping[str, str]
#: Pieces of a file: lines are whole in each, an archive's bytes break anywhere.
Blocks = Generator[bytes, None, None]


class Format(StrEnum):
    """The formats of exports; the value is the ending of a file's name."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read everything inside as of one moment, without locks that anybody waits for, and for half an hour at most.

    Inside a caller's transaction that is the caller's affair. PostgreSQL ends the connection of whoever takes longer.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET LOCAL transaction_timeout = '{LONGEST_SNAPSHOT.total_seconds():.0f}s'")
        yield


def copied(
    name: str, parameters: Mapping[str, Any], columns: Sequence[Column], wallet: Wallet, file_format: Format
) -> Blocks:
    """Yield the lines of a query of `billing/sql/`, with these of its columns, in blocks of 64 kB and a little more.

    In CSV, text that a spreadsheet could take for a formula is guarded; in JSON Lines nothing is.
    """
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    query = sql.SQL(files.read(name)).format(source_name=sql.SQL(files.read("source_name")))
    rows = sql.SQL("SELECT {} FROM ({}) AS line").format(names, query)
    if file_format == Format.JSONL:
        rows = sql.SQL("SELECT row_to_json(line) FROM ({}) AS line").format(rows)
    copy = sql.SQL("COPY ({}) TO STDOUT {}").format(rows, OPTIONS[file_format])
    guarded = [ord(start) for start in FORMULA_STARTS] if file_format == Format.CSV else []
    values = {**parameters, "guarded": guarded}
    with connection.cursor() as cursor, _own_settings(wallet), cursor.copy(copy, values) as lines:
        yield from in_blocks(lines)


def counted(name: str, parameters: Mapping[str, Any], *, most: int) -> int:
    """Return how many lines a query of `billing/sql/` has, or `most` where there are as many or more."""
    query = sql.SQL(files.read(name)).format(source_name=sql.SQL(files.read("source_name")))
    rows = sql.SQL("SELECT count(*) FROM (SELECT FROM ({}) AS line LIMIT {}) AS counted").format(
        query, sql.Literal(most)
    )
    with connection.cursor() as cursor:
        cursor.execute(rows, {**parameters, "guarded": []})
        (count,) = cursor.fetchone()
    return int(count)


@contextmanager
def _own_settings(wallet: Wallet) -> Iterator[None]:
    """Let PostgreSQL write moments in the owner's time zone, and read in the order of an index."""
    wanted = {"TimeZone": zone(wallet.time_zone).key, **SETTINGS}
    with connection.cursor() as cursor:
        before = {name: _setting(cursor, name) for name in wanted}
        for name, value in wanted.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        yield
        # Django takes moments to be in UTC, so what is read after this must be
        for name, value in before.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _setting(cursor: Any, name: str) -> str:
    cursor.execute("SELECT current_setting(%s)", [name])
    (value,) = cursor.fetchone()
    return str(value)


def header(columns: Sequence[Column], file_format: Format) -> bytes:
    """Return what a file begins with.

    In CSV these are the names of the columns, after a mark without which Excel takes UTF-8 for something older.
    """
    if file_format == Format.JSONL:
        return b""
    return (BYTE_ORDER_MARK + _csv_line([column.name for column in columns])).encode()


def line(values: Values, columns: Sequence[Column], file_format: Format) -> bytes:
    """Return one line of values that no query has; those that are missing are empty. Numbers are plain decimals."""
    if file_format == Format.CSV:
        return _csv_line([values.get(column.name, "") for column in columns]).encode()
    members = (f"{json.dumps(column.name)}:{_json_value(column, values.get(column.name))}" for column in columns)
    return f"{{{','.join(members)}}}\n".encode()


def in_blocks(pieces: Iterable[bytes]) -> Blocks:
    """Yield the same bytes in pieces that are worth sending, each of them some of those that came."""
    block, size = [], 0
    for piece in pieces:
        block.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def _csv_line(values: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _json_value(column: Column, value: str | None) -> str:
    if not value:
        return "null"
    return value if column.kind == Kind.NUMBER else json.dumps(value, ensure_ascii=False)
