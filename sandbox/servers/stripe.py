"""The Stripe sandbox as a process of its own, on a port of 127.0.0.1, with a journal that survives restarts."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from sandbox.environment import ROOT
from sandbox.errors import SandboxError
from sandbox.servers import processes

PREFERRED_PORT = 12_111


class Stripe:
    """One sandbox of Stripe in one folder. It sends its webhooks to `site_url`, where there is one."""

    def __init__(self, data: Path, *, site_url: str | None = None) -> None:
        self.data = data.absolute()
        self.site_url = site_url
        self.log = self.data.with_name("stripe.log")
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and return when it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        pid_file = self.data / "stripe.pid"
        processes.stop_leftover(pid_file, str(pid_file), signal.SIGTERM, seconds=10)
        with _free_socket() as listener:  # handed on open, so that nobody else can take the port in between
            self.port = listener.getsockname()[1]
            self._process = processes.launch(
                partial(self._command, pid_file, listener.fileno()),
                self._answers,
                name="The Stripe sandbox",
                log=self.log,
                folder=ROOT,
                seconds=60,
                env=self._environment(),
                inherited=[listener.fileno()],
            )

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, seconds=10)
            self._process = None

    def _command(self, pid_file: Path, descriptor: int) -> list[str]:
        # one worker: everything is in its memory
        options = {"bind": f"fd://{descriptor}", "workers": 1, "threads": 8, "worker-class": "gthread"}
        options |= {"graceful-timeout": 2, "log-level": "warning", "pid": pid_file}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        gunicorn = [sys.executable, "-m", "gunicorn", "sandbox.stripe.server:application()"]
        return [*gunicorn, *arguments, "--no-control-socket"]

    def _environment(self) -> dict[str, str]:
        own = {"STRIPE_SANDBOX_DATA": str(self.data / "journal.sqlite3"), "STRIPE_SANDBOX_URL": self.url}
        if self.site_url:
            own["STRIPE_SANDBOX_WEBHOOK_URL"] = f"{self.site_url}/stripe/webhook/"
        return os.environ | own

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/sandbox/", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _free_socket() -> socket.socket:
    """Return a socket on the preferred port of 127.0.0.1 unless somebody listens there, else on any that is free."""
    for port in (PREFERRED_PORT, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            listener.close()
        else:
            return listener
    raise SandboxError("This machine has no free port for the Stripe sandbox.")
