"""“Ask me above N credits”: what costs more waits for its owner's word, and leaves no trace until then."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits, InvalidRequest, NeedsConfirmation, WalletSuspended
from billing.metering import Answer, Charge, Node
from billing.models import LedgerEntry, Message, Notice, Wallet
from billing.services import quick, wallets
from billing.tests.people import books, give

really_call = quick.call


def ask_above(user: User, millicredits: int | None) -> None:
    """Let somebody be asked above so much from now on."""
    wallets.set_limits(wallet_id=user.wallet.pk, max_output_tokens=4_096, confirm_above=millicredits)
    user.wallet.refresh_from_db()


def images(user: User, now: datetime, quantity: int = 1, **more: Any) -> Answer:
    """Charge images at 20 credits each."""
    return metering.charge(wallet=user.wallet, feature="flux-pro", quantity=quantity, key="images", now=now, **more)


@pytest.fixture(params=["quick", "plain"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways of metering: whatever is true of one is true of the other."""
    with patch.object(quick, "call", really_call if request.param == "quick" else lambda *_: None):
        yield request.param


@pytest.mark.usefixtures("way")
class TestAsked:
    """A single use, on the quick way and on the plain one."""

    def test_what_costs_more_is_refused_with_its_cost_and_the_limit(self, alice: User, now: datetime) -> None:
        ask_above(alice, 19_999)
        with pytest.raises(NeedsConfirmation) as question:
            images(alice, now)
        assert (question.value.cost, question.value.limit) == (20_000, 19_999)
        assert str(question.value) == (
            "This costs 20 credits; above 19.999 you want to be asked first. It goes on once you confirm it."
        )

    def test_exactly_the_limit_goes_unasked(self, alice: User, now: datetime) -> None:
        ask_above(alice, 20_000)
        assert images(alice, now).cost == 20_000

    def test_a_refusal_leaves_no_trace(self, alice: User, now: datetime) -> None:
        ask_above(alice, 0)
        for _ in range(2):
            with pytest.raises(NeedsConfirmation):
                images(alice, now, 5)
        assert len(books(alice.wallet)) == 1
        assert alice.wallet.available == 100_000
        assert not Notice.objects.exists()
        assert not Message.objects.filter(kind="low_credits").exists()

    def test_confirmed_the_same_request_goes_on_and_is_repeated_either_way(self, alice: User, now: datetime) -> None:
        ask_above(alice, 10_000)
        with pytest.raises(NeedsConfirmation):
            images(alice, now)
        first = images(alice, now, confirmed=True)
        assert (first.cost, first.replayed) == (20_000, False)
        for confirmed in (True, False):
            again = images(alice, now, confirmed=confirmed)
            assert (again.sequence, again.replayed) == (first.sequence, True)

    def test_a_repeat_is_answered_though_the_limit_came_later(self, alice: User, now: datetime) -> None:
        first = images(alice, now)
        ask_above(alice, 0)
        assert images(alice, now).sequence == first.sequence

    def test_above_nothing_means_everything_that_has_a_price(self, alice: User, now: datetime) -> None:
        ask_above(alice, 0)
        with pytest.raises(NeedsConfirmation, match=r"This costs 0\.001 credits; above 0 you want to be asked"):
            metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=1, key="chat", now=now)
        assert metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="free", now=now).cost == 0

    def test_without_a_limit_nobody_is_asked(self, alice: User, now: datetime) -> None:
        ask_above(alice, 1)
        ask_above(alice, None)
        assert images(alice, now, 5).cost == 100_000

    def test_an_unlimited_wallet_burns_nothing_and_is_never_asked(self, alice: User, now: datetime) -> None:
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        ask_above(alice, 0)
        assert images(alice, now, 5).available == 100_000
        hold = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="hold", now=now)
        assert hold.unlimited

    def test_bob_s_limit_is_his_own(self, alice: User, bob: User, now: datetime) -> None:
        ask_above(bob, 0)
        assert images(alice, now).cost == 20_000

    def test_a_hold_asks_by_what_it_would_set_aside_and_its_capture_asks_nobody(
        self, alice: User, now: datetime
    ) -> None:
        ask_above(alice, 15_000)
        film = {"wallet": alice.wallet, "feature": "video-generation", "quantity": 10, "key": "film", "now": now}
        with pytest.raises(NeedsConfirmation) as question:
            metering.hold(**film)
        assert (question.value.cost, question.value.limit) == (16_667, 15_000)
        assert len(books(alice.wallet)) == 1
        hold = metering.hold(**film, confirmed=True)
        assert metering.hold(**film).pk == hold.pk
        assert metering.capture(wallet=alice.wallet, hold=hold, quantity=30, now=now).cost == 50_000

    def test_a_chat_is_asked_by_what_is_left_of_it_after_its_caps(self, alice: User, now: datetime) -> None:
        talk = {"feature": "gpt-4o", "minimum": 904, "now": now}
        ask_above(alice, 25_000)
        alice.wallet.refresh_from_db()
        capped = metering.hold(wallet=alice.wallet, quantity=90_000, key="talk", **talk)
        assert (capped.quantity, capped.amount) == (5_000, 25_000)
        ask_above(alice, 24_999)
        with pytest.raises(NeedsConfirmation):
            metering.hold(wallet=alice.wallet, quantity=90_000, key="another", **talk)


