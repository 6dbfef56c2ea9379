"""Live traffic moves the sample customers' balances, and never uses anybody up."""

import random
import threading
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import metering
from billing.models import Grant, Hold, Wallet
from billing.services import chatbots, proof, subscriptions
from billing.tests.keys import service_key
from billing.tests.people import begin_paid_cycle
from sandbox.backend import Backend
from sandbox.sample_data import BOB, CARLA
from sandbox.traffic import Clock, Traffic


class Impatient(threading.Event):
    """An event that nobody waits for; it is set after some looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is None or 0 < timeout <= 3
        return False


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def bob(db, now: datetime) -> Wallet:
    wallet = User.objects.create_user(BOB.email, joined_at=now).wallet
    month = timedelta(days=30)
    begin_paid_cycle(
        wallet_id=wallet.pk, plan="pro", starts_at=now, ends_at=now + month, business_key="line:1", now=now
    )
    chatbots.create(wallet_id=wallet.pk, name="Helper", model="gpt-4o-mini", now=now)
    wallet.refresh_from_db()
    return wallet


@pytest.fixture
def carla(db, now: datetime) -> Wallet:
    wallet = User.objects.create_user(CARLA.email, joined_at=now).wallet
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
    return wallet


def traffic(looks: int = 0, clock: Clock = timezone.now) -> Traffic:
    return Traffic(clock=clock, rng=random.Random(7), stopped=Impatient(looks))


def test_both_customers_are_charged_in_several_ways(bob: Wallet, carla: Wallet) -> None:
    traffic(120).run()
    for wallet in (bob, carla):
        features = set(wallet.daily_usage.values_list("feature", flat=True))
        assert {"chatbot-message", "workflow-execution"} & features
        assert wallet.entries.filter(kind="capture").exists()
    before = bob.available
    bob.refresh_from_db()
    assert 0 < before - bob.available < 100_000
    assert proof.prove() == []


@pytest.mark.django_db(transaction=True)
def test_part_of_it_goes_through_the_api(
    live_server: LiveServer, bob: Wallet, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    stella = User.objects.create_user("stella@example.com", joined_at=now)
    made = service_key(stella, now=now)
    backend = Backend(live_server.url, made.token)

    Traffic(clock=timezone.now, rng=random.Random(7), stopped=Impatient(40), backend=backend).run()

    backend.close()
    by_key = bob.entries.filter(source=made.key.source)
    assert set(by_key.values_list("kind", flat=True)) == {"charge", "hold", "capture"}
    assert bob.entries.filter(source="app").exists()
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()


def test_a_server_that_is_away_is_no_trouble(bob: Wallet) -> None:
    backend = Backend("http://127.0.0.1:9", "clv_live_00000000_none")
    Traffic(clock=timezone.now, rng=random.Random(7), stopped=Impatient(12), backend=backend).run()
    backend.close()
    assert bob.entries.filter(kind="charge").exists()


def test_it_leaves_no_hold_open_when_it_stops(bob: Wallet, carla: Wallet) -> None:
    for looks in range(1, 25):
        traffic(looks).run()
    assert Hold.objects.exists()
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()


def test_who_is_low_gets_one_gift_a_day_and_then_rests(bob: Wallet, now: datetime) -> None:
    busy = traffic(clock=lambda: now)
    for round_ in range(2):
        left_over = bob.available - 1_400_000
        metering.charge(wallet=bob, feature="gpt-4o-mini", quantity=left_over, key=f"spree:{round_}", now=now)
        busy.step(BOB.email)
        bob.refresh_from_db()
        assert bob.available == (2_400_000, 1_400_000)[round_]
    gift = bob.grants.get(source=Grant.Source.PROMOTIONAL)
    assert gift.expires_at - gift.effective_at <= timedelta(days=1, seconds=1)


def test_without_sample_data_nothing_happens(db) -> None:
    traffic(6).run()
    assert not Wallet.objects.exists()


def test_a_suspended_customer_rests(bob: Wallet) -> None:
    Wallet.objects.filter(pk=bob.pk).update(suspended_at=timezone.now())
    sequence = bob.sequence
    traffic(20).run()
    bob.refresh_from_db()
    assert bob.sequence == sequence


def test_it_waits_for_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    class Shaky(Traffic):
        tried = 0

        def step(self, email: str) -> None:
            self.tried += 1
            if self.tried < 4:
                raise OperationalError("server closed the connection unexpectedly")

    shaky = Shaky(clock=timezone.now, rng=random.Random(7), stopped=Impatient(6))
    shaky.run()
    assert shaky.tried == 6
    assert caplog.text.count("The database is away") == 3
