"""People with wallets at a fixed moment, the catalog in every test, and the proof of all books after each of them.

A test that needs another clock overrides `now` in its module; `alice`, `bob` and `stella` follow.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from accounts.models import User
from billing.selectors import catalog
from billing.services import proof
from billing.tests.people import sign_up
from conftest import DATABASE_FIXTURES

settings.register_profile(
    "here",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("here")


@pytest.fixture
def now() -> datetime:
    """Half past nine on a Monday in March, UTC: when the people of these tests signed up."""
    return datetime(2025, 3, 10, 9, 30, tzinfo=UTC)


@pytest.fixture
def alice(db: None, now: datetime) -> User:
    """A customer on Free, just signed up: 100 credits until 10 April."""
    return sign_up("alice", at=now)


@pytest.fixture
def bob(db: None, now: datetime) -> User:
    """Another customer on Free."""
    return sign_up("bob", at=now)


@pytest.fixture
def stella(db: None, now: datetime) -> User:
    """A member of staff who may do everything."""
    return sign_up("stella", at=now, is_staff=True, is_superuser=True)


@pytest.fixture(autouse=True)
def _books_add_up(request: pytest.FixtureRequest, _catalog: None) -> Iterator[None]:
    """Prove all books after each test with a database (G1): a difference fails the test."""
    if not (request.node.get_closest_marker("django_db") or DATABASE_FIXTURES & set(request.fixturenames)):
        yield
        return
    catalog.fresh()
    yield
    if not connection.needs_rollback:
        assert [str(difference) for difference in proof.prove()] == []
