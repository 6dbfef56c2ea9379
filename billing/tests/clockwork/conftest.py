"""Beats and workers for one test, which sends its hints to the same queue."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from billing.tests.clockwork.machinery import Machinery, queue_app
from billing.tests.stripe.shop import stripe

__all__ = ["machinery", "now", "stripe"]


@pytest.fixture
def now() -> datetime:
    """Forty days ago: whoever signed up then has had one reset since, which nobody has made happen yet."""
    return timezone.now() - timedelta(days=40)


@pytest.fixture
def machinery(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machinery]:
    """A queue without any beat or worker."""
    found = Machinery(tmp_path)
    monkeypatch.setattr("billing.queue.current_app", queue_app(found.queue.url))
    try:
        yield found
    finally:
        found.stop()
        print(found.log())  # noqa: T201 - shown with a test that failed
