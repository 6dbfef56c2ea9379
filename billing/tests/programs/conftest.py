"""A server that answers over real HTTP now, Alice with 100 credits, and a service of ours that may spend them."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.tests.keys import service_key
from cleverai_credits import Client, Patience

QUICK = Patience(attempts=4, first_pause=0.01, longest_wait=1)


@pytest.fixture(scope="session", autouse=True)
def _connections_end_with_their_threads() -> Iterator[None]:
    """Let no thread of the server keep a session that would stop the database from being dropped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
        yield


@pytest.fixture
def now() -> datetime:
    """This moment: the server has no other clock."""
    return timezone.now()


@pytest.fixture
def token(stella: User, now: datetime) -> str:
    """The key of our chat backend."""
    return service_key(stella, now=now).token


@pytest.fixture
def clever(live_server: LiveServer, token: str, alice: User) -> Iterator[Client]:
    """Our chat backend, working for Alice."""
    with Client(live_server.url, token, wallet=alice.wallet.pk, patience=QUICK) as client:
        yield client
