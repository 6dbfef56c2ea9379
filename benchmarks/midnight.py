"""P13 and P14: wallets whose month ended at midnight are reset by the clockwork's task, by one worker and by two."""

import time
from typing import NamedTuple

from benchmarks import data
from benchmarks.contest import Figure
from benchmarks.metering import refuse_differences
from benchmarks.settlers import all_settle, team

WARM_UP = 500


class Peak(NamedTuple):
    """The most memory that a worker ever took, in megabytes: after the warm-up, and when all was done."""

    warm: float
    final: float


def due_wallets(*, wallets: int) -> list[Figure]:
    """Let one worker reset a quarter of the wallets, then two at once all of them."""
    alone, _ = _reset(wallets // 4, workers=1)
    together, peak = _reset(wallets, workers=2)
    refuse_differences()
    work = f"reset {wallets:,} due wallets"
    return [
        Figure("P13", f"{work}, two workers", together, "one worker", alone, "a second", together / alone, 1),
        Figure(
            "P14",
            f"{work}, peak memory",
            peak.final,
            f"after {WARM_UP}",
            peak.warm,
            "MB",
            peak.final / peak.warm,
            1.1,
            at_least=False,
        ),
    ]


def _reset(wallets: int, *, workers: int) -> tuple[float, Peak]:
    """Return how many wallets a second the workers reset together, and the memory of the one that took the most."""
    with team(workers) as pipes:
        _make_due(WARM_UP * workers)
        warm = max(all_settle(pipes))
        _make_due(wallets)
        began = time.perf_counter()
        final = max(all_settle(pipes))
        seconds = time.perf_counter() - began
    return wallets / seconds, Peak(warm, final)


def _make_due(wallets: int) -> None:
    ids = data.create_due_wallets(wallets, name=f"due-{time.time_ns()}-")
    assert len(ids) == wallets
    data.settle_down()
    data.checkpoint()
