"""A Stripe of this process for tests that load the sample data."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import pytest
from django.test import override_settings

from billing import gateway
from sandbox.sample_data import sales
from sandbox.stripe.control import ACTS
from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess


@contextmanager
def stripe_at(moment: datetime) -> Iterator[Engine]:
    """Let the product and the sample data speak with a sandbox whose clock stands at `moment`."""
    engine = Engine(time=moment.timestamp)
    with pytest.MonkeyPatch.context() as patch, override_settings(IN_SANDBOX=True):
        patch.setattr(gateway.client, "http_client", lambda: InProcess(engine))
        patch.setattr(sales, "control", lambda act, **values: ACTS[act](engine, **values))
        gateway.client.client.cache_clear()
        yield engine
    gateway.client.client.cache_clear()


@pytest.fixture(scope="session")
def stripe() -> Callable[[datetime], AbstractContextManager[Engine]]:
    """`stripe(moment)` is a context in which Stripe is a sandbox in this process."""
    return stripe_at
