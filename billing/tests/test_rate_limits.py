"""Each key may ask so often in a minute; without a cache nobody is held up."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core.cache import caches

from accounts.models import User
from billing.services import rate_limits
from billing.tests.keys import service_key

SECOND = timedelta(seconds=1)


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache that nobody answers for."""
    known = caches.settings["default"]
    monkeypatch.setitem(caches.settings, "default", known | {"LOCATION": "redis://127.0.0.1:1/0"})
    mine = caches["default"]
    del caches["default"]
    yield
    caches["default"] = mine


def test_so_many_pass_and_the_next_one_waits_for_the_next_minute(now: datetime) -> None:
    rates = [rate_limits.count("test", limit=3, now=now + 20 * SECOND) for _ in range(5)]
    assert [rate.is_allowed for rate in rates] == [True, True, True, False, False]
    assert [rate.remaining for rate in rates] == [2, 1, 0, 0, 0]
    assert {rate.reset_seconds for rate in rates} == {40}
    assert rate_limits.count("test", limit=3, now=now + 60 * SECOND).is_allowed


def test_each_is_counted_alone(now: datetime) -> None:
    assert not [rate_limits.count("one", limit=1, now=now) for _ in range(2)][1].is_allowed
    assert rate_limits.count("another", limit=1, now=now).is_allowed


def test_a_service_carries_more_than_a_person(stella: User, now: datetime) -> None:
    key = service_key(stella, now=now).key
    rate = rate_limits.count_request(key, now=now)
    assert (rate.limit, rate.remaining, rate.reset_seconds) == (60_000, 59_999, 60)
    key.wallet_id = stella.wallet.pk
    assert rate_limits.count_request(key, now=now).remaining == 298, "one count a key, whatever its limit"


def test_without_a_cache_everybody_passes_and_the_log_says_so(
    no_cache: None, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    rates = [rate_limits.count("test", limit=1, now=now) for _ in range(2)]
    assert [rate.is_allowed for rate in rates] == [True, True]
    assert "The cache is away: requests of test aren't counted." in caplog.text
