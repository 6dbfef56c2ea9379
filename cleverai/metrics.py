"""What Prometheus reads at /metrics. Loaded only where METRICS_TOKEN is set; docs/operations.md has the alarms.

Requests are counted in each process. gunicorn's share a folder (cleverai/gunicorn.py), so that whichever answers tells
for all of them. Everything else is asked of the database while Prometheus waits, so that no process has to remember it.
"""

import os
import time
from collections.abc import Iterator

from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from billing.selectors import queues
from billing.services import clockwork
from cleverai.health import CHECKS, answers
from cleverai.logs import route_of
from cleverai.middleware import GetResponse

CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_counted = CollectorRegistry()
REQUESTS = Counter("cleverai_requests", "Answered requests.", ["method", "route", "status"], registry=_counted)
SECONDS = Histogram(
    "cleverai_request_seconds",
    "Time until an answer began.",
    ["route"],
    buckets=BUCKETS,
    registry=_counted,
)


class MetricsMiddleware:
    """Counts requests and times them, by route and never by address: those are endless, and some are secret."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(route).observe(time.perf_counter() - began)
        return response


class Books(Collector):
    """What the database knows of the clockwork and its queues; nothing but `cleverai_answers` while it is away."""

    def collect(self) -> Iterator[Metric]:
        found = GaugeMetricFamily("cleverai_answers", "Whether it answers: 1 or 0.", labels=["what"])
        for what, ask in CHECKS.items():
            found.add_metric([what], answers(what, ask))
        yield found
        try:
            yield from [*_clock(), *_queues(), *_tasks()]
        except DatabaseError:
            return


def exposition() -> bytes:
    """Return all of it as Prometheus reads it."""
    requests = _counted
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        requests = CollectorRegistry()
        MultiProcessCollector(requests)  # type: ignore[no-untyped-call]  # it registers itself
    books = CollectorRegistry()
    books.register(Books())
    return generate_latest(requests) + generate_latest(books)


def _clock() -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "cleverai_clock_error_seconds",
        "How far this machine's clock is ahead of the database's.",
        value=clockwork.clock_error().total_seconds(),
    )


def _queues() -> Iterator[Metric]:
    oldest = GaugeMetricFamily(
        "cleverai_oldest_waiting_seconds", "How long the oldest of a kind has been waiting.", labels=["queue"]
    )
    given_up = GaugeMetricFamily("cleverai_given_up", "How many of a kind were given up.", labels=["queue"])
    for queue in queues.read():
        oldest.add_metric([queue.word], max(queue.age.total_seconds(), 0) if queue.age is not None else 0)
        if queue.given_up is not None:
            given_up.add_metric([queue.word], queue.given_up)
    yield from (oldest, given_up)


def _tasks() -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "cleverai_heartbeat_age_seconds", "How long ago a periodic task last ended well.", labels=["task"]
    )
    late = GaugeMetricFamily("cleverai_task_late", "Whether it should have ended well since: 1 or 0.", labels=["task"])
    found = GaugeMetricFamily("cleverai_task_found", "What it counted then, as its page says.", labels=["task"])
    for beat in clockwork.beats():
        late.add_metric([beat.task], int(beat.is_late))
        if beat.has_run and beat.age is not None:
            age.add_metric([beat.task], beat.age.total_seconds())
        if beat.figure is not None:
            found.add_metric([beat.task], beat.figure)
    yield from (age, late, found)
