"""What was written down before people's words were left out of it is brought to the same, without a lock on a table."""

from copy import deepcopy
from importlib import import_module
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing.models import StripeEvent
from billing.services.payloads import without_people
from billing.tests.stripe.shop import Shop, stripe

__all__ = ["stripe"]

migration: Any = import_module("billing.migrations.0026_nobody_in_old_events")


def with_names(event: StripeEvent) -> dict[str, Any]:
    payload = deepcopy(event.payload)
    payload["data"]["object"] |= {"customer_email": "alice@example.com", "billing_details": {"name": "Alice"}}
    return payload


def test_an_old_event_keeps_what_a_new_one_keeps(alice: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "BATCH", 2)
    stripe.buy_pack(alice)
    stripe.subscribe(alice)
    whole = {event.pk: with_names(event) for event in StripeEvent.objects.all()}
    assert len(whole) > 4
    for pk, payload in whole.items():
        StripeEvent.objects.filter(pk=pk).update(payload=payload)

    migration.scrub(apps, None)

    kept = {event.pk: event.payload for event in StripeEvent.objects.all()}
    assert kept == {pk: without_people(payload) for pk, payload in whole.items()}
    assert "alice" not in str(kept).casefold()
    assert any("customer" in payload["data"]["object"] for payload in kept.values()), "the timeline finds them by it"
    with CaptureQueriesContext(connection) as queries:
        migration.scrub(apps, None)
    assert not [query for query in queries if query["sql"].startswith("UPDATE")], "what is done stays"
    assert not migration.Migration.atomic


def test_a_passkey_that_staff_deleted_long_ago_has_no_name(alice: User, stella: User) -> None:
    steps = ContentType.objects.get_for_model(Authenticator)
    for kind, flag in ((steps, DELETION), (ContentType.objects.get_for_model(User), CHANGE)):
        LogEntry.objects.create(
            user=stella, content_type=kind, object_id="7", object_repr="Alice’s phone", action_flag=flag
        )
    migration.forget_names(apps, None)
    assert list(LogEntry.objects.order_by("pk").values_list("object_repr", flat=True)) == [
        "Second step",
        "Alice’s phone",
    ]
