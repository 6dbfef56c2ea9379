"""Workers are killed in the middle of a task: others do the work within two minutes, and nothing twice."""

from datetime import datetime
from itertools import count

import pytest

from billing.tests.clockwork.chores import Chores, half_settled
from billing.tests.clockwork.machinery import Machinery, until, worker_waiting_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1_800)]


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
def test_a_worker_killed_in_the_middle_of_a_reset_is_replaced(machinery: Machinery, now: datetime, kills: int) -> None:
    """Each time a wallet's settling is stopped half-way; every second time the worker's parent survives."""
    chores = Chores()
    machinery.worker()
    machinery.worker()
    machinery.beat()

    for number in range(kills):
        with half_settled(chores, str(number), at=now) as pid:
            victim = machinery.named(worker_waiting_for(pid))
            if number % 2:
                machinery.kill_forked(victim)
            else:
                machinery.kill(victim)
                machinery.worker()
        until(chores.are_done, f"the resets after kill {number}")

    chores.check()


def test_with_every_worker_killed_the_first_one_that_comes_back_does_the_work(
    machinery: Machinery, now: datetime
) -> None:
    chores, numbers = Chores(), count()
    machinery.beat()
    workers = [machinery.worker(), machinery.worker()]
    chores.add(str(next(numbers)), at=now)
    until(chores.are_done, "what is there at the start")

    for worker in workers:
        machinery.kill(worker)
    for _ in range(3):
        chores.add(str(next(numbers)), at=now)
    machinery.worker()

    until(chores.are_done, "the chores")
    chores.check()
