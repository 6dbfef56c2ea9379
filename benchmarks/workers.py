"""Worker processes that stay: each has its own Django, connections and plans, and runs one round after the other."""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

START_DELAY_SECONDS = 0.2
LONGEST_ROUND_SECONDS = 600


@dataclass(frozen=True)
class Round:
    """One contestant's turn: `work` names a step of `benchmarks.steps`, run on these ids until the time is over."""

    work: str
    ids: range
    seconds: float
    starts_at: float = 0.0


class Team:
    """`processes` workers of `threads` threads each, one database connection a thread."""

    def __init__(self, *, processes: int, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._members = []
        for number in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, number, threads), daemon=True)
            process.start()
            theirs.close()
            self._members.append((process, ours))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process, pipe in self._members:
            pipe.close()
            process.join(10)

    def per_second(self, work: str, ids: range, seconds: float) -> float:
        """Let everybody do the work for this long, and return how much all of them did a second."""
        for _, pipe in self._members:
            pipe.send("ready?")
        for _, pipe in self._members:
            self._answer(pipe)
        turn = Round(work, ids, seconds, time.time() + START_DELAY_SECONDS)
        for _, pipe in self._members:
            pipe.send(turn)
        return sum(self._answer(pipe) for _, pipe in self._members) / seconds

    def _answer(self, pipe: Connection) -> float:
        if not pipe.poll(LONGEST_ROUND_SECONDS):
            raise TimeoutError("A worker has not answered.")
        answer = pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(f"A worker failed:\n{answer}")
        return float(answer)


def _serve(pipe: Connection, number: int, threads: int) -> None:
    """Run rounds in this process until the pipe is closed."""
    import django  # noqa: PLC0415 - a new process sets Django up before anything of it is imported

    django.setup()
    from benchmarks import steps  # noqa: PLC0415

    numbers = count()
    kept = threading.local()

    def run(turn: Round) -> int:
        if not hasattr(kept, "steps"):
            kept.name = f"{os.getpid()}.{next(numbers)}"
            kept.steps = {}
        if (turn.work, turn.ids) not in kept.steps:
            kept.steps[turn.work, turn.ids] = steps.STEPS[turn.work](turn.ids, kept.name)
        return _repeat(kept.steps[turn.work, turn.ids], turn)

    with ThreadPoolExecutor(threads) as pool:
        while True:
            try:
                asked = pipe.recv()
            except EOFError:
                return
            if not isinstance(asked, Round):
                pipe.send(0)
                continue
            try:
                pipe.send(sum(pool.map(run, [asked] * threads)))
            except Exception:
                pipe.send(f"worker {number}: {traceback.format_exc()}")


def _repeat(step: Callable[[], int], turn: Round) -> int:
    """Repeat the step from the common start to the common end, and return how many units of work it did."""
    time.sleep(max(turn.starts_at - time.time(), 0))
    ends_at = turn.starts_at + turn.seconds
    done = 0
    while time.time() < ends_at:
        done += step()
    return done
