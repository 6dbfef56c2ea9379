"""Events: those that Stripe sends, verified, and those that it is asked for."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import stripe
from django.conf import settings

from billing.errors import BadWebhook
from billing.gateway.client import PAGE, asks_stripe, client, lists_stripe, livemode, moment, seconds_of
from billing.gateway.facts import EventFacts

if TYPE_CHECKING:
    from stripe.params import EventListParams

#: How far an event's signature may lie from our clock, into the past or the future.
TOLERANCE_SECONDS = 300
API_VERSION = stripe.api_version
#: How many types Stripe takes at once.
TYPES_AT_ONCE = 20
LONGEST_ID, LONGEST_TYPE = 255, 100


def verify_event(*, body: bytes, signature: str, now: datetime) -> EventFacts:
    """Return the event that a request carries, if it is our Stripe's: signed, recent, of our version and mode.

    Either of our signing secrets will do, while one replaces the other. Raises BadWebhook for anything else.
    """
    _check_signature(body, signature, now)
    event = _parsed(body)
    if event.get("object") != "event":
        raise BadWebhook("That isn't an event in full; thin events aren't read here.")
    try:
        facts = _facts(event)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, OSError) as error:
        raise BadWebhook("That isn't shaped like an event.") from error
    if facts.livemode != livemode():
        raise BadWebhook("That event is from the other mode, test or live, than our key.")
    if facts.api_version != API_VERSION:
        raise BadWebhook(f"The webhook endpoint must send version {API_VERSION}, not {facts.api_version or 'none'}.")
    return facts


@asks_stripe
def fetch_event(event_id: str) -> EventFacts:
    """Return an event; Stripe keeps them for 30 days."""
    answer = client().v1.events.retrieve(event_id).last_response
    return _facts(json.loads(answer.body) if answer else {})


@lists_stripe
def events_since(created_at: datetime, types: Sequence[str]) -> Iterator[EventFacts]:
    """Return the events of these types, at most 30 days old, from that second on, oldest first."""
    found: dict[str, EventFacts] = {}
    for start in range(0, len(types), TYPES_AT_ONCE):
        for event in _listed(created_at, types[start : start + TYPES_AT_ONCE]):
            found[event.id] = event
    oldest_first = list(found.values())[::-1]
    yield from sorted(oldest_first, key=lambda event: event.created_at)


def _listed(created_at: datetime, types: Sequence[str]) -> Iterator[EventFacts]:
    """Read the pages' own JSON: the library's objects turn some texts into other things."""
    params: EventListParams = {"created": {"gte": seconds_of(created_at)}, "types": list(types), "limit": PAGE}
    while True:
        page = client().v1.events.list(params)
        raw = json.loads(page.last_response.body) if page.last_response else {}
        events = [_facts(event) for event in raw["data"]]
        yield from events
        if not raw["has_more"] or not events:
            return
        params["starting_after"] = events[-1].id


def _check_signature(body: bytes, signature: str, now: datetime) -> None:
    if not signature:
        raise BadWebhook("There is no signature.")
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret)
        except (stripe.SignatureVerificationError, ValueError, TypeError):
            continue
        break
    else:
        raise BadWebhook("The signature isn't Stripe's.")
    # the library looks for old ones only, and by a clock of its own
    signed_at = int(next(item.split("=", 2)[1] for item in signature.split(",") if item.split("=", 2)[0] == "t"))
    if abs(now.timestamp() - signed_at) > TOLERANCE_SECONDS:
        raise BadWebhook("The signature is too old, or from the future.")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadWebhook("The body isn't JSON.") from error
    if not isinstance(event, dict):
        raise BadWebhook("The body isn't an event.")
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} isn't JSON")


def _facts(event: dict[str, Any]) -> EventFacts:
    return EventFacts(
        id=_text(event["id"], LONGEST_ID),
        type=_text(event["type"], LONGEST_TYPE),
        # a few kinds of object have no id; none of those is listened to
        object_id=_text(event["data"]["object"].get("id") or "", LONGEST_ID, may_be_empty=True),
        api_version=str(event.get("api_version") or ""),
        livemode=event["livemode"] is True,
        created_at=moment(event["created"]),
        payload=event,
    )


def _text(value: object, longest: int, *, may_be_empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > longest or "\0" in value or not (value or may_be_empty):
        raise ValueError("not a text that we could keep")
    return value
