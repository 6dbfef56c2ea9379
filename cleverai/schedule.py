"""The clockwork on one page: what runs by itself, how often, and why.

Beat only sends these. Each is safe twice and at the same time, and does what rows say: a lost or doubled run costs
time, never credits. What runs late is seen in `/readyz` and by staff (billing/services/clockwork.py).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.schedules import crontab

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: A run that no worker took until the next one is dropped, so that a worker that was away doesn't make up for them all.
SHORTEST_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task of `billing.tasks` and how often it runs; `at` is for those that have an hour of their own, in UTC."""

    task: str
    every: timedelta
    why: str
    at: crontab | None = None


def periodic_tasks(*, sweep: timedelta) -> list[Periodic]:
    """Return what runs by itself. `sweep` is how often the rows are gone through, a minute unless it is set."""
    return [
        Periodic(
            "settle_due_wallets",
            sweep,
            "resets cycles, expires and starts grants and releases holds that are due, of wallets that nobody touches",
        ),
        Periodic("sweep_messages", sweep, "sends the mails whose hint was lost, and those to be tried again"),
        Periodic(
            "sweep_stripe_events", sweep, "follows Stripe's events whose hint was lost, and those to be tried again"
        ),
        Periodic("finish_refunds", sweep, "asks Stripe for the refunds that it hasn't answered"),
        Periodic("send_contract_requests", sweep, "mails sales the wishes for a contract whose hint was lost"),
        Periodic(
            "sweep_exports",
            sweep,
            "has the exports written whose hint or worker was lost, and deletes what has expired",
        ),
        Periodic(
            "sweep_farewells",
            sweep,
            "ends at Stripe what is left of who has left, and sends the last mail, until both are done",
        ),
        Periodic("sweep_returns", sweep, "goes on with returns of charges whose hint or worker was lost"),
        Periodic("write_heartbeat", sweep, "proves that beat, queue and a worker run"),
        Periodic("reconcile_with_stripe", HOUR, "finds what Stripe never told us, and lays both books side by side"),
        Periodic(
            "tell_of_expiring_credits",
            HOUR,
            "tells owners once a cycle that monthly credits are about to expire unused",
        ),
        Periodic("close_days", HOUR, "adds up what all books came to on the days that are over, for staff's figures"),
        Periodic(
            "forget_expired",
            DAY,
            "deletes sessions that are over, and what was kept of an address while its Free month lasted",
            at=crontab(hour="4", minute="11"),
        ),
        Periodic("expire_proposals", HOUR, "ends what staff proposed and nobody has decided in seven days"),
        Periodic("prove_books", DAY, "checks every sum of the books", at=crontab(hour="3", minute="7")),
    ]


def beat_schedule(tasks: list[Periodic]) -> dict[str, dict[str, Any]]:
    """Return the schedule as Celery's beat reads it."""
    return {
        periodic.task: {
            "task": f"billing.tasks.{periodic.task}",
            "schedule": periodic.at or periodic.every,
            "options": {"expires": max(periodic.every, SHORTEST_LIFE).total_seconds()},
        }
        for periodic in tasks
    }
