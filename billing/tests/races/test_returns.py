"""Two returns whose spans overlap, and several workers at one return: every charge is returned once."""

from datetime import datetime, timedelta

import pytest
from django.db.models import Sum

from accounts.models import User
from billing import metering
from billing.models import ChargeReturn, Message, ReturnedCharge, WalletReturn
from billing.selectors.returns import Span
from billing.services import returns
from billing.tests.people import books, sign_up
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

HOUR = timedelta(hours=1)


@pytest.fixture
def customers(db: None, now: datetime) -> list[User]:
    """Six customers with three searches each."""
    people = [sign_up(f"customer{number}", at=now) for number in range(6)]
    for user in people:
        for number in range(3):
            metering.charge(wallet=user.wallet, feature="web-search", quantity=1, key=str(number), now=now)
    return people


def begin(actor: User, key: str, now: datetime) -> ChargeReturn:
    span = Span("web-search", now - HOUR, now + HOUR)
    terms = {"reason": "Empty answers", "is_reason_shown": False, "expires_at": None}
    return returns.begin(span=span, actor=actor, key=key, now=now + HOUR, **terms)


def assert_returned_once(customers: list[User]) -> None:
    for user in customers:
        assert books(user.wallet, after=4) == [("grant", 15_000, 0, 0)]
    assert ReturnedCharge.objects.count() == 18
    assert Message.objects.filter(kind="credits_returned").count() == 6


def test_two_overlapping_returns_at_once_return_each_charge_once(
    customers: list[User], stella: User, now: datetime
) -> None:
    asked = [begin(stella, key, now) for key in ("one", "two")]
    run_together(lambda each: returns.go_on(return_id=each.pk, clock=lambda: now + HOUR), asked)
    assert_returned_once(customers)
    assert WalletReturn.objects.filter(status="returned").count() == 6
    assert WalletReturn.objects.filter(status="nothing").count() == 6
    assert WalletReturn.objects.aggregate(sum=Sum("amount"))["sum"] == 90_000
    assert not ChargeReturn.objects.filter(finished_at=None).exists()


def test_the_same_wallet_given_to_by_eight_at_once_gets_it_once(
    customers: list[User], stella: User, now: datetime
) -> None:
    parts = list(begin(stella, "one", now).wallets.values_list("pk", flat=True))
    run_together(lambda number: returns.give(wallet_return_id=parts[number % 6], now=now + HOUR), range(24))
    assert_returned_once(customers)


def test_charges_go_on_while_they_are_returned(customers: list[User], stella: User, now: datetime) -> None:
    asked = begin(stella, "one", now)

    def work(number: int) -> None:
        if number == 0:
            returns.go_on(return_id=asked.pk, clock=lambda: now + HOUR)
        else:
            user = customers[number % 6]
            metering.charge(wallet=user.wallet, feature="web-search", quantity=1, key=f"new{number}", now=now + HOUR)

    run_together(work, range(13))
    assert WalletReturn.objects.filter(status="returned", amount=15_000).count() == 6
