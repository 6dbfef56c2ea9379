"""The sample customers: a year of believable history that went through the real services."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from billing.models import ApiKey, Grant, Hold, LedgerEntry, Message, SupportRequest, Wallet
from billing.selectors.api_keys import Row
from billing.services import proof
from sandbox import sample_data
from sandbox.sample_data import ALICE, BELLA, BOB, CARLA, SIMON, STELLA, habits, keys, people
from sandbox.sample_data.habits import Habits

LEAP_DAY = datetime(2028, 2, 29, 15, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker, stripe) -> Iterator[list[people.Person]]:
    """The sample data as it is loaded on a leap day, for all tests of this module; gone afterwards."""
    with django_db_blocker.unblock(), stripe(LEAP_DAY), transaction.atomic():
        yield sample_data.load(now=LEAP_DAY)
        transaction.set_rollback(True)


@pytest.fixture
def wallets(loaded, db) -> dict[str, Wallet]:
    return {wallet.owner.name.split()[0]: wallet for wallet in Wallet.objects.select_related("owner")}


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo's key is kept, away from a demo that runs here."""
    monkeypatch.setattr(keys, "KEY_FILE", tmp_path / "api_key")
    return tmp_path / "api_key"


def kinds(wallet: Wallet) -> set[str]:
    return set(wallet.entries.values_list("kind", flat=True))


def test_the_books_of_a_whole_year_are_proven(loaded: list[people.Person], wallets: dict[str, Wallet]) -> None:
    assert loaded == [STELLA, SIMON, BELLA, ALICE, BOB, CARLA]
    assert [str(difference) for difference in proof.prove()] == []
    assert 4_000 < LedgerEntry.objects.count() < 8_000
    for wallet in wallets.values():
        assert wallet.entries.earliest("sequence").posted_at <= LEAP_DAY - timedelta(days=365)
        assert wallet.last_posted_at <= LEAP_DAY
        assert wallet.next_due_at > LEAP_DAY


def test_alice_is_on_free_and_has_little_left(wallets: dict[str, Wallet]) -> None:
    wallet = wallets["Alice"]
    assert (wallet.subscription.plan_id, wallet.available, wallet.warning_level) == ("free", 12_400, 1)
    assert wallet.notices.filter(cycle=wallet.cycle, level=1, dismissed_at=None).exists()
    assert wallet.notices.filter(level=3).exists(), "she ran out once"
    assert wallet.cycle == 13


def test_bob_is_on_pro_with_monthly_credits_and_packs(wallets: dict[str, Wallet]) -> None:
    wallet = wallets["Bob"]
    assert wallet.subscription.plan_id == "pro"
    assert wallet.cycle == 14
    grants = wallet.grants.filter(closed_at=None)
    assert {grant.source for grant in grants} >= {Grant.Source.ALLOWANCE, Grant.Source.PURCHASE}
    assert 2_000_000 < wallet.head_left < 5_000_000, "in the middle of his cycle"
    assert wallet.available > 5_000_000
    assert wallet.notices.filter(level=2).exists(), "he was nearly out of credits, and bought a pack"
    assert wallet.grants.filter(source=Grant.Source.PURCHASE).count() >= 2
    assert {"grant", "charge", "hold", "capture", "release", "expiry"} == kinds(wallet)
    note = LedgerEntry.objects.get(wallet=wallet, note__isnull=False).note
    assert note.reason.startswith("Goodwill")
    assert note.author.email == STELLA.email


def test_the_past_is_told_in_the_app_and_mailed_to_nobody(wallets: dict[str, Wallet]) -> None:
    messages = Message.objects.filter(wallet=wallets["Bob"])
    kinds = set(messages.values_list("kind", flat=True))
    assert {"plan_started", "cycle_reset", "pack_receipt", "low_credits"} <= kinds
    assert not messages.filter(mail="waiting", raised_at__lt=LEAP_DAY - timedelta(days=1)).exists()
    assert not messages.filter(mail="sent").exists()


def test_carlas_contract_records_everything_and_burns_nothing(wallets: dict[str, Wallet]) -> None:
    wallet = wallets["Carla"]
    assert (wallet.subscription.plan_id, wallet.unlimited, wallet.warning_level) == ("enterprise", True, 0)
    assert wallet.cycle == 14
    assert sum(wallet.entries.values_list("cost", flat=True)) > 40_000_000
    assert not wallet.entries.filter(kind="charge").exclude(available_change=0).exists()


def test_usage_comes_from_many_features_and_sources(wallets: dict[str, Wallet]) -> None:
    for name, features, sources in (("Bob", 13, 5), ("Carla", 12, 7)):
        usage = wallets[name].daily_usage
        assert usage.values("feature").distinct().count() >= features
        assert usage.values("source").distinct().count() >= sources
        assert usage.values("used_on").distinct().count() > 200
    assert Hold.objects.filter(status=Hold.Status.RELEASED).count() > 5
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()
    assert wallets["Carla"].chatbots.count() == 3


