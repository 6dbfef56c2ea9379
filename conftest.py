"""What every test stands on: cheap passwords, a cache of its own, and no browser left behind."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        yield


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own keys, in every thread: tests run side by side against one server."""
    prefix = f"test-{uuid4().hex}"
    monkeypatch.setitem(caches.settings["default"], "KEY_PREFIX", prefix)
    monkeypatch.setattr(caches["default"], "key_prefix", prefix)
