"""Livez and readyz, as a load balancer asks them."""

import logging
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client

from billing.models import Heartbeat
from billing.services import clockwork


def test_livez_asks_nobody(client: Client) -> None:
    answer = client.get("/livez")

    assert answer.status_code == 200
    assert answer.json() == {"status": "up"}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.fixture
def beating(db: None) -> None:
    """A clockwork in which every periodic task has just ended well."""
    for each in settings.PERIODIC_TASKS:
        clockwork.beat(task=each.task, outcome="")


@pytest.mark.usefixtures("beating")
def test_readyz_answers_when_database_and_cache_do(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "missing": []}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.usefixtures("beating")
def test_readyz_names_late_tasks_and_stays_ready(client: Client) -> None:
    Heartbeat.objects.filter(pk="settle_due_wallets").update(beat_at=F("beat_at") - timedelta(minutes=7))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "late": ["settle_due_wallets"]}


@pytest.mark.django_db
def test_readyz_names_all_tasks_where_beat_never_ran(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "late": [each.task for each in settings.PERIODIC_TASKS]}


@pytest.mark.parametrize(("seconds", "words"), [(301, "301 seconds ahead of"), (-3_700, "3,700 seconds behind")])
@pytest.mark.usefixtures("beating")
def test_readyz_refuses_with_a_wrong_clock_and_says_so(
    client: Client,
    seconds: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + seconds)

    with caplog.at_level(logging.ERROR, logger="cleverai.health"):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "missing": ["right clock"]}
    assert f"this machine's clock is {words} the database's" in caplog.text


@pytest.mark.usefixtures("beating")
def test_readyz_bears_a_clock_that_is_a_little_wrong(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - 290)

    assert client.get("/readyz").json() == {"status": "ready", "missing": []}


@pytest.mark.django_db
@pytest.mark.usefixtures("unreachable_cache")
def test_readyz_names_a_missing_cache(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "missing": ["cache"]}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unreachable_database")
def test_readyz_names_a_missing_database_and_livez_stays_up(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "missing": ["database"]}
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db
def test_health_is_only_read(client: Client) -> None:
    assert client.post("/livez").status_code == 405
    assert client.post("/readyz").status_code == 405
