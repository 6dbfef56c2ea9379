"""Support requests carry the plan's level, are kept once, and are told of when they are answered (decision 27)."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from billing.errors import InvalidRequest
from billing.models import Message, SupportRequest
from billing.selectors import messages as told
from billing.services import departures, subscriptions, support
from billing.services.support import TooManyOpenRequests
from billing.tests.people import begin_paid_cycle
from billing.tests.stripe.shop import Shop, stripe

__all__ = ["stripe"]

pytestmark = pytest.mark.django_db


def ask(user: User, now: datetime, **words: str) -> SupportRequest:
    words = {"topic": "credits", "subject": "My credits", "message": "Where did they go?", **words}
    return support.ask(wallet=user.wallet, **words, now=now)


def test_a_request_keeps_the_level_of_the_plan_at_its_time(alice: User, now: datetime) -> None:
    assert ask(alice, now).level == "basic"
    begin_paid_cycle(
        wallet_id=alice.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key="test:pro",
        now=now,
    )
    assert ask(alice, now, subject="Another").level == "priority"
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    assert ask(alice, now, subject="A third").level == "dedicated"
    assert list(SupportRequest.objects.order_by("pk").values_list("level", flat=True)) == [
        "basic", "priority", "dedicated",
    ]  # fmt: skip


def test_the_same_words_are_kept_once_while_they_wait(alice: User, stella: User, now: datetime, stripe: Shop) -> None:
    first = ask(alice, now)
    assert ask(alice, now, subject="  My   credits ", message="Where did they go?\n") == first
    assert ask(alice, now, topic="other") != first
    support.answer(request_id=first.pk, text="Look at Usage.", actor=stella, now=now)
    assert ask(alice, now) != first
    assert SupportRequest.objects.count() == 3


def test_five_may_wait_at_once(alice: User, bob: User, stella: User, now: datetime, stripe: Shop) -> None:
    asked = [ask(alice, now, subject=f"Question {number}") for number in range(5)]
    with pytest.raises(TooManyOpenRequests, match="You have 5 open requests"):
        ask(alice, now, subject="Question 5")
    assert ask(alice, now, subject="Question 0") == asked[0]
    ask(bob, now)
    support.answer(request_id=asked[3].pk, text="Yes.", actor=stella, now=now)
    ask(alice, now, subject="Question 5")


@pytest.mark.parametrize(
    "words",
    [
        {"subject": ""},
        {"subject": " \n"},
        {"subject": "x" * 121},
        {"message": " "},
        {"message": "x" * 4_001},
        {"topic": "weather"},
    ],
)
def test_what_says_nothing_or_too_much_is_refused(alice: User, now: datetime, words: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        ask(alice, now, **words)
    assert not SupportRequest.objects.exists()


def test_an_answer_is_kept_and_told_once(alice: User, stella: User, bob: User, now: datetime, stripe: Shop) -> None:
    request = ask(alice, now)
    later = now + timedelta(hours=2)
    assert support.answer(request_id=request.pk, text=" Look at Usage. ", actor=stella, now=later)
    assert not support.answer(request_id=request.pk, text="Something else.", actor=bob, now=later)
    request.refresh_from_db()
    assert (request.answer, request.answered_at, request.answered_by) == ("Look at Usage.", later, stella)
    (message,) = Message.objects.filter(kind="support_answer")
    assert (message.wallet, message.facts, message.mail) == (alice.wallet, {"request": request.pk}, "waiting")
    (row,) = told.page(alice.wallet).rows
    assert (row.title, row.words) == ("Our support has answered: My credits", "You asked on 10 Mar 2025.")
    assert row.page_name == "support:requests"


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4_001])
def test_an_answer_says_something(alice: User, stella: User, now: datetime, text: str) -> None:
    request = ask(alice, now)
    with pytest.raises(InvalidRequest):
        support.answer(request_id=request.pk, text=text, actor=stella, now=now)
    with pytest.raises(IntegrityError, match="support_answer_has_words_and_a_time"), transaction.atomic():
        SupportRequest.objects.update(answered_at=now)
    assert not Message.objects.filter(kind="support_answer").exists()


def test_who_leaves_takes_all_words_along(alice: User, stella: User, now: datetime, stripe: Shop) -> None:
    for subject in ("One", "Two"):
        request = ask(alice, now, subject=subject)
    support.answer(request_id=request.pk, text="Yes.", actor=stella, now=now)
    departures.leave(wallet_id=alice.wallet.pk, now=now)
    assert not SupportRequest.objects.exists()
    assert not Message.objects.filter(wallet=alice.wallet).exists()
