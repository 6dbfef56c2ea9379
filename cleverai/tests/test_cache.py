"""The cache: what a thread of a web server's opens there ends with the thread."""

import gc
from concurrent.futures import ThreadPoolExecutor

import redis
from django.conf import settings
from django.core.cache import caches

from billing.tests.clockwork.machinery import until


def number_of_connection() -> int:
    """Use the cache, and return what the server calls this thread's connection to it."""
    caches["default"].set("greeting", "hello")
    assert caches["default"].get("greeting") == "hello"
    return int(caches["default"]._cache.get_client().client_id())


def test_a_thread_that_ends_leaves_no_connection_until_the_collector_comes() -> None:
    gc.disable()
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            number = pool.submit(number_of_connection).result()
        with redis.Redis.from_url(settings.REDIS_URL) as server:
            until(lambda: not server.client_list(client_id=[number]), "the end of its connection", seconds=10)
    finally:
        gc.enable()
