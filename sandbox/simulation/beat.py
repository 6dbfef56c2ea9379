"""The beat job: so many runs a step, none while it is down. The books may not depend on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from billing import tasks
from billing.periods import period_start
from sandbox.simulation.machine import Machine


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without beat."""

    starts_at: datetime
    ends_at: datetime


class Beat:
    """Runs of the beat job on a machine's agenda: every second one comes at the very moment of the one before it."""

    def __init__(
        self, machine: Machine, *, runs_a_step: int, step: timedelta, outages: Sequence[Outage], until: datetime
    ) -> None:
        self.machine = machine
        self.step = step
        self.outages = outages
        self.runs = 0
        self._until = until
        moments = -(-runs_a_step // 2)
        self._offsets = [step * (number // 2) / moments for number in range(runs_a_step)]
        if self._offsets:
            machine.note(machine.now(), self._begin_step)

    def _begin_step(self) -> None:
        now = self.machine.now()
        for offset in self._offsets:
            self.machine.note(now + offset, self._run)
        if now + self.step <= self._until:
            self.machine.note(now + self.step, self._begin_step)

    def _run(self) -> None:
        now = self.machine.now()
        if any(outage.starts_at <= now < outage.ends_at for outage in self.outages):
            return
        self.runs += 1
        tasks.settle_due_wallets()
        tasks.sweep_stripe_events()
        tasks.finish_refunds()


def outages(lengths: Sequence[timedelta], *, start: datetime, months: int, seed: int) -> list[Outage]:
    """Return outages of these lengths, each beginning an hour before a month that began at `start` is over."""
    dice = Random(f"{seed}: outages")
    begins = [period_start(start, dice.randint(1, max(months - 1, 1))) - timedelta(hours=1) for _ in lengths]
    return [Outage(at, at + length) for at, length in zip(begins, lengths, strict=True)]
