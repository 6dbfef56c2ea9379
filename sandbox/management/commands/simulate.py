"""`manage.py simulate`: months of people's lives in a database of their own, told and proven."""

import logging
import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from io import StringIO

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from sandbox.simulation import Plan, report, simulated
from sandbox.simulation.books import fingerprint
from sandbox.simulation.database import temporary_database
from sandbox.simulation.people import cast_of
from sandbox.simulation.verdict import differences

WIDEST = 160
UNITS = {"h": "hours", "d": "days"}


class Command(BaseCommand):
    help = (
        "Let people sign up, use, buy, renew, fail, cancel and dispute for months, through the real services and"
        " Stripe's sandbox, in a database that is gone afterwards. Print the story and prove the books: exit code 1"
        " says that something doesn't add up."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--months", type=positive, default=14, help="how long (14)")
        parser.add_argument("--from", dest="start", type=day, default="2027-01-31", help="the first day (2027-01-31)")
        parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same books (7)")
        parser.add_argument("--people", type=positive, default=8, help="how many, beside a member of staff (8)")
        parser.add_argument("--beats", type=int, choices=range(11), default=1, help="runs of the beat job a step (1)")
        parser.add_argument("--step", type=length, default="6h", help="how often beat begins anew: 1h, 2d … (6h)")
        parser.add_argument(
            "--outage", type=length, action="append", default=[], help="let beat be down for so long: 6h, 3d, 40d …"
        )
        parser.add_argument("--quiet", action="store_true", help="only the figures and the verdict")

    def handle(
        self,
        *,
        months: int,
        start: datetime,
        seed: int,
        people: int,
        beats: int,
        step: timedelta,
        outage: list[timedelta],
        quiet: bool,
        **_: object,
    ) -> None:
        plan = Plan(start=start, months=months, seed=seed, cast=cast_of(people), beats=beats, step=step, outages=outage)
        logging.getLogger().setLevel(logging.ERROR)  # what is refused or told again is part of the story
        try:
            with temporary_database():
                self._simulate(plan, quiet=quiet)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the temporary database is gone.", returncode=130) from None

    def _simulate(self, plan: Plan, *, quiet: bool) -> None:
        simulation = simulated(plan)
        found = differences(simulation)
        if not quiet:
            told = StringIO()
            report.tell(simulation, Console(file=told, width=WIDEST))
            self.stdout.write(told.getvalue())
        for name, figure in report.figures(simulation):
            self.stdout.write(f"{name:<14}{figure}")
        self.stdout.write(f"books of seed {plan.seed}: {fingerprint(simulation.lives)}")
        if found:
            for difference in found:
                self.stderr.write(difference)
            raise CommandError(f"The books don't add up: {len(found):,} difference{'' if len(found) == 1 else 's'}.")
        self.stdout.write("books proven")


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("It is at least 1.")
    return number


def day(text: str) -> datetime:
    """Read a day such as 2027-01-31: its beginning in UTC."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def length(text: str) -> timedelta:
    """Read a length of time such as 6h or 40d."""
    found = re.fullmatch(r"([1-9]\d{0,4})([hd])", text)
    if found is None:
        raise ArgumentTypeError("Write it as 6h or 3d.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
