"""The API behind gunicorn, as in production, in processes that can be killed."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psutil

from billing.tests.clockwork.machinery import database_url, until

#: Nothing takes so long; it only ends what hangs. A graceful end alone may take gunicorn's 30 seconds.
LONGEST_WAIT = 120


class Server:
    """A gunicorn on the test's own database, or another one."""

    def __init__(self, database: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--config", "python:cleverai.gunicorn", "cleverai.wsgi"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--threads", "16", "--log-level", "critical"]
        command += ["--keep-alive", "75", "--access-logfile", "/dev/null"]  # a caller may be slow to ask again
        env = os.environ | {
            "DATABASE_URL": database or database_url(),
            "PYTHONWARNINGS": "ignore",
            "WEB_CONCURRENCY": "1",
        }
        self._process = subprocess.Popen(command, env=env)  # noqa: S603
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Wait until it answers."""
        until(self._answers, "the server answers", seconds=LONGEST_WAIT)

    def kill(self) -> None:
        """Kill what answers requests, as `kill -9` does; gunicorn starts another."""
        for worker in psutil.Process(self._process.pid).children():
            os.kill(worker.pid, signal.SIGKILL)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LONGEST_WAIT)

    def _answers(self) -> bool:
        try:
            with Caller(self, "") as caller:
                return caller.get("/openapi.json")[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


class Caller:
    """A program of its own with a connection that stays open."""

    def __init__(self, server: Server, token: str, wallet_id: int | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if wallet_id is not None:
            self._headers["Clever-Wallet"] = str(wallet_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: object, *, key: str) -> tuple[int, Any]:
        return self._ask("POST", path, json.dumps(body).encode(), {"Idempotency-Key": key})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        self._connection.request(method, f"/api/v1{path}", body, self._headers | headers)
        with self._connection.getresponse() as response:
            return response.status, json.loads(response.read())


@contextmanager
def serving(database: str = "") -> Iterator[Server]:
    """Serve the test's database or another one, and stop afterwards."""
    server = Server(database)
    try:
        yield server
    finally:
        server.stop()
