"""The inbox of Stripe's events: received once, claimed by one worker at a time, kept until they were followed."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from psycopg.types.json import Jsonb

from billing import sql
from billing.errors import BadWebhook
from billing.gateway.facts import EventFacts
from billing.models import StripeEvent
from billing.services.payloads import without_people

#: What Stripe is asked to tell of; `billing.webhooks` has a handler for each. Stripe lists events of at most 20 types.
TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.deleted",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
ATTEMPTS = 12
#: What a service answers to a look at Stripe that seems to have begun before another that was applied. By one clock it
#: missed nothing; clocks of two machines differ, so its event looks once more.
OVERTAKEN = "A later look at it was applied already."
#: How often Stripe is asked for an object that it says it doesn't have; it may only be a moment behind.
ATTEMPTS_AT_NOTHING = 4
LONGEST_DELAY = timedelta(hours=6)
#: For so long a claimed event is one worker's. A slower one does no harm: applying what was fetched is safe twice.
CLAIM = timedelta(minutes=1)
BATCH = 100
LONGEST_ID, LONGEST_TYPE, LONGEST_VERSION, LONGEST_ERROR = 255, 100, 40, 2_000


def receive(*, event: EventFacts, via: StripeEvent.Via, now: datetime) -> int | None:
    """Put an event into the inbox and return its row's id, or None when it is there already.

    Raises BadWebhook for an event whose names don't fit.
    """
    _check_names(event)
    values: dict[str, Any] = {
        "stripe_event_id": event.id,
        "type": event.type,
        "object_id": event.object_id,
        "api_version": event.api_version,
        "payload": Jsonb(without_people(event.payload)),
        "via": via.value,
        "occurred_at": event.created_at,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.read("receive_event"), values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def due(*, now: datetime, limit: int = BATCH) -> list[int]:
    """Return the ids of events to handle by `now`, those that have waited longest first."""
    waiting = StripeEvent.objects.filter(status=StripeEvent.Status.PENDING, next_attempt_at__lte=now)
    return list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])


def claim(*, event_id: int, now: datetime) -> StripeEvent | None:
    """Count one attempt at an event and keep other workers off it meanwhile; None when it isn't due, or another has it.

    A worker that is killed loses nothing: the event is due again when its claim has run out.
    """
    waiting = StripeEvent.objects.filter(pk=event_id, status=StripeEvent.Status.PENDING, next_attempt_at__lte=now)
    if not waiting.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM):
        return None
    return StripeEvent.objects.get(pk=event_id)


def finish(event_id: int, *, note: str, now: datetime) -> None:
    """Mark an event as handled, in the transaction of the work; with nothing to note there was nothing to do."""
    status = StripeEvent.Status.DONE if note else StripeEvent.Status.IGNORED
    _close(event_id, status, error="" if note else "It changed nothing here.", now=now)


def ignore(event_id: int, *, reason: str, now: datetime) -> None:
    """Mark an event as one that there is nothing to do about, and say why."""
    _close(event_id, StripeEvent.Status.IGNORED, error=reason, now=now)


def postpone(event_id: int, *, error: str, now: datetime, attempts: int = ATTEMPTS) -> StripeEvent.Status:
    """Write down why an attempt failed and when the next one is due; return what the event is now.

    The delays grow from a minute to six hours; after the last of `attempts` the event is given up, and staff have to
    look. An event that another worker has finished meanwhile stays finished.
    """
    row = StripeEvent.objects.get(pk=event_id)
    waiting = StripeEvent.objects.filter(pk=event_id, status=StripeEvent.Status.PENDING)
    words = _without_nul(error)[:LONGEST_ERROR]
    if row.attempts >= attempts:
        failed = StripeEvent.Status.FAILED
        waiting.update(status=failed, error=words, next_attempt_at=None, finished_at=now)
        return failed
    waiting.update(error=words, next_attempt_at=now + delay_after(row.attempts))
    return StripeEvent.Status.PENDING


def replay(*, event_id: int, now: datetime) -> StripeEvent:
    """Have an event handled again from the first attempt on, whatever became of it; return its row."""
    StripeEvent.objects.filter(pk=event_id).update(
        status=StripeEvent.Status.PENDING, attempts=0, next_attempt_at=now, finished_at=None, error=""
    )
    return StripeEvent.objects.get(pk=event_id)


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: 1, 3, 9, 27 … minutes, at most six hours."""
    return min(timedelta(minutes=3 ** min(max(attempts - 1, 0), 10)), LONGEST_DELAY)


def _close(event_id: int, status: StripeEvent.Status, *, error: str, now: datetime) -> None:
    StripeEvent.objects.filter(pk=event_id).update(status=status, error=error, next_attempt_at=None, finished_at=now)


def _check_names(event: EventFacts) -> None:
    for name, longest in (
        (event.id, LONGEST_ID),
        (event.type, LONGEST_TYPE),
        (event.object_id, LONGEST_ID),
        (event.api_version, LONGEST_VERSION),
    ):
        if len(name) > longest or _without_nul(name) != name:
            raise BadWebhook("The event has a name that is too long, or characters that no name has.")


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
