"""Run one command with the servers behind it."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox import environment, servers
from sandbox.lock import AlreadyRunningError, Lock


def variables(addresses: dict[str, str], *, site_url: str = "http://127.0.0.1:8000") -> dict[str, str]:
    """Return what a CleverAI process needs beside what the developer has set; theirs wins."""
    own = {"ENVIRONMENT": "development", "SECRET_KEY": environment.secret_key(), "SITE_URL": site_url, **addresses}
    given = environment.given()
    return {name: value for name, value in own.items() if name not in given}


def process_environment(found: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process to start: `found` over our own, and this Python's tools first on the path."""
    tools = Path(sys.executable).parent
    return os.environ | found | {"PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def run(command: Sequence[str], *, temporary: bool, durable: bool) -> int:
    """Run the command and return its exit code, 128 + n where signal n ended it."""
    with _servers(command, temporary=temporary, durable=durable) as found:
        return call(command, process_environment(found))


def call(command: Sequence[str], env: dict[str, str]) -> int:
    """Run the command; Ctrl-C reaches it from the terminal, and a SIGTERM to us is passed on to it."""
    process = subprocess.Popen(command, env=env)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    return code if code >= 0 else 128 - code


@contextmanager
def temporary_servers(*, durable: bool) -> Iterator[dict[str, str]]:
    """Servers with a folder of their own that is gone afterwards: they disturb nothing and remember nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="cleverai-") as folder,
        servers.running(Path(folder), durable=durable, with_stripe=False) as addresses,
    ):
        yield variables(addresses)


@contextmanager
def _servers(command: Sequence[str], *, temporary: bool, durable: bool) -> Iterator[dict[str, str]]:
    if temporary:
        with temporary_servers(durable=durable) as found:
            yield found
        return
    with Lock(environment.LOCAL / "lock") as lock:
        try:
            lock.acquire(command=shlex.join(command))
        except AlreadyRunningError:
            lock.wait_until_ready(60)
            yield environment.read_env_file()
            return
        with servers.running(environment.LOCAL, durable=durable) as addresses:
            found = variables(addresses)
            environment.write_env_file(found)
            lock.tell(command=shlex.join(command), ready=True)
            yield found
