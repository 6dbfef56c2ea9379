"""Trying something out and taking it back; and telling a test's own transactions from the product's."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction

#: How many transactions are open around what a test calls: its own, not the product's.
_around: ContextVar[int] = ContextVar("around", default=0)


@contextmanager
def undone() -> Iterator[None]:
    """Take back all that happens inside to the database."""
    with transaction.atomic(), around():
        yield
        transaction.set_rollback(True)


@contextmanager
def around() -> Iterator[None]:
    """Count the transactions that are open now as the test's own."""
    token = _around.set(_open())
    try:
        yield
    finally:
        _around.reset(token)


def is_inside_a_transaction() -> bool:
    """Return whether this thread is in a transaction of the product's."""
    return _open() > _around.get()


def _open() -> int:
    return connection.in_atomic_block + len(connection.savepoint_ids)
