"""However many clicks make or wake a chatbot together, no more are active than the plan allows (decision 18)."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing.selectors import chatbots as selectors
from billing.services import chatbots, subscriptions
from billing.services.chatbots import ChatbotLimitReached
from billing.tests.people import begin_paid_cycle
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS = 16


def test_of_sixteen_that_are_made_together_one_is_there_and_the_others_are_refused(alice: User, now: datetime) -> None:
    def make(number: int) -> bool:
        try:
            chatbots.create(wallet_id=alice.wallet.pk, name=f"Bot {number}", model="gpt-4o", now=now)
        except ChatbotLimitReached:
            return False
        return True

    assert sorted(run_together(make, range(THREADS))) == [False] * 15 + [True]
    assert alice.wallet.chatbots.count() == 1


def test_a_plan_that_ends_while_all_are_resumed_leaves_as_many_as_it_allows(alice: User, now: datetime) -> None:
    wallet_id = alice.wallet.pk
    begin_paid_cycle(
        wallet_id=wallet_id, plan="pro", starts_at=now, ends_at=now + timedelta(days=31), business_key="pro", now=now
    )
    bots = [chatbots.create(wallet_id=wallet_id, name=f"Bot {n}", model="gpt-4o", now=now) for n in range(5)]
    for bot in bots:
        chatbots.pause(wallet_id=wallet_id, chatbot_id=bot.pk, now=now)

    def act(number: int) -> None:
        if number == len(bots):
            subscriptions.return_to_free(wallet_id=wallet_id, now=now)
            return
        with suppress(ChatbotLimitReached):
            chatbots.resume(wallet_id=wallet_id, chatbot_id=bots[number].pk, now=now)

    run_together(act, range(len(bots) + 1))
    assert selectors.counts(alice.wallet).active == 1
