"""The queue is emptied or away, at any moment: books don't notice, and due work is done within two minutes (G23)."""

import random
import time
from datetime import datetime

import pytest
from django.utils import timezone

from billing import metering
from billing.models import Heartbeat
from billing.tests.clockwork.chores import Chores, customer, post_event
from billing.tests.clockwork.machinery import Machinery, locked, until, worker_waiting_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1_800)]
MOMENTS = pytest.mark.parametrize("moments", [5, pytest.param(50, marks=pytest.mark.long)])
#: What a person bears when the queue doesn't answer.
LONGEST_WAIT_SECONDS = 4
TASK = "finish_refunds"


def test_what_waits_in_a_queue_that_is_emptied_is_found_again(machinery: Machinery, now: datetime) -> None:
    chores = Chores()
    for number in range(3):
        chores.add(str(number), at=now)
    assert machinery.queue.length() >= 6

    machinery.queue.flush()
    machinery.worker()
    machinery.beat()

    until(chores.are_done, "the chores")
    chores.check()


@MOMENTS
def test_emptying_the_queue_at_any_moment_loses_nothing(machinery: Machinery, now: datetime, moments: int) -> None:
    dice, chores = random.Random(moments), Chores()
    machinery.worker()
    machinery.beat()
    chores.add("first", at=now)
    until(chores.are_done, "what is there at the start")

    for number in range(moments):
        chores.add(str(number), at=now)
        time.sleep(dice.uniform(0, 1.2))
        machinery.queue.flush()
        until(chores.are_done, f"the chores of moment {number}")

    chores.check()


@MOMENTS
def test_while_the_queue_is_away_nobody_is_refused_and_the_work_is_done_afterwards(
    machinery: Machinery, now: datetime, moments: int
) -> None:
    dice, chores = random.Random(moments), Chores()
    machinery.worker()
    machinery.beat()
    chores.add("first", at=now)
    until(chores.are_done, "what is there at the start")

    for number in range(moments):
        time.sleep(dice.uniform(0, 0.6))
        machinery.queue.stop()
        began = time.monotonic()
        chores.add(str(number), at=now)
        assert time.monotonic() - began < 3 * LONGEST_WAIT_SECONDS
        machinery.queue.start()
        until(chores.are_done, f"the chores of moment {number}")

    chores.check()


def test_a_queue_that_hangs_keeps_nobody_waiting_for_long_and_stops_no_worker(
    machinery: Machinery, now: datetime
) -> None:
    """The worker ends a task meanwhile and can't say so; it must take the next ones all the same."""
    chores = Chores()
    machinery.worker()
    machinery.beat()

    chores.add("first", at=now)
    until(chores.are_done, "what is there at the start")
    until(Heartbeat.objects.filter(pk=TASK).exists, "its first heartbeat")

    with locked("billing_heartbeat", "task", TASK) as pid:
        worker_waiting_for(pid)
        machinery.queue.hang()
    began = time.monotonic()
    chores.add("second", at=now)
    assert time.monotonic() - began < 3 * LONGEST_WAIT_SECONDS
    machinery.queue.resume()

    until(chores.are_done, "the chores")
    chores.check()


def test_without_a_beat_the_first_touch_settles(machinery: Machinery, now: datetime) -> None:
    machinery.queue.stop()
    wallet = customer("alice", at=now).wallet

    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key="after", now=timezone.now())

    kinds = list(wallet.entries.order_by("sequence").values_list("kind", flat=True))
    assert kinds == ["grant", "grant", "charge", "expiry", "grant", "charge"]
    assert post_event("evt_1") == 200
