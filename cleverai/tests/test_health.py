"""Livez and readyz, as a load balancer asks them."""

from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client


@pytest.fixture
def unreachable_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connection = connections["default"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    yield
    connection.close()


def test_livez_asks_nobody(client: Client) -> None:
    answer = client.get("/livez")

    assert answer.status_code == 200
    assert answer.json() == {"status": "up"}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_readyz_answers_when_database_and_cache_do(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "missing": []}
    assert "no-store" in answer.headers["Cache-Control"]


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
