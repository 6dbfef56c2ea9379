"""What every test stands on: cheap passwords, and a cache of its own."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import override_settings


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own keys, in every thread: tests run side by side against one server."""
    prefix = f"test-{uuid4().hex}"
    monkeypatch.setitem(caches.settings["default"], "KEY_PREFIX", prefix)
    monkeypatch.setattr(caches["default"], "key_prefix", prefix)
