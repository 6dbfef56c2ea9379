"""P10: Stripe's webhooks, verified and stored, then followed to the credits, against dj-stripe on the same events."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from celery import current_app
from django.conf import settings
from django.urls import reverse
from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks import data
from benchmarks.buyers import Event, Market, as_sent
from benchmarks.contest import Figure, Rounds
from benchmarks.dj_stripe import peer
from benchmarks.metering import refuse_differences
from benchmarks.posting import Postman
from billing import tasks
from billing.models import StripeEvent

UNIT = "a second"
LEAST_RATIO = 10
START_SECONDS, LONGEST_SECONDS, STOP_SECONDS = 60, 10, 30
WARM_UP = 5
PAUSE_SECONDS = 0.1
LOOK_EVERY_SECONDS = 0.001


def stored_and_fulfilled(*, rounds: int, seconds: float, buyers: int, samples: int) -> list[Figure]:
    """Take turns with dj-stripe, each in its process; then see how long `samples` events take to their credits."""
    market = Market()
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    with market.open():
        events, answers = market.example()
        postman = Postman(path=reverse("stripe_webhook"), secret=secret, events=events)
        with peer.running(events=events, answers=answers, secret=secret) as theirs:
            data.settle_down()
            found = Rounds(
                {
                    "stored": partial(postman.per_second, seconds),
                    "copied": partial(theirs, seconds=seconds, only_keep=False),
                    "fulfilled": partial(_fulfilled, market, postman, buyers),
                    "kept": partial(theirs, seconds=seconds, only_keep=True),
                },
                rounds=rounds,
            )
        with _worker(market):
            lags = _lags(market, postman, samples)
    StripeEvent.objects.filter(status=StripeEvent.Status.PENDING).delete()  # nobody bought what they tell of
    refuse_differences()
    return _figures(found, lags)


def _figures(found: Rounds, lags: list[float]) -> list[Figure]:
    stored, fulfilled = found.median("stored"), found.median("fulfilled")
    copied = ("dj-stripe", found.median("copied"), UNIT)
    kept = ("dj-stripe, only kept", found.median("kept"), UNIT)
    usual = median(lags)
    return [
        Figure("P10", "webhook stored", stored, *copied, found.ratio("stored", "copied"), LEAST_RATIO),
        Figure("P10", "webhook stored", stored, *kept, found.ratio("stored", "kept"), 0),
        Figure("P10", "webhook fulfilled", fulfilled, *copied, found.ratio("fulfilled", "copied"), 0),
        Figure(
            "P10", f"webhook to credits, slowest of {len(lags)}", max(lags), "median", usual, "ms", max(lags) / usual, 0
        ),
    ]


def _fulfilled(market: Market, postman: Postman, buyers: int) -> float:
    """Let so many people buy, store what Stripe tells of it, and return how many events are followed a second."""
    events = [event for _ in range(buyers) for event in market.buy()]
    for event in events:
        postman.post(as_sent(event))
    ids = [event["id"] for event in events]
    rows = StripeEvent.objects.filter(stripe_event_id__in=ids)
    waiting = list(rows.order_by("pk").values_list("pk", flat=True))
    assert len(waiting) == len(events)
    began = time.perf_counter()
    for row_id in waiting:
        tasks.handle_stripe_event(row_id)
    seconds = time.perf_counter() - began
    left = rows.exclude(status__in=[StripeEvent.Status.DONE, StripeEvent.Status.IGNORED])
    assert not left.exists(), f"{left[0]} wasn't followed: {left[0].error}"
    return len(waiting) / seconds


# --- how long it takes -------------------------------------------------------------------------------------------


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing about each request."""


@contextmanager
def _worker(market: Market) -> Iterator[None]:
    """Start a Celery worker as in production, with an empty queue, which asks the same Stripe over HTTP."""
    current_app.control.purge()
    server = make_server("127.0.0.1", 0, market.http.app, threaded=True, request_handler=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = ["celery", "--quiet", "--app", "cleverai", "worker", "--concurrency", "2", "--loglevel", "ERROR"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--without-gossip", "--without-mingle"],
        env=os.environ | {"STRIPE_API_BASE": f"http://127.0.0.1:{server.server_port}"},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        server.shutdown()


def _lags(market: Market, postman: Postman, samples: int) -> list[float]:
    """Return how many milliseconds pass from the arrival of an event to the credits that it tells of, one at a time."""
    for _ in range(WARM_UP):  # the worker's processes start meanwhile
        _lag(market, postman, longest=START_SECONDS)
    return [_lag(market, postman, longest=LONGEST_SECONDS) for _ in range(samples)]


def _lag(market: Market, postman: Postman, *, longest: float) -> float:
    event: Event
    [event] = market.buy(with_plan=False)
    time.sleep(PAUSE_SECONDS)
    began = time.perf_counter()
    postman.post(as_sent(event))
    rows = StripeEvent.objects.filter(stripe_event_id=event["id"])
    while rows.filter(status=StripeEvent.Status.PENDING).exists():
        assert time.perf_counter() - began < longest, f"{rows[0]} still waits: {rows[0].error}"
        time.sleep(LOOK_EVERY_SECONDS)
    passed = time.perf_counter() - began
    assert rows[0].status == StripeEvent.Status.DONE, rows[0].error
    return passed * 1_000
