"""Worker processes that run the clockwork's task until nothing is due, and tell how much memory they took."""

import multiprocessing
import resource
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

LONGEST_SECONDS = 3_600
KILOBYTES_IN_A_MEGABYTE = 1_024


def all_settle(pipes: list[Connection]) -> list[float]:
    """Let all workers settle until nothing is due, and return the most memory that each took so far."""
    for pipe in pipes:
        pipe.send("settle")
    answers = []
    for pipe in pipes:
        if not pipe.poll(LONGEST_SECONDS):
            raise TimeoutError("A worker has not answered.")
        answer = pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(f"A worker failed:\n{answer}")
        answers.append(answer)
    return answers


@contextmanager
def team(workers: int) -> Iterator[list[Connection]]:
    """Start so many workers, each a process with its own Django, and yield the pipes to them."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    try:
        yield pipes
    finally:
        for pipe, process in zip(pipes, processes, strict=True):
            pipe.close()
            process.join(10)


def _serve(pipe: Connection) -> None:
    """Settle each time that it is asked for, in this process, until the pipe is closed."""
    import django  # noqa: PLC0415 - a new process sets Django up before anything of it is imported

    django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from billing import tasks  # noqa: PLC0415
    from billing.services import clockwork  # noqa: PLC0415

    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        try:
            while clockwork.due_wallets(now=timezone.now(), after=None, limit=1):
                tasks.settle_due_wallets()
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES_IN_A_MEGABYTE)
        except Exception:
            pipe.send(traceback.format_exc())
