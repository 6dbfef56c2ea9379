"""The clockwork: settling wallets that nobody touches, and whether all of it runs in time and by the right clock."""

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from billing.models import Heartbeat, Message, Wallet
from billing.services import proof, settlement
from billing.services.ledger import CLOCK_TOLERANCE
from billing.services.transactions import in_one_transaction

#: A run may be a quarter of its interval late, but at least so long: sweeps take a while themselves.
SHORTEST_DELAY = timedelta(minutes=5)
LONGEST_OUTCOME = 200
NOT_YET = "has not run yet"
UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class WrongClock(Exception):
    """This machine's clock and the database's are more than five minutes apart; nothing is settled by such a clock."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A periodic task of the schedule, when it last ended well and what it did then; `age` by the database's clock."""

    task: str
    why: str
    every: timedelta
    beat_at: datetime | None
    age: timedelta | None
    outcome: str

    @property
    def has_run(self) -> bool:
        """Whether it ever ended well; until then `beat_at` is since when it is waited for."""
        return self.outcome != NOT_YET

    @property
    def figure(self) -> int | None:
        """What the last run counted, as `billing.tasks` ends each outcome; None before the first run."""
        found = re.search(r"(-?\d+)\.$", self.outcome)
        return int(found[1]) if found else None

    @property
    def is_late(self) -> bool:
        """Whether the next run should have ended well by now."""
        return self.age is None or self.age > self.every + max(self.every / 4, SHORTEST_DELAY)

    @property
    def interval(self) -> str:
        """How often it runs, in words."""
        seconds = round(self.every.total_seconds())
        name, length = next(unit for unit in UNITS if seconds % unit[1] == 0)
        return name if seconds == length else f"{seconds // length} {name}s"


# --- time --------------------------------------------------------------------------------------------------------


def clock_error() -> timedelta:
    """Return how far this machine's clock is ahead of the database's; negative where it is behind.

    This asks the machine itself instead of taking `now`: it is the one question that is about the clock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::double precision")
        (database_says,) = cursor.fetchone() or (0.0,)
    return timedelta(seconds=time.time() - database_says)


def is_right(error: timedelta) -> bool:
    """Return whether a clock with this error may be worked by."""
    return abs(error) <= CLOCK_TOLERANCE


def require_right_clock() -> timedelta:
    """Return the error of this machine's clock. Raises WrongClock when it is more than five minutes."""
    error = clock_error()
    if not is_right(error):
        raise WrongClock(f"this machine's clock is {in_words(error)} the database's")
    return error


def in_words(error: timedelta) -> str:
    """Return an error of a clock as “12 seconds ahead of”, to be followed by whose clock."""
    seconds = round(error.total_seconds())
    return f"{abs(seconds):,} second{'' if abs(seconds) == 1 else 's'} {'behind' if seconds < 0 else 'ahead of'}"


# --- heartbeats --------------------------------------------------------------------------------------------------


def beat(*, task: str, outcome: str) -> None:
    """Write down that a periodic task ended well just now, by the database's clock."""
    heartbeat = Heartbeat(task=task, beat_at=Now(), outcome=outcome[:LONGEST_OUTCOME])
    Heartbeat.objects.bulk_create(
        [heartbeat], update_conflicts=True, unique_fields=["task"], update_fields=["beat_at", "outcome"]
    )


def expect_all() -> None:
    """From now on wait for the tasks that have never run: a daily one isn't late in its first hour."""
    waiting = [Heartbeat(task=each.task, beat_at=Now(), outcome=NOT_YET) for each in settings.PERIODIC_TASKS]
    Heartbeat.objects.bulk_create(waiting, ignore_conflicts=True)


def beats() -> list[Beat]:
    """Return every periodic task in the order of the schedule, with its last heartbeat."""
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    found = {row.pk: row for row in Heartbeat.objects.annotate(age=age)}
    return [
        Beat(each.task, each.why, each.every, row.beat_at, row.age, row.outcome)
        if (row := found.get(each.task))
        else Beat(each.task, each.why, each.every, None, None, NOT_YET)
        for each in settings.PERIODIC_TASKS
    ]


def late() -> list[str]:
    """Return the names of the periodic tasks that have not ended well for too long."""
    return [each.task for each in beats() if each.is_late]


# --- what is left lying ------------------------------------------------------------------------------------------


def overdue(*, minutes: int = 5) -> dict[str, int]:
    """Return how many of what have waited longer than `minutes`; what is 0 isn't there."""
    waiting = Message.objects.filter(
        mail=Message.Mail.WAITING, next_attempt_at__lt=Now() - timedelta(minutes=minutes)
    ).count()
    return proof.overdue(minutes=minutes) | ({"mails not sent": waiting} if waiting else {})


def due_wallets(*, now: datetime, after: tuple[datetime, int] | None, limit: int) -> list[tuple[datetime, int]]:
    """Return up to `limit` wallets with something due by `now` as (when it was due, id), the longest due first.

    `after` is where the last call ended: a wallet that can't be settled keeps no other waiting.
    """
    due = Wallet.objects.filter(next_due_at__lte=now)
    if after is not None:
        due_at, wallet_id = after
        due = due.filter(Q(next_due_at__gt=due_at) | Q(pk__gt=wallet_id), next_due_at__gte=due_at)
    rows = due.order_by("next_due_at", "pk").values_list("next_due_at", "pk")[:limit]
    return [(due_at, wallet_id) for due_at, wallet_id in rows if due_at is not None]


@in_one_transaction
def settle_if_due(*, wallet_id: int, now: datetime) -> bool:
    """Settle a wallet unless nothing is due any more, or somebody else has it locked; return whether it was done.

    Whoever has the lock settles it too, so that workers never wait for each other. Raises what `settlement.settle`
    raises.
    """
    due = Wallet.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=wallet_id, next_due_at__lte=now)
    if due.values_list("pk").first() is None:
        return False
    with settlement.settled_books(wallet_id, now=now):
        return True
