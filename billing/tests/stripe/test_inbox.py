"""The inbox keeps each event once, hands it to one worker at a time, and gives up only after twelve attempts."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.errors import BadWebhook
from billing.gateway.facts import EventFacts
from billing.models import StripeEvent
from billing.services import inbox
from billing.webhooks import HANDLERS, handler_of

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def event(number: int = 1, *, at: datetime, **fields: Any) -> EventFacts:
    facts = {
        "id": f"evt_{number}",
        "type": "invoice.paid",
        "object_id": "in_1",
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "created_at": at,
        "payload": {"id": f"evt_{number}"},
    }
    return EventFacts(**{**facts, **fields})


def received(number: int = 1, *, now: datetime, **fields: Any) -> StripeEvent:
    event_id = inbox.receive(event=event(number, at=now, **fields), via=StripeEvent.Via.WEBHOOK, now=now)
    return StripeEvent.objects.get(pk=event_id)


def fail(row: StripeEvent, *, now: datetime) -> StripeEvent:
    assert inbox.claim(event_id=row.pk, now=now) is not None
    inbox.postpone(row.pk, error="Stripe doesn't answer.", now=now)
    row.refresh_from_db()
    return row


def test_an_event_is_received_once(now: datetime) -> None:
    row = received(now=now)

    again = inbox.receive(event=event(at=now), via=StripeEvent.Via.RECONCILIATION, now=now + HOUR)

    assert again is None
    kept = StripeEvent.objects.get()
    assert (kept.pk, kept.via, kept.received_at) == (row.pk, "webhook", now)
    assert (kept.status, kept.attempts, kept.next_attempt_at) == ("pending", 0, now)


def test_copies_of_what_was_handled_leave_it_handled(now: datetime) -> None:
    row = received(now=now)
    inbox.finish(row.pk, note="Granted.", now=now)

    assert inbox.receive(event=event(at=now), via=StripeEvent.Via.WEBHOOK, now=now + HOUR) is None

    row.refresh_from_db()
    assert (row.status, row.finished_at, row.next_attempt_at) == ("done", now, None)


def test_a_claimed_event_is_nobody_elses(now: datetime) -> None:
    row = received(now=now)

    assert inbox.claim(event_id=row.pk, now=now) is not None

    assert inbox.claim(event_id=row.pk, now=now) is None
    assert inbox.due(now=now) == []


def test_a_killed_workers_event_is_due_again(now: datetime) -> None:
    row = received(now=now)
    inbox.claim(event_id=row.pk, now=now)

    assert inbox.due(now=now + inbox.CLAIM - SECOND) == []
    assert inbox.due(now=now + inbox.CLAIM) == [row.pk]
    again = inbox.claim(event_id=row.pk, now=now + inbox.CLAIM)
    assert again is not None
    assert again.attempts == 2


def test_a_finished_event_is_never_claimed(now: datetime) -> None:
    row = received(now=now)
    inbox.finish(row.pk, note="Granted.", now=now)

    assert inbox.claim(event_id=row.pk, now=now + HOUR) is None


def test_what_has_waited_longest_comes_first(now: datetime) -> None:
    later, sooner = received(1, now=now + MINUTE), received(2, now=now)

    assert inbox.due(now=now + HOUR) == [sooner.pk, later.pk]
    assert inbox.due(now=now + HOUR, limit=1) == [sooner.pk]
    assert inbox.due(now=now) == [sooner.pk]


def test_delays_grow_from_a_minute_to_six_hours(now: datetime) -> None:
    row = received(now=now)
    delays = []
    while row.status == "pending":
        asked_at = row.next_attempt_at
        fail(row, now=asked_at)
        if row.next_attempt_at:
            delays.append((row.next_attempt_at - asked_at) / MINUTE)

    assert delays == [1, 3, 9, 27, 81, 243, 360, 360, 360, 360, 360]
    assert (row.status, row.attempts, row.error) == ("failed", 12, "Stripe doesn't answer.")
    assert row.finished_at - now > timedelta(days=1, hours=12)
    assert inbox.due(now=now + timedelta(days=365)) == []


def test_a_postponed_event_says_why_and_waits(now: datetime) -> None:
    row = fail(received(now=now), now=now)

    assert (row.status, row.error) == ("pending", "Stripe doesn't answer.")
    assert inbox.due(now=now + MINUTE - SECOND) == []
    assert inbox.due(now=now + MINUTE) == [row.pk]


def test_an_attempt_that_fails_late_does_not_undo_what_another_finished(now: datetime) -> None:
    row = received(now=now)
    inbox.claim(event_id=row.pk, now=now)
    inbox.finish(row.pk, note="Granted.", now=now)

    inbox.postpone(row.pk, error="Too late.", now=now)

    row.refresh_from_db()
    assert (row.status, row.error) == ("done", "")


def test_a_replay_begins_at_the_first_attempt(now: datetime) -> None:
    row = received(now=now)
    StripeEvent.objects.update(status="failed", attempts=12, error="No.", next_attempt_at=None, finished_at=now)

    replayed = inbox.replay(event_id=row.pk, now=now + HOUR)

    assert (replayed.status, replayed.attempts, replayed.error, replayed.finished_at) == ("pending", 0, "", None)
    assert inbox.due(now=now + HOUR) == [row.pk]


def test_what_changed_nothing_counts_as_nothing_to_do(now: datetime) -> None:
    row = received(now=now)

    inbox.finish(row.pk, note="", now=now)

    row.refresh_from_db()
    assert (row.status, row.error) == ("ignored", "It changed nothing here.")


def test_of_a_payload_what_it_is_about_is_kept_and_nothing_about_a_person(now: datetime) -> None:
    payload = {
        "id": "evt_1",
        "created": 1_741_599_000,
        "li\0st": [],
        "much": float("inf"),
        "data": {
            "object": {
                "id": "cs_test_a1B2",
                "object": "checkout.session",
                "status": "complete",
                "amount_total": 900,
                "customer": "cus_9",
                "client_reference_id": "0190b5a2-7d5c-7e0b-8000-1b2c3d4e5f60",
                "customer_email": "alice@example.com",
                "customer_details": {"name": "Alice", "phone": "+49 30 901820"},
                "custom_fields": [{"numeric": {"value": "4711"}}],
                "description": "For Alice",
                "payment_method": "alice@example.com",
                "metadata": {"wallet": "7", "thing": "pack_1000", "note": "Alice", "checkout": "A lice"},
                "lines": [{"id": "li_1", "amount": 900, "nickname": "Alice"}],
            }
        },
    }

    row = received(now=now, payload=payload)

    row.refresh_from_db()
    assert "lice" not in str(row.payload)
    assert "4711" not in str(row.payload)
    kept = row.payload["data"]["object"]
    assert {name: kept[name] for name in ("id", "object", "status", "amount_total", "customer", "metadata")} == {
        "id": "cs_test_a1B2",
        "object": "checkout.session",
        "status": "complete",
        "amount_total": 900,
        "customer": "cus_9",
        "metadata": {"wallet": "7", "thing": "pack_1000"},
    }
    assert kept["client_reference_id"].endswith("5f60")
    assert (row.payload["created"], row.payload["much"], kept["lines"][0]["amount"]) == (1_741_599_000, None, 900)


@pytest.mark.parametrize(
    "fields",
    [{"id": "evt_" + "x" * 252}, {"type": "x" * 101}, {"object_id": "a\0b"}, {"api_version": "\udc00"}],
    ids=["long-id", "long-type", "nul", "half-a-character"],
)
def test_names_that_no_event_has_are_refused(now: datetime, fields: dict[str, str]) -> None:
    with pytest.raises(BadWebhook):
        inbox.receive(event=event(at=now, **fields), via=StripeEvent.Via.WEBHOOK, now=now)
    assert not StripeEvent.objects.exists()


def test_an_error_is_kept_whatever_is_in_it(now: datetime) -> None:
    row = received(now=now)
    inbox.claim(event_id=row.pk, now=now)

    inbox.postpone(row.pk, error="\0" + "e" * 10_000, now=now)

    row.refresh_from_db()
    assert row.error == "\ufffd" + "e" * (inbox.LONGEST_ERROR - 1)


def test_every_type_we_ask_for_has_a_handler_and_every_handler_a_type() -> None:
    assert all(handler_of(event_type) for event_type in inbox.TYPES)
    for beginning in HANDLERS:
        assert any(event_type.startswith(beginning) for event_type in inbox.TYPES)
    assert handler_of("invoice.created") is None
    assert len(set(inbox.TYPES)) == len(inbox.TYPES) <= 20, "Stripe lists events of at most twenty types at once"
