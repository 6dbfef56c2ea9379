"""Real beats and workers, each a process of its own, around one real queue and the test's own database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis
from celery import Celery
from django.conf import settings
from django.db import connection
from psycopg import sql

from sandbox.servers.valkey import Valkey

#: How soon due work has to be done, whatever became of the queue (G23).
PATIENCE_SECONDS = 120
STOP_SECONDS = 10


class Queue(Valkey):
    """A Valkey that comes back under the same address."""

    def _command(self) -> list[str | Path]:
        return [self._binary, self.configuration] if self.port else self._first_command()

    def _first_command(self) -> list[str | Path]:
        command = super()._command()
        self._binary = command[0]
        return command

    def hang(self) -> None:
        """Let it take connections and answer nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Empty it: every hint, and every task that a worker has taken and not finished."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def length(self) -> int:
        """Return how many hints wait."""
        with redis.Redis.from_url(self.url) as client:
            return int(client.llen("celery"))


class Machinery:
    """The processes of one test. All of them end with it, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = Queue(folder / "valkey", durable=False)
        self.queue.start()
        self._running: list[subprocess.Popen[bytes]] = []
        self.names: dict[int, str] = {}
        self.started = 0

    def worker(self, *, concurrency: int = 1) -> "subprocess.Popen[bytes]":
        """Start a worker that forks, as a server's does; it answers in a few seconds."""
        command = ["worker", "--pool", "prefork", "--concurrency", str(concurrency), "--loglevel", "warning"]
        return self._start([*command, "--without-gossip", "--without-mingle"])

    def beat(self) -> "subprocess.Popen[bytes]":
        """Start a beat with a memory of its own."""
        memory = self.folder / f"beat-{self.started}"
        return self._start(["beat", "--schedule", str(memory), "--pidfile=", "--loglevel", "warning"])

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """End a process and all that it forked, with no chance to say anything."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._running.remove(process)

    def kill_forked(self, process: "subprocess.Popen[bytes]") -> None:
        """End only the processes that work on tasks, as the kernel does when memory runs out."""
        for child in psutil.Process(process.pid).children():
            child.kill()

    def named(self, name: str) -> "subprocess.Popen[bytes]":
        """Return the running process of this name."""
        return next(process for process in self._running if self.names[process.pid] == name)

    def stop(self) -> None:
        """End everything."""
        for process in list(self._running):
            self.kill(process)
        self.queue.resume()
        self.queue.stop()

    def log(self) -> str:
        """Return what all of them printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        self.started += 1
        name = f"{command[0]}-{self.started}"
        env = os.environ | {
            "ENVIRONMENT": "development",
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.queue.url,
            "CLOCKWORK_SECONDS": "1",
            "PGAPPNAME": name,
            "PYTHONWARNINGS": "ignore",
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "celery", "--quiet", "--app", "cleverai", *command],
                cwd=settings.BASE_DIR,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.names[process.pid] = name
        self._running.append(process)
        return process


def database_url() -> str:
    """Return the address of the test's database."""
    where = connection.settings_dict
    user, password, host = (quote(where[part] or "", safe="") for part in ("USER", "PASSWORD", "HOST"))
    address = f"{user}:{password}@{host}" + (f":{where['PORT']}" if where["PORT"] else "")
    return f"postgresql://{address}/{where['NAME']}"


def until(is_so: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until something is so, and return how many seconds that took; fail when it takes too long."""
    began = time.monotonic()
    while not is_so():
        waited = time.monotonic() - began
        assert waited < seconds, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)
    return time.monotonic() - began


def queue_app(url: str) -> Celery:
    """Return what hints go through: the product's own settings, with another queue."""
    app = Celery("hinting", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = url
    return app


@contextmanager
def locked(table: str, column: str, value: object) -> Iterator[int]:
    """Keep whoever writes this row waiting, in the middle of what it does; yield the process that they wait for."""
    statement = sql.SQL("SELECT 1 FROM {} WHERE {} = %s FOR UPDATE").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    with psycopg.connect(database_url()) as other:
        assert other.execute(statement, [value]).fetchone()
        yield other.info.backend_pid
        other.rollback()


def worker_waiting_for(pid: int) -> str:
    """Wait until a worker waits for this process in the middle of a transaction, and return the worker's name."""
    names: list[str] = []

    def are_found() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT application_name FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'worker-%%'"
                " AND %s = ANY(pg_blocking_pids(pid))",
                [pid],
            )
            names.extend(name for (name,) in cursor.fetchall())
        return names

    until(are_found, "a worker in the middle of its task")
    return names[0]
