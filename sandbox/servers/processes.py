"""What both embedded servers need: waiting, stopping, and clearing away what a killed run has left behind."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from sandbox.errors import SandboxError

ATTEMPTS = 3


def launch(
    command: Callable[[], Sequence[str | Path]],
    answers: Callable[[], bool],
    *,
    name: str,
    log: Path,
    folder: Path,
    seconds: float,
    env: dict[str, str] | None = None,
    inherited: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a server in a session of its own and return it when it answers; raise SandboxError when it doesn't.

    `command` is asked for each attempt: somebody may take a free port first. `inherited` are open files' descriptors.
    """
    for attempt in range(1, ATTEMPTS + 1):
        arguments = command()
        with log.open("wb") as output:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=env,
                start_new_session=True,
                pass_fds=inherited,
            )
        try:
            wait_until(answers, process, name=name, log=log, seconds=seconds)
        except SandboxError:
            stop(process, signal.SIGTERM, seconds=10)
            if attempt == ATTEMPTS:
                raise
        else:
            return process
    raise AssertionError("The last attempt returns or raises.")


def wait_until(
    answers: Callable[[], bool], process: "subprocess.Popen[bytes]", *, name: str, log: Path, seconds: float
) -> None:
    """Return when the server answers; raise SandboxError with the end of its log when it dies or takes too long."""
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None:
            raise SandboxError(f"{name} stopped while starting. The end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise SandboxError(f"{name} did not answer within {seconds:.0f} seconds. The end of {log}:\n{tail(log)}")
        time.sleep(0.03)


def stop(process: "subprocess.Popen[bytes]", *signals: signal.Signals, seconds: float) -> None:
    """Send one signal after the other, each followed by `seconds` of patience, the last one being SIGKILL."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def stop_leftover(pid_file: Path, mark: str, *signals: signal.Signals, seconds: float) -> None:
    """Stop what a killed run has left on this data: the process in `pid_file`, if `mark` is among its arguments."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if mark not in process.cmdline():
            return
        for number in (*signals, signal.SIGKILL):
            process.send_signal(number)
            try:
                process.wait(seconds)
            except psutil.TimeoutExpired:
                continue
            return
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return


def stop_marked(variable: str, value: str, *, seconds: float) -> None:
    """Stop every process that was started with this environment variable: what a killed run has left running."""
    left = [process for process in psutil.process_iter() if _is_marked(process, variable, value)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=seconds)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let nothing but SIGKILL interrupt the block, so that what is being stopped gets stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _is_marked(process: psutil.Process, variable: str, value: str) -> bool:
    try:
        return bool(process.pid != os.getpid() and process.environ().get(variable) == value)
    except (psutil.Error, OSError):
        return False


def tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
