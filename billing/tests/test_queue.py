"""The queue is a hint: sent after commit, by name; without a broker only a log line is lost (G23)."""

import logging
import time
from typing import Any
from unittest.mock import patch

import pytest
from celery import Celery, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from billing.queue import hint


def test_a_hint_is_sent_after_the_commit_and_not_before(db: None, django_capture_on_commit_callbacks: Any) -> None:
    with patch.object(current_app, "send_task") as send:
        with django_capture_on_commit_callbacks(execute=True):
            hint("billing.tasks.settle_due_wallets", 7)
            send.assert_not_called()
        send.assert_called_once_with("billing.tasks.settle_due_wallets", args=[7], retry=False)


def test_what_is_rolled_back_hints_nothing(db: None, django_capture_on_commit_callbacks: Any) -> None:
    with patch.object(current_app, "send_task") as send:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            hint("billing.tasks.settle_due_wallets", 7)
            transaction.set_rollback(True)
        send.assert_not_called()


def test_a_broker_that_is_away_is_a_warning_not_an_error(
    db: None, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, logger="billing.queue"),
        patch.object(current_app, "send_task", side_effect=OperationalError("connection refused")),
        django_capture_on_commit_callbacks(execute=True),
    ):
        hint("billing.tasks.settle_due_wallets", 7)
    assert "The broker is away; the sweeper of billing.tasks.settle_due_wallets will find row 7." in caplog.text


def test_nobody_waits_for_a_broker_that_is_not_there(
    db: None,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = Celery("nowhere", set_as_current=False)
    nowhere.config_from_object("django.conf:settings", namespace="CELERY")
    nowhere.conf.broker_url = "redis://127.0.0.1:1/0"
    asked_at = time.monotonic()
    monkeypatch.setattr("billing.queue.current_app", nowhere)
    with (
        caplog.at_level(logging.WARNING, logger="billing.queue"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        hint("billing.tasks.settle_due_wallets", 7)
    assert "will find row 7" in caplog.text
    assert time.monotonic() - asked_at < 2
