"""Browsers of staff with different rights, and of a customer, at a clock that stands still."""

from collections.abc import Iterator
from datetime import datetime
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing.tests.people import sign_up
from billing.tests.stripe.shop import stripe

__all__ = ["stripe"]


@pytest.fixture(autouse=True)
def _clock(now: datetime) -> Iterator[None]:
    """Keep the pages' clock at `now`; sessions and cookies go by the real one."""
    with patch("django.utils.timezone.now", return_value=now):
        yield


@pytest.fixture
def browser_of_stella(stella: User) -> Client:
    """Stella may do everything."""
    return browser_of(stella)


@pytest.fixture
def olivia(db: None, now: datetime) -> User:
    """Olivia may do everything too: she is who Stella asks for a second look."""
    return sign_up("olivia", at=now, is_staff=True, is_superuser=True)


@pytest.fixture
def browser_of_olivia(olivia: User) -> Client:
    return browser_of(olivia)


@pytest.fixture
def browser_of_bob(bob: User) -> Client:
    """Bob is another customer."""
    return browser_of(bob)


@pytest.fixture
def browser_of_rita(db: None, now: datetime) -> Client:
    """Rita is staff who may read all of billing and change nothing."""
    rita = sign_up("rita", at=now, is_staff=True)
    rita.user_permissions.set(
        Permission.objects.filter(content_type__app_label="billing", codename__startswith="view_")
    )
    return browser_of(rita)


def browser_of(user: User) -> Client:
    """Return a browser in which somebody has logged in; staff did so with their second step."""
    if user.is_staff:
        return staff_browser(user)
    browser = Client()
    browser.force_login(user)
    return browser


def acts_on_record() -> list[str]:
    """Return what staff did, by the log that they read; what they were refused is there, too, and not in this list."""
    done = LogEntry.objects.exclude(change_message__startswith="Refused: ").order_by("pk")
    return [line.change_message for line in done]
