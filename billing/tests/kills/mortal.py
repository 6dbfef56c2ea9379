"""A process of its own that does one thing and is killed on the way: before or after anything it does to the world.

It is forked from the warmed test process, so that hundreds can die within a test. What it does to the world are its SQL
statements, commits, hints and requests to Stripe; Stripe itself lives on in the parent, which answers the requests.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from multiprocessing.connection import Connection
from typing import Any

import psycopg
from celery import current_app
from django.db import connection, connections

from billing.tests.stripe.shop import Shop

FORK = multiprocessing.get_context("fork")
LONGEST_STEP = 60


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: killed, or with an answer. `moments` names those that it lived through, in order."""

    was_killed: bool
    answer: Any = None
    moments: tuple[str, ...] = ()


class Fate:
    """Counts a process's moments and kills it, as `kill -9` does, at the one that was chosen."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at
        self.moments: list[str] = []

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Give something two moments: before it, and after it when it ended well."""
        self._reach(f"before {what}")
        yield
        self._reach(f"after {what}")

    def watch(self, owner: Any, name: str, describe: Callable[..., str]) -> None:
        """Make every call of a method a step."""
        method = getattr(owner, name)

        @wraps(method)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self.step(describe(*args, **kwargs)):
                return method(*args, **kwargs)

        setattr(owner, name, called)

    def _reach(self, moment: str) -> None:
        self.moments.append(moment)
        if len(self.moments) == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def live(
    act: Callable[[], Any],
    *,
    dies_at: int | None = None,
    shop: Shop | None = None,
    meanwhile: Callable[[int], None] | None = None,
) -> End:
    """Let a process do `act`, killed at that moment (the first is 1) or never, and return how it ended.

    `meanwhile` is called with the process's id and may kill it too. Raises AssertionError when it
    ended in any other way.
    """
    connections.close_all()
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_live, args=(theirs, act, dies_at, shop))
    process.start()
    theirs.close()
    if meanwhile is not None and process.pid is not None:
        meanwhile(process.pid)
    end = End(was_killed=True)
    try:
        while ours.poll(LONGEST_STEP):
            word, said = ours.recv()
            if word == "end":
                end = End(was_killed=False, answer=said[0], moments=tuple(said[1]))
            else:
                assert shop is not None, f"nobody is there to answer {word}"
                text, status, headers = shop.http.request(*said)
                ours.send((text, status, dict(headers)))
    except EOFError:
        pass
    finally:
        ours.close()
        process.join(LONGEST_STEP)
        if process.is_alive():
            process.kill()
    assert process.exitcode == (-signal.SIGKILL if end.was_killed else 0), process.exitcode
    return end


def _live(parent: Connection, act: Callable[[], Any], dies_at: int | None, shop: Shop | None) -> None:
    """Be the process."""
    connection.ensure_connection()
    fate = Fate(dies_at)
    fate.watch(psycopg.Cursor, "execute", lambda _, query, *args, **kwargs: f"SQL {query}"[:90])
    fate.watch(psycopg.Connection, "commit", lambda _: "COMMIT")
    fate.watch(psycopg.Connection, "rollback", lambda _: "ROLLBACK")
    current_app.send_task = lambda name, *args, **kwargs: None
    fate.watch(current_app, "send_task", lambda name, *args, **kwargs: f"the hint at {name}")
    if shop is not None:
        _ask_over(parent, shop)
        fate.watch(shop.http, "request", lambda method, url, *args, **kwargs: f"Stripe's answer to {method} {url}")
    answer = act()
    parent.send(("end", (answer, fate.moments)))


def _ask_over(parent: Connection, shop: Shop) -> None:
    def request(method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        parent.send(("ask", (method, url, dict(headers or {}), post_data)))
        return parent.recv()

    shop.http.request = request
