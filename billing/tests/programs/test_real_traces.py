"""Whole logs of calls, charged through the API by eight clients at once, each call sent twice: exact to the end.

A small log comes with the project. Where TRACES names a folder, the files in it are charged in the long run: CSV with
ContextTokens and GeneratedTokens, such as the public traces of real language models.
"""

import csv
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from accounts.models import User
from billing.models import LedgerEntry, Wallet
from billing.tests.api.serving import Server, serving
from billing.tests.people import give
from billing.units import CREDIT
from cleverai_credits import Client

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
CLIENTS, CREDITS_PER_THOUSAND = 8, 5
SAMPLE = Path(settings.BASE_DIR) / "sandbox/sample_data/usage.csv"
TRACES = sorted(Path(os.environ["TRACES"]).glob("*.csv")) if os.environ.get("TRACES") else []
LARGE = 400_000 * CREDIT


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.mark.parametrize(
    ("path", "every"),
    [
        pytest.param(SAMPLE, 3, id="sample"),
        *(pytest.param(path, 1, marks=[pytest.mark.long, pytest.mark.timeout(3_600)], id=path.stem) for path in TRACES),
    ],
)
def test_every_call_is_charged_once_and_to_the_thousandth(
    server: Server, token: str, alice: User, path: Path, every: int, now: datetime
) -> None:
    with path.open(newline="") as file:
        calls = [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)][::every]
    give(alice.wallet, LARGE, now=now)
    credits_before = Decimal(alice.wallet.available) / CREDIT

    def charge(share: list[int], clever: Client) -> list[Decimal]:
        paid = []
        for number in share:
            context, generated = calls[number]
            detail = {"input_tokens": context, "output_tokens": generated}
            first, again = (
                clever.charge("gpt-4o", context + generated, key=f"call-{number}", detail=detail) for _ in range(2)
            )
            assert (first.sequence, first.cost, first.replayed, again.replayed) == (
                again.sequence,
                again.cost,
                False,
                True,
            )
            paid.append(first.cost)
        return paid

    clients = [Client(f"http://127.0.0.1:{server.port}", token, wallet=alice.wallet.pk) for _ in range(CLIENTS)]
    shares = [list(range(len(calls)))[start::CLIENTS] for start in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        paid = [cost for costs in pool.map(charge, shares, clients) for cost in costs]

    total = Decimal(sum(map(sum, calls)) * CREDITS_PER_THOUSAND) / 1_000
    assert sum(paid) == total
    assert clients[0].balance().available == credits_before - total
    for client in clients:
        client.close()
    assert_posted(alice.wallet, len(calls), total)


def assert_posted(wallet: Wallet, count: int, total: Decimal) -> None:
    """The books have each call once, and the usage its sum."""
    posted = LedgerEntry.objects.filter(wallet=wallet, kind="charge")
    assert posted.count() == count
    assert posted.aggregate(Sum("cost"))["cost__sum"] == total * CREDIT
    assert wallet.daily_usage.aggregate(Sum("cost"))["cost__sum"] == total * CREDIT
