"""API keys open what their owner's plan says until they are revoked, replaced or over; nobody else has a copy."""

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import api_tokens
from billing.errors import ApiAccessPaused, InvalidApiKey, InvalidRequest, MeteringError, OwnerHasLeft
from billing.models import ApiKey
from billing.selectors.api_keys import authenticated, page
from billing.services import api_keys, departures, subscriptions
from billing.services.api_keys import NewKey, TooManyApiKeys, UnknownApiKey
from billing.tests.keys import go_pro, key_of, service_key

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def pro(alice: User, now: datetime) -> User:
    """Alice on Pro, whose plan has API access."""
    go_pro(alice, now=now)
    alice.wallet.refresh_from_db()
    return alice


def rotated(user: User, key: ApiKey, *, overlap: timedelta, now: datetime) -> NewKey:
    return api_keys.rotate(
        wallet_id=user.wallet.pk, key_id=key.pk, overlap=overlap, expires_at=None, created_by=user, now=now
    )


def why(token: str, *, now: datetime) -> str:
    with pytest.raises(InvalidApiKey) as refusal:
        authenticated(token, now=now)
    assert token not in str(refusal.value) or not token
    return refusal.value.why


def test_a_new_key_opens_its_owner_s_wallet_with_its_scopes(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now, scopes=("quote", "read"))
    caller = authenticated(made.token, now=now)
    assert (caller.key, caller.wallet, caller.is_service) == (made.key, pro.wallet, False)
    assert caller.scopes == {"read", "quote"}
    assert (made.key.created_by, made.key.created_at, made.key.scopes) == (pro, now, ["read", "quote"])


def test_a_service_s_key_has_no_wallet_and_may_spend(stella: User, now: datetime) -> None:
    caller = authenticated(service_key(stella, now=now).token, now=now)
    assert (caller.wallet, caller.is_service, caller.scopes) == (None, True, {"read", "quote", "spend"})


