"""Stripe's end of the line, answering as a test wants it to."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from billing.gateway import client as connection
from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess
from sandbox.stripe_shapes.watch import Watching

Answer = tuple[str, int, Mapping[str, str]]


class Line(stripe.HTTPClient):
    """Answers every request alike, or raises what it was given; and keeps what was asked."""

    name = "line"

    def __init__(self, answer: Answer | Exception) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []

    def request(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> Answer:
        self.asked.append((method, url))
        self.headers.append(headers)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _sleep_time_seconds(self, *_: object, **__: object) -> float:
        return 0


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[stripe.HTTPClient], None]]:
    """Let the gateway speak through another line."""

    def change(line: stripe.HTTPClient) -> None:
        monkeypatch.setattr(connection, "http_client", lambda: line)
        connection.client.cache_clear()

    yield change
    connection.client.cache_clear()


@pytest.fixture
def clock() -> float:
    """When Stripe's clock of a test begins, in its own seconds."""
    return datetime(2025, 1, 31, 9, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def wire(clock: float) -> InProcess:
    """The way to a sandbox of the test's own; `engine` is its Stripe."""
    return InProcess(Engine(time=lambda: clock))


@pytest.fixture
def engine(wire: InProcess, connect: Callable[[stripe.HTTPClient], None]) -> Iterator[Engine]:
    """A Stripe of the test's own; every request and every answer is looked at by shape."""
    watched = Watching(wire)
    connect(watched)
    yield wire.engine
    assert watched.found == []
