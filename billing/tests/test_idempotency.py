"""A repeat under the same key changes nothing; another request under it is refused (G3, G4)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits, KeyReused
from billing.models import Wallet
from billing.services import grants
from billing.tests.people import books, give

LATER = timedelta(hours=2)
KEY = "the same key"
USE = {"feature": "gpt-4o", "quantity": 100, "source": "app", "detail": None, "priced_as": None}
CHAT = {**USE, "feature": "chatbot-message", "priced_as": "gpt-4o"}

OTHER_USES = {
    "another quantity": {**USE, "quantity": 101},
    "another feature": {**USE, "feature": "gpt-4o-mini"},
    "another source": {**USE, "source": "api"},
    "a detail": {**USE, "detail": {"input": 60, "output": 40}},
    "another detail": {**USE, "detail": {"input": 40, "output": 60}},
    "an empty detail": {**USE, "detail": {}},
    "its own price, named": {**USE, "priced_as": "gpt-4o"},
    "a chatbot's message": CHAT,
    "a chatbot's message of another model": {**CHAT, "priced_as": "gpt-4o-mini"},
}
USES = {"a use": USE, **OTHER_USES}

Act = Callable[[Wallet, datetime], object]


def charge(**use: object) -> Act:
    return lambda wallet, now: metering.charge(wallet=wallet, key=KEY, now=now, **use)


def charge_many(**use: object) -> Act:
    def act(wallet: Wallet, now: datetime) -> object:
        (answer,) = metering.charge_many(wallet=wallet, charges=[metering.Charge(key=KEY, **use)], now=now)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return act


def hold(**use: object) -> Act:
    return lambda wallet, now: metering.hold(wallet=wallet, key=KEY, now=now, **use)


def workflow(*nodes: metering.Node, name: str = "report") -> Act:
    return lambda wallet, now: metering.charge_workflow(
        wallet=wallet, workflow=name, nodes=list(nodes), key=KEY, now=now
    )


KINDS = {
    "charge": charge(**USE),
    "hold": hold(**USE),
    "hold of another minimum": hold(**USE, minimum=50),
    "workflow": workflow(metering.Node(feature="gpt-4o", quantity=100)),
    "workflow of another name": workflow(metering.Node(feature="gpt-4o", quantity=100), name="summary"),
    "workflow with a step more": workflow(metering.Node(feature="gpt-4o", quantity=100), metering.Node()),
}


@pytest.mark.parametrize(("first", "second"), list(permutations(USES, 2)))
@pytest.mark.parametrize("act", [charge, hold])
def test_a_key_stands_for_one_request(
    alice: User, now: datetime, act: Callable[..., Act], first: str, second: str
) -> None:
    act(**USES[first])(alice.wallet, now)
    with pytest.raises(KeyReused, match="another request"):
        act(**USES[second])(alice.wallet, now)
    assert len(books(alice.wallet)) == 2


@pytest.mark.parametrize(("first", "second"), list(permutations(KINDS, 2)))
def test_charges_holds_and_runs_share_their_keys(alice: User, now: datetime, first: str, second: str) -> None:
    KINDS[first](alice.wallet, now)
    with pytest.raises(KeyReused):
        KINDS[second](alice.wallet, now)
    assert len(books(alice.wallet)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_another_wallet_s_keys_are_its_own(alice: User, bob: User, now: datetime, kind: str) -> None:
    KINDS[kind](alice.wallet, now)
    KINDS[kind](bob.wallet, now)
    assert len(books(alice.wallet)) == len(books(bob.wallet)) == 2


@pytest.mark.parametrize("use", USES)
def test_a_repeat_gets_the_first_answer_however_late(alice: User, now: datetime, use: str) -> None:
    first = charge(**USES[use])(alice.wallet, now)
    metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="another", now=now)
    for moment in (now, now + LATER, now + timedelta(days=400)):
        again = charge(**USES[use])(alice.wallet, moment)
        assert again.replayed
        assert (again.sequence, again.cost, again.available, again.posted_at) == (
            first.sequence,
            first.cost,
            first.available,
            first.posted_at,
        )
    assert alice.wallet.entries.filter(kind="charge").count() == 2


def test_a_charge_repeated_among_many_is_the_same_request(alice: User, now: datetime) -> None:
    first = charge(**USE)(alice.wallet, now)
    again = charge_many(**USE)(alice.wallet, now)
    assert (again.replayed, again.sequence) == (True, first.sequence)
    with pytest.raises(KeyReused):
        charge_many(**CHAT)(alice.wallet, now)


def test_the_time_is_not_part_of_a_request(alice: User, now: datetime) -> None:
    charge(**USE)(alice.wallet, now)
    again = charge(**USE, occurred_at=now - LATER)(alice.wallet, now)
    assert again.replayed
    assert len(books(alice.wallet)) == 2


def test_nor_is_the_order_of_a_detail(alice: User, now: datetime) -> None:
    charge(**{**USE, "detail": {"input": 1, "output": {"a": 2, "b": 3}}})(alice.wallet, now)
    assert charge(**{**USE, "detail": {"output": {"b": 3, "a": 2}, "input": 1}})(alice.wallet, now).replayed


def test_nor_is_how_long_a_hold_lasts(alice: User, now: datetime) -> None:
    first = hold(**USE)(alice.wallet, now)
    again = hold(**USE, lasts=LATER)(alice.wallet, now)
    assert (again.replayed, again.pk, again.expires_at) == (True, first.pk, first.expires_at)


def test_a_repeat_is_answered_when_nothing_is_left(alice: User, now: datetime) -> None:
    first = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key=KEY, now=now)
    again = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key=KEY, now=now)
    assert (again.replayed, again.sequence, again.available) == (True, first.sequence, 0)
    assert alice.wallet.notices.count() == 1


def test_a_repeat_of_a_settled_hold_returns_it_as_it_is(alice: User, now: datetime) -> None:
    first = hold(**USE)(alice.wallet, now)
    metering.release(wallet=alice.wallet, hold=first, now=now)
    again = hold(**USE)(alice.wallet, now)
    assert (again.pk, again.status, again.replayed) == (first.pk, "released", True)


def test_a_refused_key_is_free(alice: User, now: datetime) -> None:
    with pytest.raises(InsufficientCredits):
        metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key=KEY, now=now)
    assert not charge(**USE)(alice.wallet, now).replayed


def test_a_grant_s_business_key_gives_once(alice: User, now: datetime) -> None:
    first = give(alice.wallet, 5_000, now=now, key="checkout:cs_1")
    again = give(alice.wallet, 9_999, now=now + LATER, key="checkout:cs_1")
    assert (again.pk, again.amount, alice.wallet.available) == (first.pk, 5_000, 105_000)


def test_an_adjustment_s_key_adjusts_once(alice: User, stella: User, now: datetime) -> None:
    for _ in range(2):
        grants.adjust(
            wallet_id=alice.wallet.pk, amount=-1_000, reason="Given twice.", actor=stella, key="form 1", now=now
        )
    assert books(alice.wallet, after=1) == [("adjustment", -1_000, 0, 0)]
