"""People in front of a browser, and a cache or a database that is away."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import caches
from django.db import connections
from django.test import Client

from accounts.models import User


@pytest.fixture
def alice(db: None) -> User:
    user = User.objects.create_user("alice@example.com", "a long passphrase", name="Alice")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def browser_of_alice(alice: User) -> Client:
    browser = Client()
    browser.force_login(alice)
    return browser


@pytest.fixture
def unreachable_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache server that nobody reaches, from here to the end of the test."""
    monkeypatch.setitem(caches.settings, "default", caches.settings["default"] | {"LOCATION": "redis://127.0.0.1:1/0"})
    mine = caches["default"]
    del caches["default"]
    yield
    caches["default"] = mine


@pytest.fixture
def unreachable_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database server that nobody reaches, from here to the end of the test."""
    connection = connections["default"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    yield
    connection.close()