def test_bob_has_chatbots_that_answer_one_that_rests_and_one_that_is_gone(wallets: dict[str, Wallet]) -> None:
    bots = wallets["Bob"].chatbots.order_by("pk")
    assert [bot.state for bot in bots] == ["active", "active", "deleted", "paused"]
    for bot in bots:
        assert wallets["Bob"].daily_usage.filter(source=bot.source).exists()


def test_bob_has_two_keys_of_his_own_and_has_just_replaced_one(wallets: dict[str, Wallet]) -> None:
    rows = [Row(key, key.state(now=LEAP_DAY)) for key in ApiKey.objects.exclude(wallet=None).order_by("pk")]
    assert {row.key.wallet for row in rows} == {wallets["Bob"]}
    assert [(row.key.name, row.state) for row in rows] == [
        ("Monthly report", ApiKey.State.ENDING),
        ("Monthly report", ApiKey.State.ACTIVE),
        ("Price check", ApiKey.State.ACTIVE),
    ]


def test_staff_find_two_questions_that_wait_and_one_that_was_answered(wallets: dict[str, Wallet]) -> None:
    asked = SupportRequest.objects.order_by("level")
    assert [(each.level, each.wallet.owner.name, each.answered_at is None) for each in asked] == [
        ("basic", "Alice Moreau", True),
        ("dedicated", "Carla Weiss", True),
        ("priority", "Bob Tanaka", False),
    ]


def test_they_can_sign_in_and_three_are_staff_with_a_second_step(loaded, db) -> None:
    for person in people.EVERYBODY:
        user = User.objects.get(email=person.email)
        assert user.check_password(people.PASSWORD)
        assert people.can_sign_in(person)
        assert (user.is_staff, user.is_superuser) == (person.is_staff, person is STELLA)
        assert [group.name for group in user.groups.all()] == ([person.group] if person.group else [])
        assert user.authenticator_set.filter(type="totp").exists() == person.is_staff
    assert authenticate(email=ALICE.email, password=people.PASSWORD) is not None


def test_loading_again_changes_nothing_and_prints_the_table_again(loaded, db, key_file: Path) -> None:
    before = (LedgerEntry.objects.count(), User.objects.count(), Grant.objects.count())
    told = StringIO()
    call_command("load_sample_data", stdout=told)
    assert (LedgerEntry.objects.count(), User.objects.count(), Grant.objects.count()) == before
    for person in people.EVERYBODY:
        assert person.email in told.getvalue()
    assert people.PASSWORD in told.getvalue()
    assert "/admin/" in told.getvalue()
    assert "/sandbox/authenticator/" in told.getvalue()


def test_the_key_of_the_demo_is_told_each_time_and_replaced_only_when_it_is_lost(loaded, db, key_file: Path) -> None:
    now = timezone.now()
    token = keys.find_or_make(now=now)
    assert keys.find_or_make(now=now) == keys.kept() == token
    assert key_file.stat().st_mode & 0o077 == 0
    told = StringIO()
    call_command("load_sample_data", stdout=told)
    bob = Wallet.objects.get(owner__email=BOB.email)
    assert f"CLEVER_WALLET={bob.pk} CLEVER_KEY={token}" in told.getvalue()

    key_file.unlink()
    other = keys.find_or_make(now=now)

    assert other != token
    assert [key.is_live(now=now) for key in ApiKey.objects.filter(wallet=None).order_by("pk")] == [False, True]
    key_file.write_text("clv_live_00000000_of-another-database")
    assert keys.find_or_make(now=now) not in (token, other)


def test_the_page_of_codes_shows_the_one_that_is_asked_for_now(loaded, db, client) -> None:
    step = Authenticator.objects.get(user__email=BELLA.email, type="totp").wrap()
    with patch("time.time", return_value=time.time()):  # the code changes each half minute
        page = client.get("/sandbox/authenticator/")
        code = next(row.code for row in page.context["codes"] if row.user.email == BELLA.email)
        assert step.validate_code(code)
    assert code in page.content.decode()
    assert {row.user.email for row in page.context["codes"]} == {STELLA.email, SIMON.email, BELLA.email}


def test_the_same_moment_gives_the_same_year() -> None:
    usual = Habits(weights={"gpt-4o": 1, "web-search": 1})
    span = (ZoneInfo("Europe/Berlin"), LEAP_DAY - timedelta(days=366), LEAP_DAY)
    year = list(habits.sittings(usual, Random("x"), *span))
    assert year == list(habits.sittings(usual, Random("x"), *span))
    times = [at for sitting in year for at, _ in sitting]
    assert times == sorted(times)
    assert max(times) < LEAP_DAY
    weekend = sum(at.weekday() >= 5 for at in times)
    assert 0 < weekend < len(times) / 10
