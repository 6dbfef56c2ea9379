"""P5: a charge over HTTP, against a view behind the same middleware that only looks the key up, over gunicorn."""

import http.client
import json
import random
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count

from django.utils import timezone

from accounts.models import User
from benchmarks import data, site
from benchmarks.contest import Figure, Rounds
from benchmarks.metering import refuse_differences
from billing.models import ApiKey
from billing.services import api_keys

KEY_ALONE, CHARGES = "/api/benchmarks/key/", "/api/v1/charges"
MOST_TOKENS = 1_000
NO_CONTENT, CREATED = 204, 201


def charges_over_http(*, wallets: int, rounds: int, requests: int) -> list[Figure]:
    """Measure with one kept connection and a service's key; each charge is of another wallet drawn at random."""
    ids = data.create_wallets(wallets, name="api")
    staff = User.objects.get(wallet=ids[0])
    key = api_keys.create_for_service(
        name="Benchmark", scopes=list(ApiKey.Scope), expires_at=None, created_by=staff, now=timezone.now()
    )
    data.settle_down()
    numbers = count()

    def charge(headers: dict[str, str]) -> tuple[str, dict[str, str], bytes]:
        body = {"feature": "gpt-4o", "quantity": random.randint(1, MOST_TOKENS)}
        own = {"Clever-Wallet": str(random.choice(ids)), "Idempotency-Key": f"charge-{next(numbers)}"}
        return CHARGES, headers | own, json.dumps(body).encode()

    def key_alone(headers: dict[str, str]) -> tuple[str, dict[str, str], bytes]:
        return KEY_ALONE, headers, b"{}"

    headers = {"Authorization": f"Bearer {key.token}", "Content-Type": "application/json"}
    with site.running() as running, closing(running.connect()) as connection:
        turns = {
            "charge": partial(_milliseconds, connection, partial(charge, headers), requests, status=CREATED),
            "key": partial(_milliseconds, connection, partial(key_alone, headers), requests, status=NO_CONTENT),
        }
        found = Rounds(turns, rounds=rounds)
    refuse_differences()
    return [
        Figure(
            "P5",
            "POST /charges",
            found.median("charge"),
            "key alone",
            found.median("key"),
            "ms",
            found.ratio("key", "charge"),
            0.5,
        )
    ]


def _milliseconds(
    connection: http.client.HTTPConnection,
    request: Callable[[], tuple[str, dict[str, str], bytes]],
    requests: int,
    *,
    status: int,
) -> float:
    """Return how long a request takes, of so many one after the other; raises where it is answered otherwise."""
    began = time.perf_counter()
    for _ in range(requests):
        path, headers, body = request()
        connection.request("POST", path, body, headers)
        with connection.getresponse() as response:
            said = response.read()
            assert response.status == status, f"{path} answered {response.status}: {said[:300]!r}"
    return (time.perf_counter() - began) * 1_000 / requests
