"""Prometheus is told how things are, by route and never by address, if it brings the token; nobody else is."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from billing import metering
from billing.models import Heartbeat, Message, Wallet
from billing.selectors import queues
from billing.services import clockwork, outbox

TOKEN = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def switched_on(settings: Any) -> None:
    """A site with METRICS_TOKEN."""
    settings.METRICS_TOKEN = TOKEN
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], "cleverai.metrics.MetricsMiddleware", *settings.MIDDLEWARE[1:]]


def figures() -> dict[tuple[str, ...], float]:
    """Return what Prometheus reads, by name and values of labels."""
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_without_a_token_there_is_no_such_page(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.usefixtures("switched_on")
@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer ä"],
)
def test_nobody_reads_it_without_the_token(client: Client, given: str | None) -> None:
    answer = client.get("/metrics", headers={} if given is None else {"Authorization": given})

    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.usefixtures("switched_on")
@pytest.mark.django_db
def test_requests_are_counted_by_their_page_and_never_by_address() -> None:
    before = figures()
    browser = Client()
    for token in ("canary1", "canary2"):
        browser.get(f"/settings/billing/unsubscribe/{token}/?token=canary")
        browser.get(f"/nowhere/{token}/")
    browser.generic("CANARY", "/livez")
    after = figures()

    def counted(*labels: str) -> float:
        key = ("cleverai_requests_total", *labels)
        return after.get(key, 0) - before.get(key, 0)

    pages = {key[2]: key[3] for key in after if key[0] == "cleverai_requests_total"}
    unsubscribing = "/settings/billing/unsubscribe/<str:token>/"
    assert counted("GET", unsubscribing, pages[unsubscribing]) == 2
    assert counted("GET", "(no page)", "404") == 2
    assert counted("other", "/livez", "405") == 1
    assert after["cleverai_request_seconds_count", "/livez"] >= 1
    assert "canary" not in str(after).lower()


@pytest.mark.usefixtures("switched_on")
@pytest.mark.django_db
def test_it_tells_of_the_clockwork_and_of_the_last_proof() -> None:
    clockwork.expect_all()
    clockwork.beat(task="prove_books", outcome="Differences: 3.")
    clockwork.beat(task="sweep_messages", outcome="Mails tried: 0.")
    Heartbeat.objects.filter(pk="sweep_messages").update(beat_at=timezone.now() - timedelta(minutes=20))

    found = figures()

    assert found["cleverai_task_found", "prove_books"] == 3
    assert found["cleverai_task_late", "prove_books"] == 0
    assert found["cleverai_heartbeat_age_seconds", "prove_books"] < 60
    assert found["cleverai_task_late", "sweep_messages"] == 1
    assert found["cleverai_heartbeat_age_seconds", "sweep_messages"] >= 1_200
    assert ("cleverai_heartbeat_age_seconds", "write_heartbeat") not in found
    assert abs(found["cleverai_clock_error_seconds",]) < 5
    assert found["cleverai_answers", "database"] == found["cleverai_answers", "cache"] == 1


@pytest.mark.usefixtures("switched_on")
@pytest.mark.django_db
def test_it_tells_how_long_the_oldest_of_each_kind_has_waited(alice: User) -> None:
    at = timezone.now() - timedelta(minutes=30)
    Wallet.objects.update(last_posted_at=at - timedelta(days=1), next_due_at=at + timedelta(days=9))
    assert {queue.age for queue in queues.read()} == {None}

    outbox.tell(wallet=alice.wallet, kind=Message.Kind.PAYMENT_FAILED, key="late", now=at)
    Message.objects.update(attempts=3, next_attempt_at=timezone.now() + timedelta(minutes=9))
    Message.objects.create(wallet=alice.wallet, kind="welcome", key="welcome", raised_at=at, mail="failed")
    hold = metering.hold(wallet=alice.wallet, feature="web-search", quantity=1, key="h", now=at)

    found = figures()
    assert 1_790 <= found["cleverai_oldest_waiting_seconds", "mail"] < 1_860
    # the hold's limit was a quarter of an hour after it was opened, and since then the wallet has something due
    assert hold.expires_at == at + timedelta(minutes=15)
    assert 890 <= found["cleverai_oldest_waiting_seconds", "hold"] < 960
    assert 890 <= found["cleverai_oldest_waiting_seconds", "reset"] < 960
    assert found["cleverai_oldest_waiting_seconds", "event"] == 0
    given_up = {key[1]: figure for key, figure in found.items() if key[0] == "cleverai_given_up"}
    assert given_up == {"event": 0, "mail": 1, "export": 0}
    assert found["cleverai_oldest_waiting_seconds", "export"] == found["cleverai_oldest_waiting_seconds", "refund"] == 0


@pytest.mark.usefixtures("switched_on", "unreachable_cache")
@pytest.mark.django_db
def test_it_tells_while_the_cache_is_away() -> None:
    found = figures()
    assert (found["cleverai_answers", "cache"], found["cleverai_answers", "database"]) == (0, 1)


@pytest.mark.usefixtures("switched_on", "unreachable_database")
@pytest.mark.django_db(transaction=True)
def test_it_tells_while_the_database_is_away() -> None:
    found = figures()
    assert (found["cleverai_answers", "cache"], found["cleverai_answers", "database"]) == (1, 0)
    assert not [key for key in found if "oldest" in key[0]]


@pytest.mark.parametrize(
    ("outcome", "figure"),
    [
        ("Differences: 12.", 12),
        ("The clock is off by so many seconds: -3.", -3),
        (clockwork.NOT_YET, None),
        ("", None),
    ],
)
def test_the_number_that_an_outcome_ends_with_is_its_figure(outcome: str, figure: int | None) -> None:
    beat = clockwork.Beat("prove_books", "checks", timedelta(days=1), None, None, outcome)
    assert beat.figure == figure


@pytest.mark.parametrize(
    ("variables", "loaded"),
    [
        ({}, set()),
        ({"METRICS_TOKEN": TOKEN}, {"prometheus_client"}),
        ({"SENTRY_DSN": "http://key@127.0.0.1:1/1"}, {"sentry_sdk"}),
    ],
    ids=["neither", "metrics", "reports"],
)
def test_what_is_switched_off_is_not_loaded(variables: dict[str, str], loaded: set[str]) -> None:
    ask = (
        "import django, sys; django.setup(); from django.core.handlers.wsgi import WSGIHandler; WSGIHandler();"
        "import cleverai.urls; print(*{'prometheus_client', 'sentry_sdk'} & set(sys.modules))"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "cleverai.settings", "PYTHONWARNINGS": "ignore"} | variables
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ask], env=env, cwd=configured.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert set(found.stdout.split()) == loaded
