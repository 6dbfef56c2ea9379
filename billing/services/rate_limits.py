"""How often each API key may ask, counted on the cache that all machines share.

The windows are fixed: one atomic step a request, and exact within its window; across the border of two, twice as many
can pass in a short time. While the cache is away nobody is held up: the books guard themselves.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from redis.exceptions import RedisError

from billing.models import ApiKey

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
#: Requests a window. A service's key carries the traffic of many wallets.
OF_A_PERSON, OF_A_SERVICE = 300, 60_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What a request found: whether it may go on, and how many more may in this window.

    `reset_seconds` is when the next window begins, 1 to the window's length: what Retry-After says.
    """

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


def count_request(key: ApiKey, *, now: datetime) -> Rate:
    """Count one request of a key, and return whether it is within its limit."""
    limit = OF_A_SERVICE if key.wallet_id is None else OF_A_PERSON
    return count(f"api-key:{key.pk}", limit=limit, now=now)


def count(name: str, *, limit: int, window_seconds: int = WINDOW_SECONDS, now: datetime) -> Rate:
    """Count one request under a name, and return whether there were at most `limit` in this window."""
    window, passed = divmod(int(now.timestamp()), window_seconds)
    reset_seconds = window_seconds - passed
    try:
        requests = _one_more(f"rate:{name}:{window_seconds}:{window}", lasts=2 * window_seconds)
    except RedisError:
        logger.warning("The cache is away: requests of %s aren't counted.", name)
        return Rate(is_allowed=True, limit=limit, remaining=limit, reset_seconds=reset_seconds)
    return Rate(
        is_allowed=requests <= limit,
        limit=limit,
        remaining=max(limit - requests, 0),
        reset_seconds=reset_seconds,
    )


def _one_more(key: str, *, lasts: int) -> int:
    try:
        return int(cache.incr(key))
    except ValueError:  # the first of its window, unless another one was first by a moment
        cache.add(key, 0, lasts)
        return int(cache.incr(key))
