"""G6 over HTTP: the answer to whatever a program does is lost on its way; it asks again, and all is done once."""

from decimal import Decimal

import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.services.proof import prove
from billing.tests.programs.conftest import QUICK
from billing.tests.programs.lossy import losing
from cleverai_credits import Charge, Charged, Client, Node

pytestmark = pytest.mark.django_db(transaction=True)
LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]
NODES = [Node(name="Write", feature="gpt-4o-mini", quantity=10)]


@pytest.mark.parametrize("rounds", [10, pytest.param(125, marks=LONG)], ids=lambda rounds: f"{4 * rounds} losses")
def test_whatever_was_lost_is_done_once(live_server: LiveServer, token: str, alice: User, rounds: int) -> None:
    with (
        losing(live_server.url, losses=0) as network,
        Client(network.url, token, wallet=alice.wallet.pk, patience=QUICK) as clever,
    ):
        for number in range(rounds):
            network.losses = 1
            assert clever.charge("gpt-4o-mini", 10, key=f"charge {number}").replayed
            network.losses = 1
            assert clever.charge_workflow("report", NODES, key=f"run {number}").replayed
            network.losses = 1
            batch = [Charge(feature="gpt-4o-mini", quantity=10, key=f"{part} of {number}") for part in range(2)]
            assert [one.replayed for one in clever.charge_many(batch) if isinstance(one, Charged)] == [True, True]
            network.losses = 1
            hold = clever.hold("gpt-4o-mini", 20, key=f"hold {number}")
            assert clever.capture(hold.id, 10).cost == Decimal("0.01")
        balance = clever.balance()
    kinds = [alice.wallet.entries.filter(kind=kind).count() for kind in ("charge", "hold", "capture")]
    assert kinds == [4 * rounds, rounds, rounds]
    assert (balance.available, balance.held) == (Decimal(100) - Decimal("0.01") * 5 * rounds, 0)
    assert prove() == []
