"""Staff who leave: what they did stays on the record, with nobody's name behind it."""

from datetime import datetime

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from accounts.models import User
from billing.errors import InvalidRequest
from billing.models import EntryNote, LedgerEntry, SupportRequest
from billing.services import grants, leaving, support
from billing.tests.people import sign_up


@pytest.fixture
def olga(db: None, now: datetime) -> User:
    """Another superuser."""
    return sign_up("olga", at=now, is_staff=True, is_superuser=True)


def act(stella: User, alice: User, now: datetime) -> None:
    grants.adjust(wallet_id=alice.wallet.pk, amount=5_000, reason="A gift.", actor=stella, key="gift", now=now)
    asked = support.ask(wallet=alice.wallet, topic="", subject="Why?", message="Tell me.", now=now)
    support.answer(request_id=asked.pk, text="Because.", actor=stella, now=now)
    LogEntry.objects.create(
        user=stella, content_type=ContentType.objects.get_for_model(alice.wallet), object_id=str(alice.wallet.pk),
        object_repr="Wallet", action_flag=CHANGE, change_message="+5 credits",
    )  # fmt: skip


def test_her_acts_stay_and_her_name_goes(alice: User, stella: User, olga: User, now: datetime) -> None:
    act(stella, alice, now)
    stella.groups.add(Group.objects.create(name="Helpers"))
    Authenticator.objects.create(user=stella, type="totp", data={"secret": "x"})
    leaving.delete_account(user_id=stella.pk, now=now)

    somebody = User.objects.get(pk=stella.pk)
    assert (somebody.email, somebody.name) == (f"former-staff-{stella.pk}@removed.invalid", "")
    assert (somebody.is_active, somebody.is_staff, somebody.is_superuser) == (False, False, False)
    assert not somebody.has_usable_password()
    assert not somebody.groups.exists()
    assert not Authenticator.objects.exists()
    assert LogEntry.objects.get().user == somebody
    assert LogEntry.objects.get().change_message == "+5 credits", "what was said of Alice is Alice's"
    assert LedgerEntry.objects.get(key="gift").actor == somebody
    assert EntryNote.objects.get().author == somebody
    assert SupportRequest.objects.get().answered_by == somebody


def test_nobody_gets_in_as_her_and_her_address_is_free(alice: User, stella: User, olga: User, now: datetime) -> None:
    act(stella, alice, now)
    leaving.delete_account(user_id=stella.pk, now=now)
    assert leaving.delete_account(user_id=stella.pk, now=now) is False
    answer = Client().post("/accounts/login/", {"login": User.objects.get(pk=stella.pk).email, "password": "x" * 12})
    assert answer.status_code == 200
    assert sign_up("stella", at=now).pk != stella.pk


def test_who_never_acted_leaves_no_row(stella: User, olga: User, now: datetime) -> None:
    leaving.delete_account(user_id=stella.pk, now=now)
    assert list(User.objects.all()) == [olga]


def test_the_last_superuser_is_told_why_not(stella: User, alice: User, now: datetime) -> None:
    User.objects.create_superuser("gone@example.com", is_active=False)
    with pytest.raises(InvalidRequest, match="only superuser"):
        leaving.delete_account(user_id=stella.pk, now=now)
    assert User.objects.get(pk=stella.pk).is_superuser
    assert stella.wallet.owner == stella


def test_the_admin_shows_a_log_of_nobody(alice: User, stella: User, olga: User, now: datetime) -> None:
    act(stella, alice, now)
    leaving.delete_account(user_id=stella.pk, now=now)
    entry = LogEntry.objects.get()
    assert str(entry.user) == f"former-staff-{stella.pk}@removed.invalid"
