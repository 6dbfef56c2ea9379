"""P9: the header's poll while nothing changed, against an empty view behind the same login, over gunicorn."""

import http.client
import time
from contextlib import closing
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from benchmarks import data, site
from benchmarks.contest import Figure, Rounds
from billing.selectors import balance

UNCHANGED = 204


def unchanged_balance(*, rounds: int, requests: int) -> list[Figure]:
    """Measure with one kept connection and a session's cookie; the figure is milliseconds a request."""
    ids = data.create_wallets(1, name="poll")
    user = User.objects.get(wallet=ids[0])
    cookie = f"{settings.SESSION_COOKIE_NAME}={site.session_of(user)}"
    shown = balance.shown_now(owner_id=user.pk, now=timezone.now())
    poll = f"{reverse('billing:balance')}?{urlencode({'shown': shown})}"
    with site.running() as running, closing(running.connect()) as connection:
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
