"""Browsers of Alice and Bob, at a clock that tests move."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.test import Client

from accounts.models import User
from billing.tests.stripe.shop import stripe

__all__ = ["stripe"]


class Clock:
    """The pages' clock: it stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def moves(self, **span: int) -> datetime:
        """Move on and return the new time."""
        self.now += timedelta(**span)
        return self.now


@pytest.fixture(autouse=True)
def clock(now: datetime) -> Iterator[Clock]:
    clock = Clock(now)
    with patch("django.utils.timezone.now", side_effect=clock):
        yield clock


def browser_of(user: User) -> Client:
    """Return a browser in which this person is signed in."""
    browser_of_alice = Client()
    browser_of_alice.force_login(user)
    return browser_of_alice


@pytest.fixture
def browser_of_alice(alice: User) -> Client:
    """Alice's browser."""
    return browser_of(alice)


@pytest.fixture
def browser_of_bob(bob: User) -> Client:
    return browser_of(bob)
