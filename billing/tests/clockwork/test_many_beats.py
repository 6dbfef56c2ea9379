"""However many beats and workers there are: the same books as where people's own first touch settled."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from billing import metering
from billing.models import Message, Wallet
from billing.services import settlement
from billing.tests.clockwork.chores import Chores, customer
from billing.tests.clockwork.machinery import Machinery, until
from billing.tests.people import give

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PEOPLE = 20
GIFT = timedelta(days=3)


def life(name: str, *, at: datetime) -> User:
    """Return a customer who leaves to time a reset, an open hold, a gift that ends and one that begins."""
    user = customer(name, at=at)
    metering.hold(wallet=user.wallet, feature="flux-pro", quantity=1, key="picture", now=at)
    give(user.wallet, 7_000, now=at, source="promotional", key="gift", expires_at=at + GIFT)
    give(user.wallet, 9_000, now=at, source="promotional", key="later", starts_at=at + 2 * GIFT)
    return user


def story(wallet: Wallet) -> list[object]:
    """Return all that the books and messages say, without ids and without when it was posted."""
    entries = wallet.entries.order_by("sequence").values_list(
        "kind", "available_change", "held_change", "cost", "available_after", "cycle", "effective_at"
    )
    grants = wallet.grants.order_by("pk").values_list("source", "amount", "effective_at", "expires_at")
    told = Message.objects.filter(wallet=wallet).order_by("key").values_list("kind", "key")
    wallet.refresh_from_db()
    return [*entries, *grants, *told, wallet.cycle, wallet.next_due_at, wallet.warning_level]


def test_two_beats_and_two_workers_leave_the_books_of_a_first_touch(machinery: Machinery, now: datetime) -> None:
    moments = [now + timedelta(minutes=number) for number in range(PEOPLE)]
    touched = [life(f"touched-{number}", at=moment).wallet for number, moment in enumerate(moments)]
    beaten = [life(f"beaten-{number}", at=moment).wallet for number, moment in enumerate(moments)]
    for wallet in touched:
        settlement.settle(wallet_id=wallet.pk, now=timezone.now())

    for _ in range(2):
        machinery.beat()
        machinery.worker(concurrency=2)
    until(Chores().are_done, "every wallet")

    for wallet, twin in zip(beaten, touched, strict=True):
        assert story(wallet) == story(twin)
    assert len(story(beaten[0])) > 15
