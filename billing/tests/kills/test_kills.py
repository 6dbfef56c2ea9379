"""G5: killed at every step, the books are whole, trying again finishes, and nothing happens twice."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest
from django.db import connection
from psycopg import Connection

from billing.models import Wallet
from billing.services import proof
from billing.tests.kills.mortal import End, live
from billing.tests.kills.sales import AT_THE_TILL, Selling
from billing.tests.kills.stories import AT_THE_METER, ManyCharges, QuickCapture, QuickCharge, QuickHold, Story
from billing.tests.stripe.shop import Shop

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

LONG = [pytest.mark.long, pytest.mark.timeout(7_200)]
EACH = [5, pytest.param(None, marks=LONG, id="all")]

WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))"
#: What others can notice: the second word of such a moment.
NOTICED = {"COMMIT", "the", "Stripe's"}


def dies(begin: Callable[[int], Story], deaths: int | None, shop: Shop | None = None) -> None:
    """Tell a story without a death, then once for each of so many of its moments, or for all."""
    undisturbed = begin(0)
    before = undisturbed.state()
    told = live(undisturbed.act, shop=shop)
    done = undisturbed.state()
    assert not told.was_killed
    assert done != before, "the act changes something"
    assert undisturbed.retry() == told.answer
    if undisturbed.is_whole:
        assert undisturbed.state() == done, "repeated, it changes nothing more"
    done = undisturbed.state()
    undisturbed.end()
    for number in chosen(told.moments, deaths):
        story = begin(number)
        die_and_try_again(story, number, shop, told, before, done)
        story.end()


def chosen(moments: Sequence[str], deaths: int | None) -> list[int]:
    """Return the numbers of all moments, or of so many at least: around what others notice, then evenly spread."""
    numbers = range(1, len(moments) + 1)
    if deaths is None:
        return list(numbers)
    noticed = {number for number in numbers if moments[number - 1].split()[1] in NOTICED}
    return sorted(noticed | set(numbers[:: max(1, len(numbers) // deaths)]))


def die_and_try_again(story: Story, number: int, shop: Shop | None, told: End, before: object, done: object) -> None:
    where = f"{type(story).__name__}, killed at moment {number}, {told.moments[number - 1]}"
    assert story.state() == before, where
    assert live(story.act, dies_at=number, shop=shop).was_killed, where
    assert proof.prove() == [], where
    if story.is_whole:
        assert story.state() in (before, done), where
    assert story.retry() == told.answer, where
    assert story.state() == done, where


@pytest.mark.parametrize("deaths", EACH)
@pytest.mark.parametrize("story", AT_THE_METER)
def test_a_use_killed_anywhere_is_whole_and_happens_once(story: type[Story], deaths: int | None, now: datetime) -> None:
    dies(lambda number: story(number, now).begin(), deaths)


@pytest.mark.parametrize("deaths", EACH)
@pytest.mark.parametrize("story", AT_THE_TILL)
def test_a_sale_killed_anywhere_is_whole_and_happens_once(
    story: type[Selling], deaths: int | None, stripe: Shop
) -> None:
    dies(lambda number: story(number, stripe.now(), stripe).begin(), deaths, stripe)


@pytest.mark.parametrize("deaths", [5, pytest.param(50, marks=LONG)])
@pytest.mark.parametrize("story", [QuickCharge, ManyCharges, QuickHold, QuickCapture])
def test_a_use_whose_caller_dies_while_it_waits_happens_once(story: type[Story], deaths: int, now: datetime) -> None:
    """The statement is on its way: PostgreSQL carries it out for nobody."""
    undisturbed = story(0, now).begin()
    told = undisturbed.act()
    for number in range(1, deaths + 1):
        one = story(number, now).begin()
        with occupied(one.wallet) as (occupant, is_waited_for):

            def kill(pid: int, occupant: Connection = occupant, wait: Callable[[], None] = is_waited_for) -> None:
                wait()
                os.kill(pid, signal.SIGKILL)
                occupant.rollback()

            assert live(one.act, meanwhile=kill).was_killed
        assert one.act() == told
        assert one.state() == undisturbed.state()
    assert proof.prove() == []


@contextmanager
def occupied(wallet: Wallet) -> Iterator[tuple[Connection, Callable[[], None]]]:
    """Hold a wallet's lock in a session of its own; yield it, and what waits until another waits for it."""
    with connection.Database.connect(**connection.get_connection_params()) as occupant:
        occupant.execute("SELECT FROM billing_wallet WHERE id = %s FOR UPDATE", [wallet.pk])

        def wait() -> None:
            while not occupant.execute(WAITING, [occupant.info.backend_pid]).fetchone():
                pass

        yield occupant, wait
