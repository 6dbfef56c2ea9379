"""What every test stands on: cheap passwords, a cache of its own, and the catalog that sign-ups need."""

import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.cache import caches
from django.test import override_settings
from django.utils import timezone
from pytest_django.plugin import blocking_manager_key

DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
#: Whether the tests' database is made already.
HAS_DATABASE = pytest.StashKey[bool]()


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays to the end anyway: looking at it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _own_clock() -> Iterator[None]:
    """Fail the test that leaves its clock to the next ones."""
    right = timezone.now
    yield
    left, timezone.now = timezone.now, right
    assert left is right


@pytest.fixture(autouse=True)
def forget_cache(_own_clock: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give each test its own keys, in every thread, and return what gives it others.

    Tests run side by side against one server: clearing the cache would take theirs from all of them.
    """

    def forget() -> None:
        prefix = f"test-{uuid4().hex}"
        monkeypatch.setitem(caches.settings["default"], "KEY_PREFIX", prefix)
        monkeypatch.setattr(caches["default"], "key_prefix", prefix)

    forget()
    return forget


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring back what a test with real commits has emptied, before the next one's transaction: once for all others."""
    if item.config.stash.get(HAS_DATABASE, False) and _uses_the_database(item):
        with item.config.stash[blocking_manager_key].unblock():
            _bring_back_the_catalog()


@pytest.fixture(autouse=True)
def _catalog(request: pytest.FixtureRequest) -> None:
    """Have the catalog and the staff's groups in the database of each test that uses it."""
    if _uses_the_database(request.node):
        request.getfixturevalue("db")
        if not request.config.stash.get(HAS_DATABASE, False):
            request.config.stash[HAS_DATABASE] = True
            _bring_back_the_catalog()


def _uses_the_database(item: Any) -> bool:
    return bool(item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(item.fixturenames))


def _bring_back_the_catalog() -> None:
    if not apps.get_model("billing", "Feature").objects.exists():
        import_module("billing.migrations.0003_catalog").load(apps, None)
        staff_groups = import_module("billing.staff_groups")
        staff_groups.give(apps, staff_groups.TABLE)
