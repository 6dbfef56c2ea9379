"""Three believable customers with a year behind them, and three members of staff.

Their history went through the product's own services, with the clock of each moment: nothing here writes a balance.
"""

import random
from datetime import datetime, timedelta

from billing.models import Message, Wallet
from billing.services import clockwork, settlement
from sandbox.sample_data import keys, people, sales, stories, support
from sandbox.sample_data.people import ALICE, BELLA, BOB, CARLA, SIMON, STELLA, Person

__all__ = ["ALICE", "BELLA", "BOB", "CARLA", "SIMON", "STELLA", "Person", "load"]


def load(*, now: datetime) -> list[Person]:
    """Create whom there isn't yet, with the year before `now`; return who is new.

    The same moment gives the same history. A load that was interrupted goes on where it stopped.
    """
    sales.prepare(now=now)
    clockwork.expect_all()
    new = [person for person in stories.STORIES if not people.can_sign_in(person)]
    password = people.hashed_password() if new else ""
    for person in new:
        story = stories.STORIES[person]
        user = people.find_or_create(person, joined_at=story.joined_at(now), password=password)
        story.tell(user, random.Random(person.email), now)
        settlement.settle(wallet_id=user.wallet.pk, now=now)
        support.ask(person, user, now=now)
        keys.make_own(person, user, now=now)
        _let_mails_be(user.wallet, now=now)
        people.let_sign_in(user)
    for person in stories.STORIES:
        if person.is_staff:
            people.let_work(person)
    return new


def _let_mails_be(wallet: Wallet, *, now: datetime) -> None:
    """Let the mails of a past that never was stay unsent, but for the last day's."""
    past = Message.objects.filter(wallet=wallet, mail=Message.Mail.WAITING, raised_at__lt=now - timedelta(days=1))
    past.update(mail=Message.Mail.OVERTAKEN, next_attempt_at=None, seen_at=now, error="It happened before this demo.")
