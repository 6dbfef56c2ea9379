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
        self._process = processes.launch(
            partial(self._command, pid_file),
            self._answers,
            name="The Stripe sandbox",
            log=self.log,
            folder=ROOT,
            seconds=60,
            env=os.environ | {"STRIPE_SANDBOX_DATA": str(self.data / "journal.sqlite3")} | self._webhooks(),
        )

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, seconds=10)
            self._process = None

    def _command(self, pid_file: Path, attempt: int) -> list[str]:
        # one worker: everything is in its memory
        self.port = _free_port(PREFERRED_PORT if attempt == 1 else 0)
        options = {"bind": f"127.0.0.1:{self.port}", "workers": 1, "threads": 8, "worker-class": "gthread"}
        options |= {
            "graceful-timeout": 2,
            "log-level": "warning",
            "pid": pid_file,
            "env": f"STRIPE_SANDBOX_URL={self.url}",
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        gunicorn = [sys.executable, "-m", "gunicorn", "sandbox.stripe.server:application()"]
        return [*gunicorn, *arguments, "--no-control-socket"]

    def _webhooks(self) -> dict[str, str]:
        return {"STRIPE_SANDBOX_WEBHOOK_URL": f"{self.site_url}/stripe/webhook/"} if self.site_url else {}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/sandbox/", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _free_port(preferred: int) -> int:
    """Return the preferred port of 127.0.0.1 unless somebody listens there, else any that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise SandboxError("This machine has no free port for the Stripe sandbox.")
