"""Real threads that start together, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Event
from typing import Self, TypeVar

from django.db import connection, connections

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """Another thread failed, so that this one had nothing left to show."""


class Crowd:
    """Threads that stay for one race after the other, each with its own database connection: making one takes longer
    than most races.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(max_workers=self.threads)
        return self

    def __exit__(self, *error: object) -> None:
        with self._pool:
            self._start(lambda _: connections.close_all(), range(self.threads))

    def run_together(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Call `work` with each item in a thread of its own, all let go at once, and return the results in order.

        The first exception that is a thread's own is raised here.
        """
        running = self._start(work, items)
        errors = [error for one in running if (error := one.exception()) is not None]
        for error in errors:
            if not isinstance(error, Stopped):
                raise error
        assert not errors
        return [one.result() for one in running]

    def _start(self, work: Callable[[T], R], items: Sequence[T]) -> list[Future[R]]:
        """The gate keeps a thread that is done from taking a second item while another has none."""
        assert len(items) <= self.threads
        gate = Barrier(len(items))

        def run(item: T) -> R:
            try:
                connection.ensure_connection()
                gate.wait()
                return work(item)
            except BrokenBarrierError:
                raise Stopped from None
            except BaseException:
                gate.abort()
                raise

        return [self._pool.submit(run, item) for item in items]


def run_together(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Let a crowd of so many run together once."""
    with Crowd(len(items)) as crowd:
        return crowd.run_together(work, items)


def deal(work: Callable[[T], R], items: Sequence[T], *, threads: int) -> list[R]:
    """Call `work` with every item, dealt out to so many threads that are let go at once; the first error stops all.

    The results come in the order of the threads, not of the items.
    """
    failed = Event()

    def run(share: Sequence[T]) -> list[R]:
        results = []
        for item in share:
            if failed.is_set():
                raise Stopped
            try:
                results.append(work(item))
            except BaseException:
                failed.set()
                raise
        return results

    return [result for results in run_together(run, [items[n::threads] for n in range(threads)]) for result in results]
