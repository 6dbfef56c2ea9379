"""Alice on Pro with a key that reads, and a service of ours with one that spends, at a fixed moment."""

from collections.abc import Iterator
from datetime import datetime
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts.models import User
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program
from billing.tests.keys import go_pro, key_of, service_key


@pytest.fixture(autouse=True)
def _at_that_moment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let views find the clock at the moment when the people of these tests signed up."""
    if request.node.get_closest_marker("race"):
        yield
        return
    with patch.object(timezone, "now", return_value=request.getfixturevalue("now")):
        yield


@pytest.fixture
def alice(alice: User, now: datetime) -> User:
    """Alice on Pro: 5,000 credits until the 10th of April, and API access."""
    go_pro(alice, now=now)
    alice.wallet.refresh_from_db()
    return alice


@pytest.fixture
def key(alice: User, now: datetime) -> NewKey:
    """A key of Alice's that may read and ask for prices."""
    return key_of(alice, now=now)


@pytest.fixture
def program(key: NewKey) -> Program:
    """A program of Alice's own."""
    return Program(key.token)


@pytest.fixture
def backend_key(stella: User, now: datetime) -> NewKey:
    """A key of our chat backend, which may do everything."""
    return service_key(stella, now=now)


@pytest.fixture
def backend(backend_key: NewKey, alice: User) -> Program:
    """Our chat backend, working for Alice."""
    return Program(backend_key.token, alice.wallet)
