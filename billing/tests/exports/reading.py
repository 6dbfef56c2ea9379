"""Reading exported files back, as strictly as the strictest program would."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape

from billing.models import LedgerEntry, Wallet
from billing.selectors.columns import STATEMENT_COLUMNS, USAGE_COLUMNS, Kind
from billing.selectors.copying import BYTE_ORDER_MARK, FORMULA_STARTS
from billing.selectors.history import lines_of
from billing.selectors.sources import source_names
from billing.selectors.spreadsheets import EXACT_DIGITS
from billing.units import CREDIT

Row = dict[str, Any]
KINDS = {column.name: column.kind for column in (*USAGE_COLUMNS, *STATEMENT_COLUMNS)}
OF_A_STATEMENT = ("opening", "closing", "control")


def from_csv(chunks: Iterable[bytes]) -> list[Row]:
    """Return a CSV file's rows: numbers as exact decimals, text as it was before it was guarded, nothing as None."""
    text = b"".join(chunks).decode()
    assert text.startswith(BYTE_ORDER_MARK)
    reader = csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), strict=True)
    return [{name: _value(name, value) for name, value in row.items()} for row in reader]


def _value(name: str, text: str) -> Any:
    if text == "":
        return None
    if KINDS[name] == Kind.NUMBER:
        return Decimal(text)
    assert text[0] not in FORMULA_STARTS.replace("'", "")
    return text[1:] if text[0] == "'" else text


def from_jsonl(chunks: Iterable[bytes]) -> list[Row]:
    """Return a JSON Lines file's rows, numbers as exact decimals."""
    text = b"".join(chunks).decode()
    assert text.endswith("\n")
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in text[:-1].split("\n")]


def from_xlsx(chunks: Iterable[bytes]) -> list[Row]:
    """Return the rows of all sheets of a workbook: numbers as exact decimals, days as their text."""
    rows: list[Row] = []
    for sheet in openpyxl.load_workbook(io.BytesIO(b"".join(chunks))):
        names, *lines = sheet.iter_rows(values_only=True)
        rows += [dict(zip(names, map(_cell, names, values), strict=True)) for values in lines]
    return rows


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return None
    if KINDS[name] == Kind.NUMBER:
        assert isinstance(value, int | float) or len(value.lstrip("-").replace(".", "")) > EXACT_DIGITS
        return Decimal(str(value))
    if KINDS[name] == Kind.DAY:
        return str(value.date())
    return unescape(value)


def entries_of(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are entries."""
    return [row for row in rows if row["kind"] not in OF_A_STATEMENT]


def as_exported(wallet: Wallet, entries: Iterable[LedgerEntry]) -> list[Row]:
    """Return what an export must say of these entries, from the models and the words of the pages."""
    entries = list(entries)
    names = source_names(wallet, (entry.source for entry in entries))
    titles = [line.title for line in lines_of(wallet, entries)]
    return [_exported(entry, title, names) for entry, title in zip(entries, titles, strict=True)]


def _exported(entry: LedgerEntry, title: str, names: dict[str, str]) -> Row:
    unit = None
    if entry.priced_as is not None:
        unit = "token" if entry.priced_as.pricing == "model" else entry.priced_as.unit
    return {
        "sequence": entry.sequence,
        "posted_at": entry.posted_at,
        "posted_on": str(entry.posted_on),
        "counts_on": str(entry.used_on or entry.posted_on),
        "kind": entry.kind,
        "what": title,
        "feature": entry.feature_id,
        "model": entry.priced_as_id,
        "source": entry.source or None,
        "source_name": names[entry.source] if entry.feature_id else None,
        "quantity": entry.quantity,
        "unit": unit,
        "price": in_credits(entry.price.millicredits) if entry.price else None,
        "price_per": entry.price.per if entry.price else None,
        "cost": in_credits(entry.cost),
        "change": in_credits(entry.available_change),
        "held_change": in_credits(entry.held_change),
        "balance": in_credits(entry.available_after),
        "uncovered": in_credits(entry.uncovered),
        "cycle": entry.cycle,
        "reference": entry.key,
        "input_tokens": _tokens(entry, "input_tokens"),
        "output_tokens": _tokens(entry, "output_tokens"),
    }


def _tokens(entry: LedgerEntry, name: str) -> object:
    found = (entry.detail or {}).get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def in_credits(millicredits: int) -> Decimal:
    """Return an amount in credits."""
    return Decimal(millicredits) / CREDIT


def with_moments(rows: Iterable[Row]) -> list[Row]:
    """Return rows with their moments read, and without what only statements have."""
    return [
        {
            name: datetime.fromisoformat(value) if name == "posted_at" and value else value
            for name, value in row.items()
            if name != "held"
        }
        for row in rows
    ]
