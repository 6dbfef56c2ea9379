"""However many clicks replace, make or revoke a key together, two of one name live at most, and none comes back."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing.errors import InvalidApiKey, InvalidRequest
from billing.models import ApiKey
from billing.selectors.api_keys import authenticated
from billing.services import api_keys
from billing.services.api_keys import NewKey
from billing.tests.keys import go_pro, key_of, service_key
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS = 16


def test_of_sixteen_that_replace_a_key_together_one_does(alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    old = key_of(alice, now=now)

    def replace(_: int) -> str:
        with suppress(InvalidRequest):
            return api_keys.rotate(
                wallet_id=alice.wallet.pk, key_id=old.key.pk, overlap=timedelta(days=1), expires_at=None,
                created_by=alice, now=now,
            ).token  # fmt: skip
        return ""

    (token,) = filter(None, run_together(replace, range(THREADS)))
    assert ApiKey.objects.count() == 2
    assert {authenticated(each, now=now).wallet for each in (old.token, token)} == {alice.wallet}


def test_of_sixteen_that_replace_a_service_s_key_together_one_does(stella: User, now: datetime) -> None:
    old = service_key(stella, now=now)

    def replace(_: int) -> str:
        with suppress(InvalidRequest):
            return api_keys.rotate_for_service(
                key_id=old.key.pk, overlap=timedelta(days=1), expires_at=None, created_by=stella, now=now
            ).token
        return ""

    (token,) = filter(None, run_together(replace, range(THREADS)))
    assert ApiKey.objects.count() == 2
    assert [authenticated(each, now=now).is_service for each in (old.token, token)] == [True, True]


def make_together(make: Callable[[], NewKey]) -> list[bool]:
    """Let sixteen make a key at once, and return who got one, in order."""

    def is_made(_: int) -> bool:
        try:
            return bool(make())
        except InvalidRequest:
            return False

    return sorted(run_together(is_made, range(THREADS)))


def test_of_sixteen_that_make_one_name_together_one_does(alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    assert make_together(lambda: key_of(alice, now=now)) == [False] * 15 + [True]
    assert ApiKey.objects.count() == 1


def test_of_sixteen_owners_who_make_a_service_s_key_of_one_name_together_one_does(stella: User, now: datetime) -> None:
    assert make_together(lambda: service_key(stella, now=now)) == [False] * 15 + [True]
    assert ApiKey.objects.count() == 1


def test_a_key_revoked_while_it_is_replaced_and_its_end_is_set_stays_revoked(alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    old = key_of(alice, now=now)
    mine = {"wallet_id": alice.wallet.pk, "key_id": old.key.pk, "now": now}

    def act(number: int) -> None:
        with suppress(InvalidRequest):
            if number % 3 == 0:
                api_keys.revoke(**mine)
            elif number % 3 == 1:
                api_keys.set_expiry(**mine, expires_at=now + timedelta(days=number))
            else:
                api_keys.rotate(**mine, overlap=timedelta(days=1), expires_at=None, created_by=alice)

    run_together(act, range(12))
    with pytest.raises(InvalidApiKey, match="revoked"):
        authenticated(old.token, now=now)
    assert ApiKey.objects.filter(revoked_at=None).count() <= 1
