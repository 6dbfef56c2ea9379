"""Hints: sent once the row that they point at is committed, and never missed when the broker is away."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from billing.queue import hint

Capture = Callable[..., Any]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """What reached the broker."""
    found: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(Celery, "send_task", lambda self, name, args, **options: found.append((name, args)))
    return found


def test_a_hint_is_sent_after_commit_only(
    db: None, sent: list[tuple[str, list[int]]], django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        hint("billing.tasks.settle_wallet", 7)
        assert sent == []
    assert sent == [("billing.tasks.settle_wallet", [7])]


def test_a_hint_that_the_broker_does_not_take_is_dropped(
    db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
) -> None:
    def away(*args: object, **options: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(Celery, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        hint("billing.tasks.settle_wallet", 7)
