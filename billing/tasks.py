"""Celery tasks: thin, safe twice, and only ever a faster way to what a row already says.

cleverai/schedule.py says which of them run by themselves, how often and why.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from accounts.sessions import forget_expired_sessions
from billing import traces, webhooks
from billing.errors import StripeUnavailable
from billing.models import Refund
from billing.queue import hint
from billing.services import (
    clockwork,
    contracts,
    departures,
    expiring,
    exports,
    farewells,
    figures,
    inbox,
    messages,
    outbox,
    proof,
    reconciliation,
    refunds,
    returns,
    staff_acts,
)

logger = logging.getLogger(__name__)

P = ParamSpec("P")

BATCH = 500
#: A sweep ends before the next one begins; what it leaves is still due then.
LENGTH_OF_SWEEP = timedelta(seconds=50)


def task(outcome: str = "") -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Make a function a Celery task of its own name, which does nothing where the machine's clock is wrong.

    One that runs by itself has an `outcome`; with its figure filled in, it is the heartbeat of a run that ended well.
    A hint, which names a row, is no such run.
    """

    def register(work: Callable[P, int]) -> Callable[P, int]:
        name = work.__name__

        @shared_task(name=f"billing.tasks.{name}")
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> int:
            try:
                clockwork.require_right_clock()
                figure = work(*args, **kwargs)
            except clockwork.WrongClock as error:
                logger.error("%s does nothing here: %s.", name, error)
                return 0
            if outcome and not args and not kwargs:
                clockwork.beat(task=name, outcome=outcome.format(figure))
            return figure

        return run

    return register


@task("The worker's clock is off by so many seconds: {}.")
def write_heartbeat() -> int:
    """Prove that beat, queue and a worker run; return by how many seconds this machine's clock is off."""
    clockwork.expect_all()
    return round(clockwork.require_right_clock().total_seconds())


@task("Wallets settled: {}.")
def settle_due_wallets() -> int:
    """Settle wallets with something due, one transaction a wallet; return how many there were.

    First touch settles just as well (decision 14); this makes it happen without one. A run goes from the longest due
    to the newest until its time is over, and the next run goes on.
    """
    settled, after = 0, None
    stop_at = timezone.now() + LENGTH_OF_SWEEP
    while due := clockwork.due_wallets(now=timezone.now(), after=after, limit=BATCH):
        clockwork.require_right_clock()
        for _, wallet_id in due:
            if timezone.now() >= stop_at:
                return settled
            settled += _settle(wallet_id)
        after = due[-1]
    return settled


def _settle(wallet_id: int) -> bool:
    traces.wallet_id.set(wallet_id)
    try:
        return clockwork.settle_if_due(wallet_id=wallet_id, now=timezone.now())
    except OperationalError:
        raise
    except Exception:  # whatever one wallet's trouble is, the others are due as well
        logger.exception("Wallet %s can't be settled.", wallet_id)
        return False


@task()
def send_message(row_id: int) -> int:
    """Mail one message; return how many were tried."""
    return _each([row_id], "Message", _deliver)


@task("Mails tried: {}.")
def sweep_messages() -> int:
    """Mail every message that is due, those first that have waited longest; return how many were tried."""
    return _sweep(lambda: outbox.due(now=timezone.now()), "Message", _deliver)


@task()
def handle_stripe_event(event_row_id: int) -> int:
    """Follow one event of the inbox; return whether it is finished."""
    return webhooks.handle(event_row_id=event_row_id, now=timezone.now())


@task("Events tried: {}.")
def sweep_stripe_events() -> int:
    """Follow every event of the inbox that is due; return how many it tried. Several may run at once."""
    return _sweep_stripe_events()


@task("Left for a person: {}.")
def reconcile_with_stripe(_row_id: int | None = None) -> int:
    """Compare our books with Stripe's, repair what is safe, follow the events that were missed.

    Returns how many things are left for a person.
    """
    run = reconciliation.run(now=timezone.now())
    _sweep_stripe_events()
    for finding in run.findings:
        logger.error("Reconciliation: %s", finding)
    return len(run.findings)


@task("Refunds asked for: {}.")
def finish_refunds(row_id: int | None = None) -> int:
    """Ask Stripe for one refund that staff asked for, or for all that it hasn't answered yet; return how many."""
    waiting = Refund.objects.filter(status=Refund.Status.REQUESTED).order_by("pk")
    row_ids = [row_id] if row_id is not None else list(waiting.values_list("pk", flat=True)[:BATCH])
    return _each(row_ids, "Refund", lambda each: refunds.finish_requested(refund_id=each, now=timezone.now()))


