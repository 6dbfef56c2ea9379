"""P20: charging through PgBouncer, against the same charge without it; and what prepared statements are worth."""

import contextlib
import os
from collections.abc import Iterator
from functools import partial

from benchmarks import data, pooler
from benchmarks.contest import Figure, Rounds
from benchmarks.metering import PROCESSES, refuse_differences
from benchmarks.workers import Team

UNIT = "a second"


def through_pgbouncer(*, wallets: int, rounds: int, seconds: float) -> list[Figure]:
    """Four processes of one connection each: direct and pooled, with prepared statements and without, in turns."""
    if pooler.version() < (1, 21):
        print("P20 needs PgBouncer 1.21 or later, on the path or named by PGBOUNCER.")
        return []
    ids = data.create_wallets(wallets, name="pooled")
    data.settle_down()
    url = os.environ["DATABASE_URL"]
    with contextlib.ExitStack() as stack:
        ways = {
            "direct": {},
            "direct, unprepared": {"DATABASE_POOLING": "transaction-unprepared"},
            "pooled": stack.enter_context(pooler.running(url, connections=PROCESSES, prepared=True)),
            "pooled, unprepared": stack.enter_context(pooler.running(url, connections=PROCESSES, prepared=False)),
        }
        turns = {}
        for way, variables in ways.items():
            with _variables(variables):
                team = stack.enter_context(Team(processes=PROCESSES, threads=1))
            turns[way] = partial(team.per_second, "charge", ids, seconds)
        found = Rounds(turns, rounds=rounds)
    refuse_differences()
    return [
        Figure(
            "P20", f"charge, {way}", found.median(way), "direct", found.median("direct"), UNIT,
            found.ratio(way, "direct"), line,
        )
        for way, line in (("pooled", 0.8), ("pooled, unprepared", 0.6), ("direct, unprepared", 0.6))
    ]  # fmt: skip


@contextlib.contextmanager
def _variables(found: dict[str, str]) -> Iterator[None]:
    """Set these while processes are started, which keep them."""
    before = dict(os.environ)
    os.environ.update(found)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
