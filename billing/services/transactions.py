"""One service call, one transaction, tried again when PostgreSQL asks for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import psycopg
from django.db import DataError, OperationalError, connection, transaction
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from billing.errors import InvalidQuantity

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 6


def is_transient(error: BaseException) -> bool:
    """Return whether a database error is PostgreSQL asking to run the same transaction once more."""
    return isinstance(error, OperationalError) and isinstance(
        error.__cause__,
        psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure | psycopg.errors.LockNotAvailable,
    )


# Only for what failed once already: going through them from the start would cost each charge a tenth of its time.
_further_tries = Retrying(
    retry=retry_if_exception(is_transient),
    stop=stop_after_attempt(TRIES - 1),
    wait=wait_random_exponential(multiplier=0.01, max=0.5),
    reraise=True,
)


@contextmanager
def overflow_refused() -> Iterator[None]:
    """Turn PostgreSQL's refusal of a sum beyond 63 bits into InvalidQuantity."""
    try:
        yield
    except DataError as error:
        if not isinstance(error.__cause__, psycopg.errors.NumericValueOutOfRange):
            raise
        raise InvalidQuantity("That quantity is more than the books can hold.") from None


def tried_again(work: Callable[P, R]) -> Callable[P, R]:
    """Run `work` again after a deadlock or serialization failure, unless a caller's transaction is around it."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return work(*args, **kwargs)
        try:
            return work(*args, **kwargs)
        except OperationalError as error:
            if not is_transient(error):
                raise
        return _further_tries(work, *args, **kwargs)

    return run


def in_one_transaction(work: Callable[P, R]) -> Callable[P, R]:
    """Make `work` one transaction that is tried again; inside a caller's transaction it becomes a savepoint.

    An amount that no longer fits the books raises InvalidQuantity.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with overflow_refused(), transaction.atomic():
            return work(*args, **kwargs)

    return tried_again(run)
