"""Stripe's end of the line, answering as a test wants it to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import stripe

from billing.gateway import client as connection

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
