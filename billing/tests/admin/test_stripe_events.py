"""Staff read the inbox of Stripe's events, and have events handled again."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing.models import StripeEvent
from billing.tests.admin.pressing import do, hidden, look, press

pytestmark = pytest.mark.django_db
URL = "/admin/billing/stripeevent/"
Status = StripeEvent.Status


def event(name: str, *, now: datetime, status: Status = Status.PENDING, **fields: Any) -> StripeEvent:
    """Return an event in the inbox, by default one that waits."""
    return StripeEvent.objects.create(
        **{
            "stripe_event_id": f"evt_{name}",
            "type": "invoice.paid",
            "object_id": f"in_{name}",
            "api_version": "2026-10-28.endive",
            "payload": {"id": f"evt_{name}", "data": {"object": {"note": "<b>größer</b>"}}},
            "via": StripeEvent.Via.WEBHOOK,
            "status": status,
            "next_attempt_at": now if status == Status.PENDING else None,
            "occurred_at": now,
            "received_at": now,
            **fields,
        }
    )


def given_up(name: str, *, now: datetime) -> StripeEvent:
    return event(name, now=now, status=Status.FAILED, attempts=12, error="Not one of our prices.", finished_at=now)


def listed(browser: Client, query: str = "") -> list[str]:
    """Return which events the list shows, top down."""
    return [row.stripe_event_id for row in browser.get(f"{URL}?{query}").context["cl"].result_list]


def test_stella_sees_what_came_what_became_of_it_and_why(browser_of_stella: Client, now: datetime) -> None:
    given_up("a", now=now)
    event("b", now=now + timedelta(minutes=1))
    assert listed(browser_of_stella) == ["evt_b", "evt_a"]
    page = browser_of_stella.get(URL).content.decode()
    for words in ("invoice.paid", "in_a", "Given up", "12", "Not one of our prices.", "Webhook", "Waiting"):
        assert words in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=evt_a", ["evt_a"]),
        ("q=in_a", ["evt_a"]),
        ("q=+evt_a+", ["evt_a"]),
        ("q=evt_", []),
        ("status__exact=done", ["evt_c"]),
        ("via__exact=reconciliation", ["evt_c"]),
        ("type=invoice.paid", ["evt_d", "evt_c", "evt_b", "evt_a"]),
        ("type=customer.deleted", []),
        ("trouble=yes", ["evt_d", "evt_a"]),
    ],
)
def test_events_are_found_by_their_id_their_object_and_their_state(
    browser_of_stella: Client, now: datetime, query: str, found: list[str]
) -> None:
    given_up("a", now=now)
    event("b", now=now)
    event("c", now=now, status=Status.DONE, attempts=1, via=StripeEvent.Via.RECONCILIATION)
    event("d", now=now, attempts=1, error="Stripe doesn't answer.")
    assert listed(browser_of_stella, query) == found


def test_an_event_shows_what_stripe_sent_as_text(browser_of_stella: Client, now: datetime) -> None:
    row = event("a", now=now)
    page = browser_of_stella.get(f"{URL}{row.pk}/change/").content.decode()
    assert "&lt;b&gt;größer&lt;/b&gt;" in page
    assert "<b>größer</b>" not in page
    assert 'name="_save"' not in page


def test_a_replayed_event_waits_for_a_worker_again_and_one_is_told(
    browser_of_stella: Client, now: datetime, django_capture_on_commit_callbacks: Any
) -> None:
    row = given_up("a", now=now)
    assert "Given up after 12 attempts" in browser_of_stella.get(f"{URL}{row.pk}/change/").content.decode()
    asked = browser_of_stella.get(f"{URL}{row.pk}/replay/").content.decode()
    assert "Nothing is ever granted or taken back twice." in asked
    row.refresh_from_db()
    assert row.status == Status.FAILED
    with patch.object(current_app, "send_task") as send, django_capture_on_commit_callbacks(execute=True):
        preview = look(browser_of_stella, f"{URL}{row.pk}/replay/", reason="The price is there now.")
        page = press(browser_of_stella, f"{URL}{row.pk}/replay/", preview)
        assert "It was done before." in press(browser_of_stella, f"{URL}{row.pk}/replay/", preview)
    send.assert_called_once_with("billing.tasks.handle_stripe_event", args=[row.pk], retry=False)
    assert "It is handled again in a moment." in page
    row.refresh_from_db()
    assert (row.status, row.attempts, row.next_attempt_at, row.error) == (Status.PENDING, 0, now, "")
    logged = LogEntry.objects.get()
    assert (logged.object_id, logged.change_message) == (
        str(row.pk),
        "Replayed; it was given up after 12 attempts. The price is there now.",
    )


def test_stella_replays_those_that_she_picks_and_no_others(browser_of_stella: Client, now: datetime) -> None:
    rows = [given_up(name, now=now) for name in "abc"]
    sent = {"action": "replay_selected", "_selected_action": [str(row.pk) for row in rows[:2]], "index": "0"}
    asked = hidden(browser_of_stella.post(URL, sent).content.decode())
    assert not LogEntry.objects.exists()
    answers = {**sent, "key": asked["key"], "reason": "The price is there now."}
    page = browser_of_stella.post(URL, answers, follow=True).content.decode()
    assert "2 events are handled again in a moment." in page
    page = browser_of_stella.post(URL, answers, follow=True).content.decode()
    assert "They were replayed before." in page
    waiting = StripeEvent.objects.filter(status=Status.PENDING).values_list("stripe_event_id", flat=True)
    assert sorted(waiting) == ["evt_a", "evt_b"]
    assert LogEntry.objects.count() == 2


def test_nobody_replays_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, browser_of_stella: Client, now: datetime
) -> None:
    row = given_up("a", now=now)
    page = browser_of_rita.get(f"{URL}{row.pk}/change/").content.decode()
    assert f"{row.pk}/replay/" not in page
    assert "replay_selected" not in browser_of_rita.get(URL).content.decode()
    for browser in (browser_of_rita, browser_of_bob):
        assert browser.post(f"{URL}{row.pk}/replay/", follow=True).status_code == 403
        browser.post(URL, {"action": "replay_selected", "_selected_action": [str(row.pk)]})
    assert Client().post(f"{URL}{row.pk}/replay/").status_code == 302
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert browser_of_stella.post(f"{URL}999999/replay/").status_code == 404
    assert browser_of_stella.post(f"{URL}evt_a/replay/").status_code == 404


def test_the_right_to_replay_is_enough_for_it(browser_of_rita: Client, now: datetime) -> None:
    right = Permission.objects.get(content_type__app_label="billing", codename="replay_stripeevent")
    User.objects.get(email="rita@example.com").user_permissions.add(right)
    row = given_up("a", now=now)
    do(browser_of_rita, f"{URL}{row.pk}/replay/", reason="The price is there now.")
    row.refresh_from_db()
    assert row.status == Status.PENDING


def test_no_form_changes_or_deletes_an_event(browser_of_stella: Client, now: datetime) -> None:
    row = given_up("a", now=now)
    before = StripeEvent.objects.values().get()
    sent = {"status": "done", "payload": "{}", "post": "yes", "_save": "Save"}
    for address in (f"{row.pk}/change/", f"{row.pk}/delete/", "add/"):
        assert browser_of_stella.post(f"{URL}{address}", sent).status_code == 403
    browser_of_stella.post(URL, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    assert StripeEvent.objects.values().get() == before
