"""Everything that is logged during a test, as production would have written it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from billing.tests.conftest import alice, now
from billing.tests.stripe.shop import stripe
from cleverai import tracing
from cleverai.logs import Context, JsonLine

__all__ = ["alice", "now", "stripe"]


class Lines:
    """What has been written so far."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.addFilter(Context())
        self.handler.setFormatter(JsonLine())

    def text(self) -> str:
        return self._stream.getvalue()

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Return the lines of one logger."""
        return [line for line in map(json.loads, self.text().splitlines()) if line["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Production's lines, from the least important on."""
    found, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(found.handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.setLevel(level)
    root.removeHandler(found.handler)


@pytest.fixture(autouse=True)
def _working_for_nobody() -> Iterator[None]:
    tracing.end()
    yield
    tracing.end()