def test_who_asks_is_known_after_one_question(
    pro: User, stella: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for made in (key_of(pro, now=now), service_key(stella, now=now)):
        with django_assert_num_queries(1):
            caller = authenticated(made.token, now=now)
            if caller.wallet is not None:
                assert (caller.wallet.available, caller.wallet.subscription.plan.name) == (5_000_000, "Pro")


def test_what_is_no_key_asks_the_database_nothing(
    pro: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = key_of(pro, now=now).token
    with django_assert_num_queries(0):
        for text in ("", "Bearer", token[:-1], f"{token}0", token[:-1] + ("a" if token[-1] != "a" else "b")):
            assert why(text, now=now) == "malformed"


def test_a_key_that_nobody_made_is_unknown(pro: User, now: datetime) -> None:
    mine = key_of(pro, now=now)
    body = f"clv_live_{mine.key.prefix}_{'0' * 32}"
    assert why(api_tokens.new().text, now=now) == "unknown"
    assert why(body + api_tokens.checksum(body), now=now) == "unknown", "an id alone opens nothing"


def test_only_a_hash_is_kept(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    secret = made.token.rpartition("_")[2][:32]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(k::text, ' ') FROM billing_apikey k")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert made.key.secret_hash in stored
    assert made.key.secret_hash == api_tokens.hash_of(made.token)
    assert made.token not in f"{made!r} {made.key!r} {made.key}"


def test_no_line_of_the_log_has_a_key(pro: User, now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = key_of(pro, now=now)
    authenticated(made.token, now=now)
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made.key.pk, now=now)
    why(made.token, now=now)
    assert made.token.rpartition("_")[2] not in caplog.text


def test_a_revoked_key_opens_nothing_from_that_moment_on(pro: User, now: datetime) -> None:
    made, other = key_of(pro, now=now), key_of(pro, now=now, name="Other")
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made.key.pk, now=now)
    assert why(made.token, now=now) == "revoked"
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made.key.pk, now=now + HOUR)
    made.key.refresh_from_db()
    assert made.key.revoked_at == now, "once is enough"
    assert authenticated(other.token, now=now).key == other.key


def test_a_key_ends_when_its_time_is_over(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now, expires_at=now + DAY)
    assert authenticated(made.token, now=now + DAY - timedelta(microseconds=1)).key == made.key
    assert why(made.token, now=now + DAY) == "expired"


def test_the_end_of_a_key_can_be_set_and_taken_away_while_it_lives(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now, expires_at=now + DAY)
    mine = {"wallet_id": pro.wallet.pk, "key_id": made.key.pk}
    api_keys.set_expiry(**mine, expires_at=None, now=now)
    assert authenticated(made.token, now=now + 400 * DAY).key == made.key
    with pytest.raises(InvalidRequest, match="lies ahead"):
        api_keys.set_expiry(**mine, expires_at=now, now=now)
    api_keys.set_expiry(**mine, expires_at=now + HOUR, now=now)
    assert why(made.token, now=now + HOUR) == "expired"
    with pytest.raises(InvalidRequest, match="has ended"):
        api_keys.set_expiry(**mine, expires_at=now + 9 * DAY, now=now + HOUR)


def test_a_key_is_replaced_by_one_like_it_while_the_old_one_lives_on(pro: User, now: datetime) -> None:
    old = key_of(pro, now=now, scopes=("read",))
    new = rotated(pro, old.key, overlap=DAY, now=now)
    assert (new.key.name, new.key.scopes) == ("Reports", ["read"])
    for token in (old.token, new.token):
        assert authenticated(token, now=now + DAY - HOUR).wallet == pro.wallet
    assert why(old.token, now=now + DAY) == "expired"
    assert authenticated(new.token, now=now + DAY).key == new.key


def test_a_key_can_be_replaced_at_once(pro: User, now: datetime) -> None:
    old = key_of(pro, now=now)
    new = rotated(pro, old.key, overlap=timedelta(), now=now)
    assert why(old.token, now=now) == "revoked"
    assert authenticated(new.token, now=now).key == new.key


def test_an_overlap_never_makes_the_old_key_live_longer(pro: User, now: datetime) -> None:
    old = key_of(pro, now=now, expires_at=now + HOUR)
    rotated(pro, old.key, overlap=DAY, now=now)
    assert why(old.token, now=now + HOUR) == "expired"
    with pytest.raises(InvalidRequest, match="not later"):
        api_keys.set_expiry(wallet_id=pro.wallet.pk, key_id=old.key.pk, expires_at=now + DAY, now=now)


def test_of_one_name_two_keys_live_at_most(pro: User, now: datetime) -> None:
    old = key_of(pro, now=now)
    new = rotated(pro, old.key, overlap=DAY, now=now)
    with pytest.raises(InvalidRequest, match="replaced already"):
        rotated(pro, old.key, overlap=DAY, now=now)
    with pytest.raises(InvalidRequest, match="two live at most"):
        rotated(pro, new.key, overlap=DAY, now=now)
    with pytest.raises(InvalidRequest, match="works already"):
        key_of(pro, now=now)
    assert ApiKey.objects.count() == 2
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=old.key.pk, now=now)
    newest = rotated(pro, new.key, overlap=DAY, now=now)
    assert authenticated(newest.token, now=now).key == newest.key


@pytest.mark.parametrize("overlap", [-timedelta(seconds=1), timedelta(days=31)])
def test_an_old_key_lives_on_for_thirty_days_at_most(pro: User, now: datetime, overlap: timedelta) -> None:
    old = key_of(pro, now=now)
    with pytest.raises(InvalidRequest, match="30 more days"):
        rotated(pro, old.key, overlap=overlap, now=now)


def test_what_has_ended_is_not_replaced(pro: User, now: datetime) -> None:
    old = key_of(pro, now=now)
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=old.key.pk, now=now)
    with pytest.raises(InvalidRequest, match="has ended"):
        rotated(pro, old.key, overlap=DAY, now=now)


