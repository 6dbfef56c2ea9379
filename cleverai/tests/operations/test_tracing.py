"""A request's id is in its answer, in its lines, and in the tasks that it asks for."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.test import Client

from billing import traces
from billing.queue import hint
from billing.tests.clockwork.machinery import until
from cleverai import tracing

TASK = "cleverai.tests.trace"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/livez", "/nowhere/", "/settings/billing/", "/static/css/base.css"])
def test_every_answer_has_an_id_of_its_own(client: Client, address: str) -> None:
    first, second = (client.get(address)["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("given", ["7", "0199b7c2-aaaa-7bbb-8ccc-0123456789ab", "a" * 64])
def test_a_proxy_of_ours_may_choose_the_id(client: Client, settings: Any, given: str) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    assert client.get("/livez", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\nb", "<script>", "ä", "../x", "a_b"])
def test_an_id_that_is_not_well_formed_is_not_kept(client: Client, settings: Any, given: str) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    kept = client.get("/livez", headers={"X-Request-ID": given})["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", kept)


def test_without_a_proxy_nobody_chooses_ours(client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 0
    assert client.get("/livez", headers={"X-Request-ID": "chosen"})["X-Request-ID"] != "chosen"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What tasks know about whom they work for, from a real worker on a queue in memory."""
    app = Celery("traced", broker="memory://", set_as_current=False)
    found: list[dict[str, Any]] = []

    @app.task(name=TASK, ignore_result=True)
    def work(row_id: int) -> None:
        traces.wallet_id.set(row_id)
        found.append(tracing.facts())

    monkeypatch.setattr("billing.queue.current_app", app)
    with start_worker(app, perform_ping_check=False, loglevel="WARNING", shutdown_timeout=60):
        yield found


@pytest.mark.django_db
def test_a_task_can_be_traced_to_the_request_that_asked_for_it(
    seen: list[dict[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    for given_id in ("ab-12", "cd-34"):
        tracing.begin(given_id=given_id)
        with django_capture_on_commit_callbacks(execute=True):
            hint(TASK, 7)
    tracing.end()
    with django_capture_on_commit_callbacks(execute=True):
        hint(TASK, 8)
    until(lambda: len(seen) == 3, "the tasks", seconds=120)

    first, second, own = sorted(seen, key=lambda facts: facts["wallet_id"])
    assert {first["request_id"], second["request_id"]} == {"ab-12", "cd-34"}
    assert first["task"] == own["task"] == TASK
    # nobody asked for this one: its own id holds its lines together
    assert re.fullmatch(r"[0-9a-f-]{36}", own["request_id"])
    assert tracing.facts() == {}
