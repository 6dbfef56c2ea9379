"""What the staff's log says of a wallet is found by one list: on its line of time, in its archive, and when it goes."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from accounts.models import User
from billing.models import DailyUsage, Farewell, Grant, Hold, LedgerEntry, MailPreference, Refund, SupportRequest
from billing.selectors.staff_log import BELONGING, lines_about
from billing.services import support

#: Lines about these have numbers for names, and nobody acts on them.
NUMBERED = {DailyUsage, Farewell, Grant, Hold, LedgerEntry, MailPreference}


def test_every_model_of_a_wallet_s_rows_that_staff_open_is_in_the_list() -> None:
    opened = {
        model
        for model in apps.get_app_config("billing").get_models()
        if admin.site.is_registered(model) and any(field.name == "wallet" for field in model._meta.fields)
    }
    assert opened - NUMBERED == set(BELONGING)


@pytest.mark.django_db
def test_lines_are_those_about_a_wallet_its_owner_and_its_rows(alice: User, bob: User, stella: User) -> None:
    for user in (alice, bob):
        support.ask(wallet=user.wallet, topic="", subject="S", message="M", now=user.joined_at)
    for row in (alice, alice.wallet, SupportRequest.objects.get(wallet=alice.wallet)):
        write(row, stella, "hers")
    for row in (bob, bob.wallet, SupportRequest.objects.get(wallet=bob.wallet)):
        write(row, stella, "his")
    found = lines_about(alice.wallet.pk)
    assert [line.change_message for line in found] == ["hers"] * 3
    assert lines_about(alice.wallet.pk, [User, Refund]).get().object_id == str(alice.pk)
    assert not lines_about(alice.wallet.pk, []).exists()


def write(row: Model, who: User, message: str) -> None:
    LogEntry.objects.create(
        user=who, content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk), object_repr="A row",
        action_flag=CHANGE, change_message=message,
    )  # fmt: skip
