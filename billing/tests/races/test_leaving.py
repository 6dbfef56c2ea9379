"""However many clicks and charges come together with a goodbye, an account is deleted once and the books add up."""

from contextlib import suppress
from datetime import datetime

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest, MeteringError, OwnerHasLeft
from billing.metering import Node
from billing.models import Farewell, LedgerEntry, Wallet
from billing.services import erasure, farewells, leaving
from billing.tests.leaving.test_no_words_after import ACTS, WORDS, rows_with_words
from billing.tests.people import sign_up
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def test_of_eight_clicks_at_once_one_deletes(alice: User, now: datetime) -> None:
    wallet_id = alice.wallet.pk
    done = run_together(lambda _: leaving.delete_account(user_id=alice.pk, now=now), range(8))
    assert sorted(done) == [False] * 7 + [True]
    assert Farewell.objects.get().wallet_id == wallet_id
    assert Wallet.objects.get(pk=wallet_id).owner is None


def test_charges_beside_it_are_all_or_nothing(alice: User, now: datetime) -> None:
    wallet = alice.wallet

    def act(number: int) -> bool:
        if number == 7:
            return leaving.delete_account(user_id=alice.pk, now=now)
        with suppress(MeteringError):
            metering.charge(wallet=wallet, feature="web-search", quantity=1, key=str(number), now=now)
            return True
        return False

    done = run_together(act, range(12))
    assert done[7]
    wallet.refresh_from_db()
    assert (wallet.owner_id, wallet.available) == (None, 100_000 - 5_000 * (sum(done) - 1))


def test_of_what_is_written_beside_it_no_word_stays(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    node = Node(name=WORDS, feature="web-search", quantity=1)

    def act(number: int) -> None:
        if number == 5:
            leaving.delete_account(user_id=alice.pk, now=now)
        elif number < len(ACTS):
            with suppress(OwnerHasLeft):
                list(ACTS.values())[number](wallet, now)
        else:
            metering.charge_workflow(wallet=wallet, workflow="report", nodes=[node], key=str(number), now=now)

    run_together(act, range(12))
    erasure.forget_step_names(wallet_id=wallet.pk)
    assert LedgerEntry.objects.filter(wallet=wallet, kind="charge").count() == 7
    assert rows_with_words() == 0


def test_of_two_last_superusers_who_leave_together_one_stays(db: None, now: datetime) -> None:
    both = [sign_up(name, at=now, is_staff=True, is_superuser=True) for name in ("olga", "stella")]

    def leave(user: User) -> bool:
        try:
            return leaving.delete_account(user_id=user.pk, now=now)
        except InvalidRequest:
            return False

    assert sorted(run_together(leave, both)) == [False, True]
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_of_four_workers_one_sends_the_last_mail(alice: User, now: datetime, mailoutbox: list[object]) -> None:
    leaving.delete_account(user_id=alice.pk, now=now)
    farewell = Farewell.objects.get()
    done = run_together(lambda _: farewells.go_on(farewell_id=farewell.pk, now=now), range(4))
    assert sorted(done) == [False, False, False, True]
    assert len(mailoutbox) == 1