@task("Requests mailed: {}.")
def send_contract_requests(row_id: int | None = None) -> int:
    """Mail staff one wish for a contract, or all whose mail the queue has lost; return how many there were."""
    row_ids = [row_id] if row_id is not None else contracts.due(now=timezone.now())
    return _each(row_ids, "Contract request", lambda each: contracts.mail_request(request_id=each, now=timezone.now()))


@task("Owners told that credits expire: {}.")
def tell_of_expiring_credits() -> int:
    """Tell owners once a cycle that monthly credits are about to expire unused; return for how many wallets."""
    return _sweep(
        lambda: expiring.due(now=timezone.now()),
        "Wallet",
        lambda each: expiring.tell(wallet_id=each, now=timezone.now()),
    )


@task()
def write_export(row_id: int) -> int:
    """Write one export that somebody asked for; return how many were tried."""
    return _each([row_id], "Export", lambda each: exports.write(export_id=each, clock=timezone.now))


@task("Exports to write: {}.")
def sweep_exports() -> int:
    """Have every export written that is due, and delete the files whose time is over; return how many are due.

    Each is a task of its own, because a file may take longer than a sweep does.
    """
    exports.remove_expired(now=timezone.now())
    due = exports.due(now=timezone.now())
    for row_id in due:
        hint(exports.WRITE, row_id)
    return len(due)


@task()
def say_farewell(row_id: int) -> int:
    """Do what is left to do for one who has left; return how many were tried."""
    return _each([row_id], "Farewell", _go_on)


@task("Farewells tried: {}.")
def sweep_farewells() -> int:
    """Go on with every farewell that isn't over: mails, and what is still to be ended at Stripe; return how many."""
    return _sweep(lambda: farewells.due(now=timezone.now()), "Farewell", _go_on)


@task("Forgotten: {}.")
def forget_expired() -> int:
    """Delete the hashes of addresses and the sessions whose time is over; return how many."""
    return departures.forget_expired(now=timezone.now()) + forget_expired_sessions(now=timezone.now())


@task()
def return_charges(row_id: int) -> int:
    """Go on with one return of charges; return to how many wallets."""
    return returns.go_on(return_id=row_id, clock=timezone.now)


@task("Returns of charges to go on with: {}.")
def sweep_returns() -> int:
    """Have every return of charges gone on with whose hint or worker was lost; return how many there are."""
    due = returns.due(now=timezone.now())
    for row_id in due:
        hint(returns.GO_ON, row_id)
    return len(due)


@task("Proposals that nobody has decided in time: {}.")
def expire_proposals() -> int:
    """End the proposals of staff that nobody has decided in seven days; return how many."""
    return staff_acts.expire(now=timezone.now())


@task("Differences: {}.")
def prove_books() -> int:
    """Check every sum of the books; log and return the number of differences."""
    differences = proof.prove()
    for difference in differences:
        logger.error("The books don't add up: %s", difference)
    return len(differences)


@task("Days written: {}.")
def close_days() -> int:
    """Write down what all books came to on the days that are over; return how many it wrote."""
    return figures.close_days(now=timezone.now())


def _go_on(farewell_id: int) -> object:
    return farewells.go_on(farewell_id=farewell_id, now=timezone.now())


def _deliver(message_id: int) -> object:
    return messages.deliver(message_id=message_id, now=timezone.now())


def _sweep_stripe_events() -> int:
    return _sweep(
        lambda: inbox.due(now=timezone.now()),
        "Event",
        lambda each: webhooks.handle(event_row_id=each, now=timezone.now()),
    )


def _sweep(due: Callable[[], list[int]], noun: str, work: Callable[[int], object]) -> int:
    """Do the work for all that is due, batch after batch, until nothing new is or the time is over; return how many."""
    tried, before = 0, list[int]()
    stop_at = timezone.now() + LENGTH_OF_SWEEP
    while (row_ids := due()) and row_ids != before:
        done = _each(row_ids, noun, work, stop_at=stop_at)
        tried += done
        if done < len(row_ids):
            break
        before = row_ids
    return tried


def _each(row_ids: list[int], noun: str, work: Callable[[int], object], *, stop_at: datetime | None = None) -> int:
    """Do the work for each row until the time is over, and return for how many.

    One that can't be done stays as it is for the next time, and keeps no other waiting.
    """
    stop_at = stop_at or timezone.now() + LENGTH_OF_SWEEP
    for number, row_id in enumerate(row_ids):
        if timezone.now() >= stop_at:
            return number
        traces.wallet_id.set(None)
        try:
            work(row_id)
        except StripeUnavailable as error:
            logger.warning("%s %s has to wait for Stripe: %s", noun, row_id, error)
        except Exception:
            logger.exception("%s %s can't be done yet.", noun, row_id)
    return len(row_ids)
