"""Trying something out and taking it back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Take back all that happens inside to the database."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
