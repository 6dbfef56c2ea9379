"""The time machine: months of people's lives in seconds, through the real services and Stripe's own clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from accounts.models import User
from billing.periods import period_start
from billing.services import settlement
from sandbox.simulation.beat import Beat, Outage, outages
from sandbox.simulation.habits import plan_everyday
from sandbox.simulation.life import Life
from sandbox.simulation.machine import Machine
from sandbox.simulation.people import Person, cast_of

__all__ = ["Plan", "Simulation", "simulated"]

STAFF = "Stella"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate. The books depend on the start, the months, the seed and the cast, and on nothing else here.

    `beats` is how often the beat job runs in a `step`; in each of the `outages` it doesn't.
    """

    start: datetime
    months: int
    seed: int
    cast: Sequence[Person] = field(default_factory=lambda: cast_of(8))
    beats: int = 1
    step: timedelta = timedelta(hours=6)
    outages: Sequence[timedelta] = ()

    @property
    def end(self) -> datetime:
        """When it is over."""
        return period_start(self.start, self.months)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulation that is over: who lived in it, and what ran."""

    plan: Plan
    machine: Machine
    lives: list[Life]
    beat: Beat
    outages: list[Outage]


def simulated(plan: Plan) -> Simulation:
    """Live through a plan in the present database, and return it with every wallet settled at its end.

    It moves this process's clock, and replaces its Stripe, while it runs: one at a time.
    """
    machine = Machine(start=plan.start, seed=plan.seed)
    with machine.running():
        staff = Life(machine, name=STAFF, time_zone="Europe/London", staff=None, dice=Random(f"{plan.seed}: {STAFF}"))
        staff.sign_up()
        lives = [staff]
        for person in plan.cast:
            _plan_life(machine, person, plan, lives)
        down = outages(plan.outages, start=plan.start, months=plan.months, seed=plan.seed)
        beat = Beat(machine, runs_a_step=plan.beats, step=plan.step, outages=down, until=plan.end)
        machine.run_until(plan.end)
        for life in lives:
            for wallet_id in life.wallet_ids:
                settlement.settle(wallet_id=wallet_id, now=machine.now())
        machine.work()
    return Simulation(plan, machine, lives, beat, down)


def _plan_life(machine: Machine, person: Person, plan: Plan, lives: list[Life]) -> None:
    def begin() -> None:
        staff = User.objects.get(email=lives[0].email)
        dice = Random(f"{plan.seed}: {person.name}")
        life = Life(machine, name=person.name, time_zone=person.time_zone, staff=staff, dice=dice)
        life.sign_up()
        lives.append(life)
        person.plot(life)
        plan_everyday(life, person, until=plan.end)

    machine.note(plan.start + timedelta(hours=person.joins_after_hours), begin)
