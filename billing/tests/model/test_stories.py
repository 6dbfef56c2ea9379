"""Short lives told step by step: the ledger and the tiny model agree on each, and on what the story says."""

from datetime import datetime

import pytest

from billing.tests.model.pair import Pair

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pair(now: datetime) -> Pair:
    return Pair("alice", at=now)


def test_plans_can_change_more_than_once_at_one_moment(pair: Pair) -> None:
    """The moment of posting stands still while a machine's clock is behind the one that posted last."""
    pair.do("begin_contract", allowance=20_000)
    pair.do("return_to_free")
    pair.do("begin_contract", allowance=20_000)

    pair.compare_all()
    assert (pair.wallet.available, pair.wallet.cycle) == (20_000, 4)
