"""Whether the clockwork runs in time, by the right clock and in a fair order."""

import logging
import time
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from billing import tasks
from billing.models import Heartbeat, Message, StripeEvent, Wallet
from billing.services import clockwork
from billing.tests.people import FREE_ALLOWANCE, books, planless_wallet, sign_up
from billing.tests.stripe.shop import Shop

NAMES = [each.task for each in settings.PERIODIC_TASKS]
RESET = datetime(2025, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    """Half past nine on a Monday in March, UTC."""
    return datetime(2025, 3, 10, 9, 30, tzinfo=UTC)


@pytest.fixture
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lives a month and a day ahead of the database."""
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 32 * DAY.total_seconds())


def grow_old(task: str, age: timedelta) -> None:
    Heartbeat.objects.filter(pk=task).update(beat_at=F("beat_at") - age)


class TestTheSchedule:
    def test_every_task_in_it_exists_and_says_why(self) -> None:
        for each in settings.PERIODIC_TASKS:
            assert callable(getattr(tasks, each.task)), each.task
            assert len(each.why) > 10

    def test_celery_s_beat_sends_exactly_these(self) -> None:
        assert list(settings.CELERY_BEAT_SCHEDULE) == NAMES
        assert [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()] == [
            f"billing.tasks.{name}" for name in NAMES
        ]

    def test_what_looks_for_lost_work_runs_each_minute_and_money_is_reconciled_each_hour(self) -> None:
        often = {each.task: each.every for each in settings.PERIODIC_TASKS}
        assert often.pop("reconcile_with_stripe") == timedelta(hours=1)
        assert often.pop("tell_of_expiring_credits") == timedelta(hours=1)
        assert often.pop("close_days") == often.pop("expire_proposals") == timedelta(hours=1)
        assert (often.pop("prove_books"), often.pop("forget_expired")) == (DAY, DAY)
        assert set(often.values()) == {timedelta(minutes=1)}

    def test_a_worker_that_was_away_does_not_make_up_for_every_run_it_missed(self) -> None:
        for name, each in settings.CELERY_BEAT_SCHEDULE.items():
            assert 300 <= each["options"]["expires"] <= DAY.total_seconds(), name


@pytest.mark.django_db
class TestHeartbeats:
    def test_each_task_that_runs_by_itself_writes_one_when_it_ended_well(
        self, stripe: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clockwork, "clock_error", lambda: timedelta(0))
        assert clockwork.late() == NAMES
        for name in NAMES:
            getattr(tasks, name)()
        assert clockwork.late() == []
        assert {each.task: each.outcome for each in clockwork.beats()} == {
            "settle_due_wallets": "Wallets settled: 0.",
            "sweep_messages": "Mails tried: 0.",
            "sweep_stripe_events": "Events tried: 0.",
            "finish_refunds": "Refunds asked for: 0.",
            "send_contract_requests": "Requests mailed: 0.",
            "sweep_exports": "Exports to write: 0.",
            "sweep_farewells": "Farewells tried: 0.",
            "sweep_returns": "Returns of charges to go on with: 0.",
            "write_heartbeat": "The worker's clock is off by so many seconds: 0.",
            "reconcile_with_stripe": "Left for a person: 0.",
            "tell_of_expiring_credits": "Owners told that credits expire: 0.",
            "close_days": "Days written: 0.",
            "forget_expired": "Forgotten: 0.",
            "expire_proposals": "Proposals that nobody has decided in time: 0.",
            "prove_books": "Differences: 0.",
        }
        assert {each.figure for each in clockwork.beats()} == {0}

    def test_one_that_fails_writes_none(self) -> None:
        @tasks.task("Done: {}.")
        def fail_halfway() -> int:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert not Heartbeat.objects.exists()

    def test_a_hint_is_no_run_of_the_clockwork(self, alice: User) -> None:
        tasks.finish_refunds(10**9)
        tasks.handle_stripe_event(10**9)
        tasks.send_message(10**9)
        assert not Heartbeat.objects.exists()

    @pytest.mark.parametrize(
        ("task", "in_time", "late"),
        [
            ("settle_due_wallets", timedelta(minutes=5, seconds=50), timedelta(minutes=6, seconds=10)),
            ("reconcile_with_stripe", timedelta(minutes=74), timedelta(minutes=76)),
            ("prove_books", timedelta(hours=29), timedelta(hours=31)),
        ],
    )
    def test_they_are_late_when_the_next_run_is_overdue(self, task: str, in_time: timedelta, late: timedelta) -> None:
        for name in NAMES:
            clockwork.beat(task=name, outcome="")
        grow_old(task, in_time)
        assert clockwork.late() == []
        grow_old(task, late - in_time)
        assert clockwork.late() == [task]

    def test_a_daily_task_is_not_late_before_its_first_day_is_over(self) -> None:
        tasks.write_heartbeat()
        assert clockwork.late() == []
        assert {each.outcome for each in clockwork.beats() if each.task != "write_heartbeat"} == {"has not run yet"}
        grow_old("prove_books", timedelta(hours=31))
        tasks.write_heartbeat()
        assert clockwork.late() == ["prove_books"]

    def test_the_last_one_counts(self) -> None:
        clockwork.beat(task="prove_books", outcome="first")
        grow_old("prove_books", 3 * DAY)
        clockwork.beat(task="prove_books", outcome="second" * 100)
        (row,) = Heartbeat.objects.all()
        assert (row.outcome[:6], len(row.outcome)) == ("second", 200)
        assert "prove_books" not in clockwork.late()


class TestAWrongClock:
    def test_nothing_is_settled_early_and_one_line_says_why(
        self, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(clockwork, "clock_error", lambda: 32 * DAY)
        with (
            patch("django.utils.timezone.now", return_value=RESET + DAY),
            caplog.at_level(logging.WARNING, logger="billing.tasks"),
        ):
            assert tasks.settle_due_wallets() == 0
        assert [record.getMessage() for record in caplog.records] == [
            "settle_due_wallets does nothing here: this machine's clock is 2,764,800 seconds ahead of the database's."
        ]
        assert [kind for kind, *_ in books(alice.wallet)] == ["grant"]
        assert clockwork.late() == NAMES

    def test_a_clock_that_goes_wrong_during_a_run_ends_it(
        self, db: None, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(6):
            sign_up(f"person{number}", at=now)
        due, right = Wallet.objects.filter(next_due_at__lte=RESET), time.time
        monkeypatch.setattr(time, "time", lambda: right() + (0 if due.count() > 3 else 301))
        monkeypatch.setattr(tasks, "BATCH", 3)
        with patch("django.utils.timezone.now", return_value=RESET):
            tasks.settle_due_wallets()
        assert due.count() == 3
        assert not Heartbeat.objects.exists()

    def test_hints_are_left_to_other_machines(self, alice: User, wrong_clock: None) -> None:
        message = Message.objects.create(
            wallet=alice.wallet, kind="welcome", key="welcome", raised_at=timezone.now(), next_attempt_at=timezone.now()
        )
        event = StripeEvent.objects.create(
            stripe_event_id="evt_1",
            type="invoice.created",
            payload={},
            next_attempt_at=timezone.now(),
            occurred_at=timezone.now(),
            received_at=timezone.now(),
        )
        assert (tasks.send_message(message.pk), tasks.handle_stripe_event(event.pk)) == (0, 0)
        message.refresh_from_db()
        event.refresh_from_db()
        assert (message.mail, message.attempts) == ("waiting", 0)
        assert (event.status, event.attempts) == ("pending", 0)

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_five_minutes_are_borne_and_no_more(self, db: None, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
        right, borne = time.time, seconds * 0.97
        monkeypatch.setattr(time, "time", lambda: right() + borne)
        assert clockwork.require_right_clock().total_seconds() == pytest.approx(borne, abs=8)
        monkeypatch.setattr(clockwork, "clock_error", lambda: timedelta(seconds=seconds))
        with pytest.raises(clockwork.WrongClock, match="301 seconds"):
            clockwork.require_right_clock()


class TestDueWallets:
    def test_who_has_waited_longest_comes_first(self, alice: User, bob: User) -> None:
        Wallet.objects.filter(pk=alice.wallet.pk).update(next_due_at=RESET)
        Wallet.objects.filter(pk=bob.wallet.pk).update(next_due_at=RESET - DAY)
        due = clockwork.due_wallets(now=RESET, after=None, limit=10)
        assert due == [(RESET - DAY, bob.wallet.pk), (RESET, alice.wallet.pk)]
        assert clockwork.due_wallets(now=RESET, after=due[0], limit=10) == due[1:]
        assert clockwork.due_wallets(now=RESET - DAY, after=None, limit=10) == due[:1]

    def test_pages_go_through_all_who_are_due_at_the_same_moment(self, db: None, now: datetime) -> None:
        wallets = [sign_up(f"person{number}", at=now).wallet.pk for number in range(7)]
        found, after = [], None
        while due := clockwork.due_wallets(now=RESET, after=after, limit=2):
            found += [wallet_id for _, wallet_id in due]
            after = due[-1]
        assert found == wallets

    def test_one_that_can_not_be_settled_keeps_no_other_waiting(
        self, bob: User, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planless_wallet(at=now - DAY)
        monkeypatch.setattr(tasks, "BATCH", 1)
        with patch("django.utils.timezone.now", return_value=RESET):
            assert tasks.settle_due_wallets() == 1
        assert books(bob.wallet)[-1][:2] == ("grant", FREE_ALLOWANCE)

    def test_a_run_ends_before_the_next_begins_and_the_next_goes_on(self, db: None, now: datetime) -> None:
        for number in range(8):
            sign_up(f"person{number}", at=now)
        moments = (RESET + timedelta(seconds=5 * step) for step in range(10**6))
        with patch("django.utils.timezone.now", side_effect=lambda: next(moments)):
            first = tasks.settle_due_wallets()
            assert 1 <= first < 8
            left = 8 - first
            while left:
                settled = tasks.settle_due_wallets()
                assert settled
                left -= settled
        assert not Wallet.objects.filter(next_due_at__lte=RESET).exists()


@pytest.mark.django_db
class TestWhatIsLeftLying:
    def test_mails_and_wallets_that_wait_for_more_than_five_minutes(self, alice: User) -> None:
        Wallet.objects.update(next_due_at=timezone.now() + DAY)
        message = Message.objects.create(
            wallet=alice.wallet, kind="welcome", key="welcome", raised_at=timezone.now(), next_attempt_at=timezone.now()
        )
        assert clockwork.overdue() == {}
        Message.objects.filter(pk=message.pk).update(next_attempt_at=timezone.now() - timedelta(minutes=6))
        Wallet.objects.update(next_due_at=timezone.now() - timedelta(minutes=6))
        assert clockwork.overdue() == {"wallets with something due": 1, "mails not sent": 1}


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (timedelta(minutes=1), "minute"),
        (timedelta(hours=1), "hour"),
        (DAY, "day"),
        (timedelta(seconds=30), "30 seconds"),
        (timedelta(hours=6), "6 hours"),
    ],
)
def test_intervals_are_told_in_words(every: timedelta, words: str) -> None:
    assert clockwork.Beat("task", "why", every, None, None, "").interval == words


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_wallet_that_somebody_else_has_locked_is_left_to_them(alice: User, bob: User) -> None:
    with connection.copy().cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM billing_wallet WHERE id = %s FOR NO KEY UPDATE", [alice.wallet.pk])
        with patch("django.utils.timezone.now", return_value=RESET):
            assert tasks.settle_due_wallets() == 1
        cursor.execute("ROLLBACK")
        cursor.connection.close()
    assert len(books(bob.wallet)) == 3
    assert len(books(alice.wallet)) == 1
    with patch("django.utils.timezone.now", return_value=RESET):
        assert tasks.settle_due_wallets() == 1