class TestOrder:
    """Nobody is asked about what can't be done anyway."""

    def test_a_suspended_wallet_says_so_first(self, alice: User, now: datetime) -> None:
        ask_above(alice, 0)
        Wallet.objects.filter(owner=alice).update(suspended_at=now)
        with pytest.raises(WalletSuspended):
            images(alice, now)

    def test_what_can_t_be_paid_is_refused_for_that(self, alice: User, now: datetime) -> None:
        ask_above(alice, 0)
        with pytest.raises(InsufficientCredits):
            images(alice, now, 6)
        with pytest.raises(InsufficientCredits):
            metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=6, key="hold", now=now)
        assert Notice.objects.get().level == Notice.Level.OUT

    def test_asking_settles_nothing_for_good_and_the_answer_does(self, alice: User, now: datetime) -> None:
        ask_above(alice, 10_000)
        later = now + timedelta(days=40)
        with pytest.raises(NeedsConfirmation):
            images(alice, later)
        assert len(books(alice.wallet)) == 1
        assert images(alice, later, confirmed=True).available == 80_000


def test_a_batch_is_answered_one_by_one(alice: User, now: datetime) -> None:
    ask_above(alice, 10_000)
    batch = [
        Charge(feature="web-search", quantity=2, key="exactly the limit"),
        Charge(feature="flux-pro", quantity=1, key="above it"),
        Charge(feature="flux-pro", quantity=1, key="above it and confirmed", confirmed=True),
        Charge(feature="web-search", quantity=1, key="below"),
    ]
    kinds = [Answer, NeedsConfirmation, Answer, Answer]
    assert [type(one) for one in metering.charge_many(wallet=alice.wallet, charges=batch, now=now)] == kinds
    assert [entry[1] for entry in books(alice.wallet, after=1)] == [-10_000, -20_000, -5_000]

    again = metering.charge_many(wallet=alice.wallet, charges=[replace(batch[2], confirmed=False)], now=now)
    assert again[0].replayed


def test_a_batch_of_small_uses_stays_one_round_trip_whatever_their_sum(alice: User, now: datetime) -> None:
    ask_above(alice, 5_000)
    searches = [Charge(feature="web-search", quantity=1, key=f"search {number}") for number in range(10)]
    with patch("billing.services.charges.settled_books", side_effect=AssertionError):
        answers = metering.charge_many(wallet=alice.wallet, charges=searches, now=now)
    assert [answer.cost for answer in answers] == [5_000] * 10


def test_a_workflow_is_asked_by_its_sum(alice: User, now: datetime) -> None:
    ask_above(alice, 10_000)
    run = {"wallet": alice.wallet, "workflow": "report", "key": "run", "now": now}
    nodes = [Node(name=f"Search {number}", feature="web-search", quantity=1) for number in range(3)]
    with pytest.raises(NeedsConfirmation) as question:
        metering.charge_workflow(nodes=nodes, **run)
    assert question.value.cost == 15_000
    assert metering.charge_workflow(nodes=nodes, confirmed=True, **run).cost == 15_000
    assert metering.charge_workflow(nodes=nodes, **run).replayed


def test_holding_asks_before_the_work_begins(alice: User, now: datetime) -> None:
    ask_above(alice, 10_000)
    image: dict[str, Any] = {"wallet": alice.wallet, "feature": "flux-pro", "quantity": 1, "key": "image"}
    with pytest.raises(NeedsConfirmation), metering.holding(**image, clock=lambda: now):
        pytest.fail("Nobody said yes.")
    with metering.holding(**image, confirmed=True, clock=lambda: now) as work:
        pass
    assert work.answer
    assert work.answer.cost == 20_000


def test_the_limit_of_this_moment_counts_not_the_caller_s_old_copy(alice: User, now: datetime) -> None:
    old_copy = Wallet.objects.get(owner=alice)
    ask_above(alice, 10_000)
    with pytest.raises(NeedsConfirmation):
        metering.hold(wallet=old_copy, feature="flux-pro", quantity=1, key="image", now=now)


@pytest.mark.parametrize("confirmed", [None, 1, "no"])
def test_a_word_is_yes_or_no(alice: User, now: datetime, confirmed: object) -> None:
    with pytest.raises(InvalidRequest, match="True or False"):
        images(alice, now, confirmed=confirmed)
    assert len(books(alice.wallet)) == 1


class TestLimits:
    """Setting the two limits."""

    def test_saying_it_again_changes_nothing(self, alice: User) -> None:
        limits = {"wallet_id": alice.wallet.pk, "max_output_tokens": 500, "confirm_above": 0}
        assert wallets.set_limits(**limits)
        assert not wallets.set_limits(**limits)
        alice.wallet.refresh_from_db()
        assert (alice.wallet.max_output_tokens, alice.wallet.confirm_above) == (500, 0)

    @pytest.mark.parametrize(("tokens", "above"), [(0, None), (1_000_001, None), (1, -1), (1, 2**63)])
    def test_nonsense_is_refused(self, alice: User, tokens: int, above: int | None) -> None:
        with pytest.raises(InvalidRequest):
            wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=tokens, confirm_above=above)
        alice.wallet.refresh_from_db()
        assert (alice.wallet.max_output_tokens, alice.wallet.confirm_above) == (4_096, None)

    def test_the_database_refuses_it_too(self, alice: User) -> None:
        with pytest.raises(IntegrityError, match="wallet_asks_above_nothing_or_more"), transaction.atomic():
            Wallet.objects.filter(owner=alice).update(confirm_above=-1)

    def test_money_that_comes_meanwhile_is_kept(self, alice: User, now: datetime) -> None:
        stale = Wallet.objects.get(owner=alice)
        give(alice.wallet, 50_000, now=now)
        wallets.set_limits(wallet_id=stale.pk, max_output_tokens=1, confirm_above=1)
        assert LedgerEntry.objects.filter(wallet=stale).count() == 2
        stale.refresh_from_db()
        assert stale.available == 150_000