def test_a_smaller_plan_lets_keys_rest_and_a_larger_one_wakes_them(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    subscriptions.return_to_free(wallet_id=pro.wallet.pk, now=now)
    with pytest.raises(ApiAccessPaused):
        authenticated(made.token, now=now)
    with pytest.raises(ApiAccessPaused):
        key_of(pro, now=now, name="Another")
    with pytest.raises(ApiAccessPaused):
        rotated(pro, made.key, overlap=DAY, now=now)
    assert not page(pro.wallet, now=now).has_access
    go_pro(pro, now=now + HOUR)
    assert authenticated(made.token, now=now + HOUR).key == made.key


def test_a_revoked_key_can_be_told_from_one_that_rests(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    subscriptions.return_to_free(wallet_id=pro.wallet.pk, now=now)
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made.key.pk, now=now)
    assert why(made.token, now=now) == "revoked"


def test_a_plan_without_api_access_makes_no_keys(alice: User, now: datetime) -> None:
    with pytest.raises(ApiAccessPaused):
        key_of(alice, now=now)
    found = page(alice.wallet, now=now)
    assert (found.live, found.has_access, found.upgrade and found.upgrade.code) == ([], False, "pro")


def test_somebody_who_was_locked_out_has_no_keys_either(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    User.objects.filter(pk=pro.pk).update(is_active=False)
    assert why(made.token, now=now) == "closed"


def test_whoever_leaves_leaves_no_key_and_no_name_of_one(pro: User, bob: User, now: datetime) -> None:
    go_pro(bob, now=now)
    bobs, made = key_of(bob, now=now, name="Bob's"), key_of(pro, now=now, name="Alice's secret plan")
    departures.leave(wallet_id=pro.wallet.pk, now=now)
    assert why(made.token, now=now) == "revoked"
    made.key.refresh_from_db()
    assert (made.key.name, made.key.created_by) == ("API key", None)
    assert authenticated(bobs.token, now=now).key.name == "Bob's"


def test_a_click_that_comes_after_somebody_left_makes_no_key(pro: User, stella: User, now: datetime) -> None:
    made, wallet_id = key_of(pro, now=now), pro.wallet.pk
    departures.leave(wallet_id=wallet_id, now=now)
    late = {"wallet_id": wallet_id, "expires_at": None, "created_by": stella, "now": now}
    with pytest.raises(OwnerHasLeft):
        api_keys.create(name="Late", scopes=["read"], **late)
    with pytest.raises(OwnerHasLeft):
        api_keys.rotate(key_id=made.key.pk, overlap=DAY, **late)
    assert ApiKey.objects.get().revoked_at == now


def test_nobody_reaches_another_s_key(pro: User, bob: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    his = {"wallet_id": bob.wallet.pk, "key_id": made.key.pk, "now": now}
    with pytest.raises(UnknownApiKey):
        api_keys.revoke(**his)
    with pytest.raises(UnknownApiKey):
        api_keys.set_expiry(**his, expires_at=None)
    go_pro(bob, now=now)
    with pytest.raises(UnknownApiKey):
        rotated(bob, made.key, overlap=DAY, now=now)
    assert authenticated(made.token, now=now).key == made.key


def test_a_service_s_key_is_no_customer_s_to_end(pro: User, stella: User, now: datetime) -> None:
    made = service_key(stella, now=now)
    with pytest.raises(UnknownApiKey):
        api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made.key.pk, now=now)
    api_keys.revoke_by_staff(key_id=made.key.pk, now=now)
    assert why(made.token, now=now) == "revoked"


def test_a_service_s_key_is_replaced_while_the_old_one_lives_on(pro: User, stella: User, now: datetime) -> None:
    old, hers = service_key(stella, now=now, scopes=("read", "spend")), key_of(pro, now=now)
    replacing = {"overlap": DAY, "expires_at": None, "created_by": stella, "now": now}
    new = api_keys.rotate_for_service(key_id=old.key.pk, **replacing)
    assert (new.key.name, new.key.scopes, new.key.wallet) == ("Chat backend", ["read", "spend"], None)
    assert [authenticated(made.token, now=now + DAY - HOUR).is_service for made in (old, new)] == [True, True]
    assert (why(old.token, now=now + DAY), authenticated(new.token, now=now + DAY).key) == ("expired", new.key)
    with pytest.raises(InvalidRequest, match="replaced already"):
        api_keys.rotate_for_service(key_id=old.key.pk, **replacing)
    with pytest.raises(InvalidRequest, match="two live at most"):
        api_keys.rotate_for_service(key_id=new.key.pk, **replacing)
    with pytest.raises(InvalidRequest, match="30 more days"):
        api_keys.rotate_for_service(key_id=new.key.pk, **(replacing | {"overlap": 31 * DAY}))
    with pytest.raises(UnknownApiKey):
        api_keys.rotate_for_service(key_id=hers.key.pk, **replacing)
    assert ApiKey.objects.count() == 3


@pytest.mark.parametrize("scopes", [(), ("spend",), ("read", "spend"), ("admin",)])
def test_a_person_s_key_reads_and_quotes_and_nothing_else(pro: User, now: datetime, scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="what the key may do"):
        key_of(pro, now=now, scopes=scopes)
    assert not ApiKey.objects.exists()


def test_the_database_refuses_a_person_s_key_that_spends(pro: User, now: datetime) -> None:
    made = key_of(pro, now=now)
    for change in ({"scopes": ["spend"]}, {"scopes": ["fly"]}, {"scopes": []}, {"expires_at": now}, {"name": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiKey.objects.filter(pk=made.key.pk).update(**change)


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "\u200b", "x" * 81])
def test_a_key_has_a_name_that_can_be_seen(pro: User, now: datetime, name: str) -> None:
    with pytest.raises(InvalidRequest):
        key_of(pro, now=now, name=name)
    assert not ApiKey.objects.exists()


def test_twenty_keys_are_enough_for_anybody(pro: User, now: datetime) -> None:
    made = [key_of(pro, now=now, name=f"Key {number}") for number in range(20)]
    with pytest.raises(TooManyApiKeys):
        key_of(pro, now=now)
    api_keys.revoke(wallet_id=pro.wallet.pk, key_id=made[0].key.pk, now=now)
    assert key_of(pro, now=now).key.name == "Reports"


def test_a_refusal_is_one_that_every_caller_knows(pro: User, now: datetime) -> None:
    for refusal in (InvalidApiKey("unknown"), ApiAccessPaused(), TooManyApiKeys(), UnknownApiKey()):
        assert isinstance(refusal, MeteringError)
        assert str(refusal)


def test_use_is_noted_once_a_day_on_the_owner_s_day(
    pro: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    type(pro.wallet).objects.filter(pk=pro.wallet.pk).update(time_zone="Pacific/Auckland")
    token, evening = key_of(pro, now=now).token, now.replace(hour=20)
    key = authenticated(token, now=evening).key
    with django_assert_num_queries(1):
        for _ in range(3):
            api_keys.note_use(key, now=evening)
    key = authenticated(token, now=evening).key
    assert key.last_used_on == date(2025, 3, 11)
    with django_assert_num_queries(0):
        api_keys.note_use(key, now=evening)
        api_keys.note_use(key, now=now)
    api_keys.note_use(key, now=evening + DAY)
    key.refresh_from_db()
    assert key.last_used_on == date(2025, 3, 12)


def test_a_day_that_a_lost_cache_forgot_is_not_noted_backwards(
    pro: User, now: datetime, forget_cache: Callable[[], None]
) -> None:
    made = key_of(pro, now=now)
    api_keys.note_use(made.key, now=now + DAY)
    forget_cache()
    api_keys.note_use(made.key, now=now)
    made.key.refresh_from_db()
    assert made.key.last_used_on == date(2025, 3, 11)
