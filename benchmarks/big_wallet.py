"""P6, the usage page of a big wallet against a small one's; P7, a deep page of its history against page 1."""

from contextlib import closing
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from benchmarks import data, site
from benchmarks.contest import Figure, Rounds
from billing.selectors.history import PAGE_SIZE

SMALL = 10_000
DEEP_PAGE = 100_000
MOST_QUERIES = 8
OK = 200


def big_wallet(*, entries: int, rounds: int, requests: int) -> list[Figure]:
    """Measure whole pages of wallets with a year's books; the figures are milliseconds a request, and queries."""
    small = data.create_rich_wallet(entries=SMALL, name="small")
    big = data.create_rich_wallet(entries=entries, name="big")
    assert small.owner is not None
    assert big.owner is not None
    data.settle_down()
    usage, history = reverse("billing:usage"), reverse("billing:history")
    number = min(DEEP_PAGE, entries // PAGE_SIZE)
    deep = f"{history}?{urlencode({'before': entries - (number - 1) * PAGE_SIZE + 1})}"
    queries = _queries(big.owner, usage)
    with site.running() as running, closing(running.connect()) as connection:
        cookies = {"small": site.cookie_of(small.owner), "big": site.cookie_of(big.owner)}
        ask = partial(site.milliseconds, connection, requests=requests, status=OK, htmx=False)
        turns = {
            "usage, small": partial(ask, usage, cookies["small"]),
            "usage, big": partial(ask, usage, cookies["big"]),
            "page 1": partial(ask, history, cookies["big"]),
            "deep page": partial(ask, deep, cookies["big"]),
        }
        found = Rounds(turns, rounds=rounds)
    at_most = partial(_at_most, found)
    return [
        at_most("P6", f"usage page, {entries:,} entries", "usage, big", f"{SMALL:,} entries", "usage, small", 1.3),
        Figure(
            "P6", "usage page, queries", queries, "line", MOST_QUERIES, "", queries / MOST_QUERIES, 1, at_least=False
        ),
        at_most("P7", f"history, page {number:,}", "deep page", "page 1", "page 1", 1.2),
    ]


def _at_most(found: Rounds, code: str, work: str, mine: str, peer: str, theirs: str, line: float) -> Figure:
    medians = found.median(mine), found.median(theirs)
    return Figure(code, work, medians[0], peer, medians[1], "ms", found.ratio(mine, theirs), line, at_least=False)


def _queries(user: User, path: str) -> int:
    """Return how many statements the page takes, once what a process keeps has been read."""
    client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0].lstrip("*.") or "127.0.0.1")
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    client.get(path)
    with CaptureQueriesContext(database) as captured:
        assert client.get(path).status_code == OK
    return len(captured)
