"""P9: the header's poll while nothing changed, against an empty view behind the same login, over gunicorn."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from benchmarks import data
from benchmarks.contest import Figure, Rounds
from billing.selectors import balance

START_SECONDS = 30
UNCHANGED = 204


def unchanged_balance(*, rounds: int, requests: int) -> list[Figure]:
    """Measure with one kept connection and a session's cookie; the figure is milliseconds a request."""
    ids = data.create_wallets(1, name="poll")
    user = User.objects.get(wallet=ids[0])
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    shown = balance.shown_now(owner_id=user.pk, now=timezone.now())
    poll = f"{reverse('billing:balance')}?{urlencode({'shown': shown})}"
    with _server() as connection:
        turns = {
            "poll": partial(_milliseconds, connection, poll, cookie, requests),
            "empty": partial(_milliseconds, connection, reverse("empty"), cookie, requests),
        }
        found = Rounds(turns, rounds=rounds)
    return [
        Figure(
            "P9",
            "balance poll, unchanged",
            found.median("poll"),
            "empty view",
            found.median("empty"),
            "ms",
            found.ratio("poll", "empty"),
            1.5,
            at_least=False,
        )
    ]


def _milliseconds(connection: http.client.HTTPConnection, path: str, cookie: str, requests: int) -> float:
    headers = {"Cookie": cookie, "HX-Request": "true"}
    began = time.perf_counter()
    for _ in range(requests):
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            response.read()
            assert response.status == UNCHANGED, f"{path} answered {response.status}"
    return (time.perf_counter() - began) * 1_000 / requests


@contextmanager
def _server() -> Iterator[http.client.HTTPConnection]:
    """A gunicorn of one process as in production, and a connection to it that stays open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "cleverai.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    command += ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "75", "--log-level", "warning"]
    process = subprocess.Popen([*command, "--no-control-socket"], env=os.environ)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        _wait_for(connection)
        yield connection
    finally:
        connection.close()
        process.terminate()
        process.wait(START_SECONDS)


def _wait_for(connection: http.client.HTTPConnection) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
