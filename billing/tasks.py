"""Celery tasks: thin, safe twice, and only ever a faster way to what a row already says."""

import logging
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.db import DataError, IntegrityError
from django.utils import timezone

from billing import webhooks
from billing.errors import MeteringError, StripeUnavailable
from billing.models import Refund, Wallet
from billing.services import contracts, inbox, proof, reconciliation, refunds, settlement

logger = logging.getLogger(__name__)

BATCH = 500
#: A sweep ends before the next one begins; what it leaves is still due then.
LENGTH_OF_SWEEP = timedelta(seconds=50)


@shared_task(name="billing.tasks.settle_due_wallets")
def settle_due_wallets() -> int:
    """Settle every wallet with something due, one transaction a wallet; return how many there were.

    First touch settles just as well (decision 14); this makes it happen without one.
    """
    settled = 0
    last_id = 0
    while wallet_ids := list(
        Wallet.objects.filter(next_due_at__lte=timezone.now(), pk__gt=last_id)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    ):
        for wallet_id in wallet_ids:
            try:
                settlement.settle(wallet_id=wallet_id, now=timezone.now())
                settled += 1
            except (MeteringError, IntegrityError, DataError):
                logger.exception("Wallet %s can't be settled.", wallet_id)
        last_id = wallet_ids[-1]
    return settled


@shared_task(name="billing.tasks.prove_books")
def prove_books() -> int:
    """Check every sum of the books; log and return the number of differences."""
    differences = proof.prove()
    for difference in differences:
        logger.error("The books don't add up: %s", difference)
    return len(differences)


@shared_task(name="billing.tasks.handle_stripe_event")
def handle_stripe_event(event_row_id: int) -> bool:
    """Follow one event of the inbox; return whether it is finished."""
    return webhooks.handle(event_row_id=event_row_id, now=timezone.now())


@shared_task(name="billing.tasks.sweep_stripe_events")
def sweep_stripe_events() -> int:
    """Follow every event of the inbox that is due; return how many it tried. Several may run at once."""
    tried = 0
    stop_at = timezone.now() + LENGTH_OF_SWEEP
    while event_ids := inbox.due(now=timezone.now()):
        for event_id in event_ids:
            if timezone.now() >= stop_at:
                return tried
            webhooks.handle(event_row_id=event_id, now=timezone.now())
            tried += 1
    return tried


@shared_task(name="billing.tasks.reconcile_with_stripe")
def reconcile_with_stripe(_row_id: int | None = None) -> int:
    """Compare our books with Stripe's, repair what is safe, follow the events that were missed.

    Returns how many things are left for a person.
    """
    run = reconciliation.run(now=timezone.now())
    sweep_stripe_events()
    for finding in run.findings:
        logger.error("Reconciliation: %s", finding)
    return len(run.findings)


@shared_task(name="billing.tasks.finish_refunds")
def finish_refunds(row_id: int | None = None) -> int:
    """Ask Stripe for one refund that staff asked for, or for all that it hasn't answered yet; return how many."""
    waiting = Refund.objects.filter(status=Refund.Status.REQUESTED).order_by("pk")
    row_ids = [row_id] if row_id is not None else list(waiting.values_list("pk", flat=True)[:BATCH])
    return _each(row_ids, "Refund", lambda each: refunds.finish_requested(refund_id=each, now=timezone.now()))


@shared_task(name="billing.tasks.send_contract_requests")
def send_contract_requests(row_id: int | None = None) -> int:
    """Mail staff one wish for a contract, or all whose mail the queue has lost; return how many there were."""
    row_ids = [row_id] if row_id is not None else contracts.due(now=timezone.now())
    return _each(row_ids, "Contract request", lambda each: contracts.mail_request(request_id=each, now=timezone.now()))


def _each(row_ids: list[int], noun: str, work: Callable[[int], object]) -> int:
    """Do the work for each row; one that can't be done stays as it is for the next time, and keeps no other waiting."""
    for row_id in row_ids:
        try:
            work(row_id)
        except StripeUnavailable as error:
            logger.warning("%s %s has to wait for Stripe: %s", noun, row_id, error)
        except Exception:
            logger.exception("%s %s can't be done yet.", noun, row_id)
    return len(row_ids)
