"""The time machine: its books are proven, come out the same for a seed, and don't depend on beat (G12)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from billing.models import Grant, LedgerEntry
from billing.periods import period_start
from sandbox.management.commands import simulate
from sandbox.simulation import Plan, Simulation, people, simulated
from sandbox.simulation.beat import outages
from sandbox.simulation.books import canonical, fingerprint
from sandbox.simulation.database import PREFIX
from sandbox.simulation.habits import nights_of_change
from sandbox.simulation.life import Life
from sandbox.simulation.people import EVERYBODY, Person, cast_of
from sandbox.simulation.verdict import differences

START = datetime(2027, 1, 31, tzinfo=UTC)
WAYS = {
    "one beat": {"beats": 1},
    "no beat": {"beats": 0},
    "two beats": {"beats": 2},
    "five beats": {"beats": 5},
    "6 h without beat": {"outages": [timedelta(hours=6)]},
    "3 days without beat": {"outages": [timedelta(days=3)]},
    "40 days without beat": {"outages": [timedelta(days=40)]},
}
SMALL_LIVES, LONG_LIVES = 9, 143  # times seven ways: 63 and 1,001 simulations


@contextmanager
def lived(plan: Plan) -> Iterator[Simulation]:
    """Simulate, and take everything back afterwards."""
    with transaction.atomic():
        yield simulated(plan)
        transaction.set_rollback(True)


def quieter(person: Person) -> Person:
    """Return somebody to whom the same things happen, and who does a quarter of the rest."""
    habits = replace(person.habits, sittings_a_day=person.habits.sittings_a_day / 4)
    return replace(person, habits=habits, extras={kind: chance / 4 for kind, chance in person.extras.items()})


def cast_for(seed: int, *, people: int) -> list[Person]:
    """Return so many people, other ones for each of eight seeds."""
    return [quieter(EVERYBODY[(seed + 3 * further) % len(EVERYBODY)]) for further in range(people)]


def check_that_beat_changes_nothing(seed: int, *, people: int) -> None:
    plan = Plan(start=START, months=2, seed=seed, cast=cast_for(seed, people=people), step=timedelta(days=1))
    books, packs = {}, {}
    for way, options in WAYS.items():
        with lived(replace(plan, **options)) as simulation:
            assert differences(simulation) == [], way
            books[way] = canonical(simulation.lives)
            packs[way] = list(
                Grant.objects.filter(source="purchase").order_by("pk").values_list("amount", "expires_at", "taken_back")
            )
    for way in WAYS:
        assert books[way] == books["no beat"], way
        assert packs[way] == packs["no beat"], way


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(SMALL_LIVES))
def test_beats_and_outages_of_beat_leave_the_same_books(seed: int) -> None:
    check_that_beat_changes_nothing(seed, people=1)


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(1_000, 1_000 + LONG_LIVES))
def test_beats_and_outages_of_beat_leave_the_same_books_in_many_lives(seed: int) -> None:
    check_that_beat_changes_nothing(seed, people=2)


@pytest.mark.django_db
def test_the_same_seed_gives_the_same_books_and_another_seed_others() -> None:
    plan = Plan(start=START, months=1, seed=3, cast=cast_for(3, people=2))
    prints = []
    for seed in (3, 3, 4):
        with lived(replace(plan, seed=seed)) as simulation:
            prints.append(fingerprint(simulation.lives))
    assert prints[0] == prints[1] != prints[2]


def test_a_cast_can_be_larger_than_everybody() -> None:
    cast = cast_of(19)
    assert len({person.name for person in cast}) == len(cast)
    assert [person.name for person in cast[:8]] == [person.name for person in EVERYBODY]


@pytest.mark.parametrize(
    ("zone", "nights"),
    [
        ("Europe/Berlin", [date(2027, 3, 28), date(2027, 10, 31), date(2028, 3, 26)]),
        ("America/New_York", [date(2027, 3, 14), date(2027, 11, 7), date(2028, 3, 12)]),
        ("Asia/Kathmandu", []),
    ],
)
def test_the_nights_in_which_clocks_change_are_known(zone: str, nights: Sequence[date]) -> None:
    assert list(nights_of_change(ZoneInfo(zone), START, period_start(START, 14))) == nights


def test_an_outage_begins_an_hour_before_a_reset() -> None:
    (down,) = outages([timedelta(hours=6)], start=START, months=14, seed=1)
    boundaries = [period_start(START, number) for number in range(1, 14)]
    assert down.starts_at + timedelta(hours=1) in boundaries
    assert down.ends_at - down.starts_at == timedelta(hours=6)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("meddle", "found"),
    [
        ("billing_wallet SET available = available + 1", "available is the sum of its entries"),
        ("billing_purchase SET cents = cents + 1", "Stripe took"),
        ("billing_refund SET cents = cents + 1", "refunds repaired"),
        ("billing_grant SET effective_at = effective_at + interval '1 day' WHERE source = 'allowance'", "Free months"),
        ("billing_grant SET expires_at = '2099-12-31' WHERE source = 'purchase'", "packs have expired"),
        ("billing_grant SET source = 'promotional' WHERE source = 'allowance'", "Free months"),
        ("billing_wallet SET next_due_at = '2027-01-31'", "wallets are due"),
        ("billing_stripeevent SET status = 'failed'", "events aren't handled"),
        ("billing_message SET mail = 'waiting', next_attempt_at = '2027-01-31', sent_at = NULL", "mails weren't sent"),
    ],
)
def test_books_that_were_meddled_with_are_not_proven(meddle: str, found: str) -> None:
    with lived(Plan(start=START, months=1, seed=5, cast=[quieter(EVERYBODY[1])])) as simulation:
        assert differences(simulation) == []
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # past the books' own guards
            cursor.execute(f"UPDATE {meddle}")
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        assert any(found in difference for difference in differences(simulation))


@pytest.mark.parametrize("text", ["6", "h", "0d", "-3d", "3w", "3.5d"])
def test_a_length_of_time_is_hours_or_days(text: str) -> None:
    with pytest.raises(simulate.ArgumentTypeError):
        simulate.length(text)
    assert simulate.length("40d") == timedelta(days=40)


def databases() -> set[str]:
    """Return the databases of simulations that there are on the server."""
    settings = connection.get_connection_params() | {"dbname": "postgres"}
    with psycopg.connect(
        **{name: settings[name] for name in ("host", "port", "user", "password", "dbname") if settings.get(name)}
    ) as server:
        return {name for (name,) in server.execute("SELECT datname FROM pg_database") if name.startswith(PREFIX)}


def command(*options: str) -> list[str]:
    return [sys.executable, "manage.py", "simulate", "--people", "1", "--quiet", *options]


@pytest.mark.processes
def test_the_command_proves_its_books_and_leaves_nothing() -> None:
    before = databases()
    done = subprocess.run(command("--months", "1"), capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "books proven"
    assert databases() <= before


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing(number: signal.Signals) -> None:
    with subprocess.Popen(
        command("--months", "14"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        name = f"{PREFIX}{process.pid}"
        while name not in databases():
            assert process.poll() is None
        os.kill(process.pid, number)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in complaint
    assert name not in databases()


def _steal(life: Life) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_wallet SET available = available + 1")


@pytest.mark.processes
def test_a_difference_ends_the_command_with_an_error(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = replace(quieter(EVERYBODY[2]), plot=lambda life: life.on(9, 9, partial(_steal, life)))
    monkeypatch.setattr(people, "EVERYBODY", (thief,))
    with django_db_blocker.unblock(), pytest.raises(CommandError, match="don't add up") as refusal:
        call_command("simulate", months=1, people=1, quiet=True)
    assert refusal.value.returncode == 1


@pytest.mark.long
@pytest.mark.django_db
def test_fourteen_months_of_everybody_are_proven_over_leap_day_and_both_changes_of_clocks() -> None:
    with lived(Plan(start=START, months=14, seed=7)) as simulation:
        assert differences(simulation) == []
        assert Grant.objects.filter(source="allowance", effective_at=datetime(2028, 2, 29, tzinfo=UTC)).exists()
        assert LedgerEntry.objects.filter(used_on="2028-02-29").exists()
        assert LedgerEntry.objects.filter(key__contains=":night:2027-03-28").exists()
        assert LedgerEntry.objects.filter(key__contains=":night:2027-10-31").exists()
        assert simulation.machine.now() == period_start(START, 14)
