"""Stripe event type → one pair of calls: look at the object at Stripe, then apply what was seen.

An event is a hint. What it says is never trusted and its order doesn't matter: its object is fetched as it is now.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.errors import PaymentError, StripeNotFound, StripeUnavailable
from billing.models import StripeEvent
from billing.services import checkouts, customers, disputes, inbox, paid_subscriptions, refunds
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """How to follow an event: `fetch(object_id, now=…)` asks Stripe outside of any transaction, and returns None where
    there is nothing to apply; `apply(fetched, now=…)` writes, and returns in words what it changed.
    """

    fetch: Callable[..., Any]
    apply: Callable[..., str]


def _fetch_deletion(stripe_customer_id: str, *, now: datetime) -> str | None:
    return stripe_customer_id if customers.fetch_deletion(stripe_customer_id) else None


def _apply_deletion(stripe_customer_id: str, *, now: datetime) -> str:
    forgotten = customers.forget_customer(stripe_customer_id=stripe_customer_id, now=now)
    return "The next purchase makes a new customer." if forgotten else ""


#: By the beginning of the event's type: all events about one kind of object are followed alike.
HANDLERS = {
    "checkout.session.": Handler(checkouts.fetch_session, checkouts.apply),
    "invoice.": Handler(paid_subscriptions.fetch_invoice, paid_subscriptions.apply),
    "customer.subscription.": Handler(paid_subscriptions.fetch, paid_subscriptions.apply),
    "customer.deleted": Handler(_fetch_deletion, _apply_deletion),
    "refund.": Handler(refunds.fetch_refund, refunds.apply),
    "charge.dispute.": Handler(disputes.fetch_dispute, disputes.apply),
}


def handler_of(event_type: str) -> Handler | None:
    """Return how to follow events of a type, or None for those that we never asked for."""
    if event_type not in inbox.TYPES:
        return None
    return next(handler for beginning, handler in HANDLERS.items() if event_type.startswith(beginning))


def handle(*, event_row_id: int, now: datetime) -> bool:
    """Follow one event of the inbox; return whether it is finished now, or was not ours to follow.

    What goes wrong, of whatever kind, is written on the event, which is tried again later: it never counts as done.
    """
    event = inbox.claim(event_id=event_row_id, now=now)
    if event is None:
        return True
    handler = handler_of(event.type)
    if handler is None:
        inbox.ignore(event.pk, reason="Nothing of ours hangs on events of this type.", now=now)
        return True
    try:
        _follow(event, handler, now=now)
    except Exception as error:  # whatever it is: only a finished event may be forgotten
        _postpone(event, error, now=now)
        return False
    return True


def _follow(event: StripeEvent, handler: Handler, *, now: datetime) -> None:
    fetched = handler.fetch(event.object_id, now=now)
    if fetched is None:
        inbox.ignore(event.pk, reason="Its object is none of ours.", now=now)
    else:
        _apply(event, handler, fetched, now=now)


@in_one_transaction
def _apply(event: StripeEvent, handler: Handler, fetched: Any, *, now: datetime) -> None:
    """Write what was seen and mark the event as done: both, or neither. What was overtaken is looked at once more."""
    note = handler.apply(fetched, now=now)
    if inbox.OVERTAKEN in note:
        inbox.postpone(event.pk, error=note, now=now)
    else:
        inbox.finish(event.pk, note=note, now=now)


def _postpone(event: StripeEvent, error: Exception, *, now: datetime) -> None:
    """Write the error on the event; loudly where waiting doesn't help."""
    attempts = inbox.ATTEMPTS_AT_NOTHING if isinstance(error, StripeNotFound) else inbox.ATTEMPTS
    words = str(error) if isinstance(error, PaymentError) else f"{type(error).__name__}: {error}"
    status = inbox.postpone(event.pk, error=words, now=now, attempts=attempts)
    if status == StripeEvent.Status.FAILED:
        logger.error("%s was given up after %s attempts: %s", event, event.attempts, words)
    elif isinstance(error, StripeUnavailable):
        logger.warning("%s has to wait for Stripe: %s", event, words)
    elif isinstance(error, PaymentError):
        logger.error("%s needs a person: %s", event, words)
    else:
        logger.exception("%s couldn't be handled and is tried again.", event)
