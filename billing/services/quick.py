"""The quick way: one round trip to a SQL function in billing/sql, or None when the plain way must be gone."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import IntegrityError, connection, transaction
from psycopg.types.json import Jsonb

from billing.services.transactions import overflow_refused

CHARGE = """SELECT sequence, available_after, posted_at FROM billing_quick_charge(
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
CHARGES = """SELECT sequence_before, available_before, posted_at, is_unlimited FROM billing_quick_charges(
    %s, %s, %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::text[],
    %s::jsonb[], %s::text[], %s::text[], %s::timestamptz[])"""
HOLD = """SELECT hold_id, amount, grant_id, unlimited, opened_at FROM billing_quick_hold(
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
CAPTURE = "SELECT sequence, available_after, posted_at FROM billing_quick_capture(%s, %s, %s, %s, %s, %s, %s)"


class KeyTaken(Exception):
    """The idempotency key stands for an entry already; the statement was aborted and nothing changed."""


def call(statement: str, parameters: Sequence[object]) -> tuple[Any, ...] | None:
    """Run one prepared statement and return its row, or None when the function declined.

    Outside a transaction it commits by itself; inside one it takes a savepoint, because a reused key aborts it.
    It goes past Django's cursor to psycopg's own for server-side binding and a prepared plan: 1.2 times as fast.
    Raises KeyTaken, and InvalidQuantity when a sum would no longer fit the books.
    """
    try:
        with overflow_refused():
            if connection.in_atomic_block:
                with transaction.atomic():
                    row = _execute(statement, parameters)
            else:
                row = _execute(statement, parameters)
    except IntegrityError as error:
        cause = error.__cause__
        if (
            isinstance(cause, psycopg.errors.UniqueViolation)
            and cause.diag.constraint_name == "one_entry_per_idempotency_key"
        ):
            raise KeyTaken from None
        raise
    return row if row is not None and row[0] is not None else None


def _execute(statement: str, parameters: Sequence[object]) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchone()


def jsonb(value: dict[str, object] | None) -> Jsonb | None:
    """Return a detail as a parameter."""
    return None if value is None else Jsonb(value)
