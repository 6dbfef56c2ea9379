"""The processes of Procfile as a public machine runs them: they find each other, and tell no secrets."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from honcho.environ import parse_procfile

from billing.models import Heartbeat
from billing.tests.clockwork.machinery import Queue, database_url, until
from cleverai.tests.test_settings import RIGHT

pytestmark = [
    pytest.mark.long,
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
ROOT = Path(settings.BASE_DIR)
HOST = "credits.example.com"
STOP_SECONDS = 40


class Deployment:
    """One process each of Procfile, as a shell starts them, with production's settings and nothing of a developer's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = Queue(folder / "valkey", durable=False)
        self.queue.start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self.variables = RIGHT | {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.queue.url,
            "EXPORTS_DIR": str(folder),
            "CLOCKWORK_SECONDS": "1",
            "WEB_CONCURRENCY": "2",
            "PORT": str(self.port),
            "TMPDIR": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "PYTHONWARNINGS": "ignore",
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", self.commands[name]],
                cwd=ROOT,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def stop(self) -> dict[str, int]:
        """End all as an operator does, and return their exit codes; who doesn't end in time is killed."""
        codes = {}
        for process in self._running.values():
            process.terminate()
        for name, process in self._running.items():
            try:
                codes[name] = process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                codes[name] = process.wait()
        self._running.clear()
        self.queue.stop()
        return codes

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": HOST} | headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def figure(self, name: str, token: str) -> float:
        """Return a figure of /metrics."""
        status, _, body = self.get("/metrics", Authorization=f"Bearer {token}")
        assert status == 200
        (line,) = [line for line in body.decode().splitlines() if line.startswith(f"{name} ")]
        return float(line.removeprefix(f"{name} "))

    def says(self, path: str) -> Any:
        try:
            return json.loads(self.get(path)[2])
        except OSError:
            return {}

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a process; each must be JSON, but for Celery's word that a signal has come."""
        said = [line for line in self.log(name).splitlines() if line and "shutdown (MainProcess)" not in line]
        return [json.loads(line) for line in said]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    found = Deployment(tmp_path)
    try:
        yield found
    finally:
        found.stop()
        for log in sorted(tmp_path.glob("*.log")):
            print(log.name, log.read_text(errors="replace"))  # noqa: T201 - shown with a test that failed


def raw(port: int, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        connection.recv(1_000)


def test_everything_starts_works_together_and_stops_in_order(deployment: Deployment) -> None:
    assert deployment.start("release").wait(60) == 0
    for name in ("web", "worker", "beat"):
        deployment.start(name)
    until(lambda: deployment.says("/livez") == {"status": "up"}, "livez", seconds=60)
    until(lambda: Heartbeat.objects.exclude(outcome="has not run yet").exists(), "a heartbeat", seconds=90)
    until(lambda: deployment.says("/readyz").get("status") in {"ready", "degraded"}, "readyz", seconds=60)
    # those that run hourly and daily are waited for from the first heartbeat on, and not late yet
    until(lambda: deployment.says("/readyz") == {"status": "ready", "missing": []}, "all tasks", seconds=60)
    deployment.commands["health"] = "exec python cleverai/healthcheck.py"
    assert deployment.start("health").wait(30) == 0
    deployment.commands["ping"] = (
        "exec celery --quiet --app cleverai inspect ping --timeout 10"  # compose.yaml's question
    )
    assert deployment.start("ping").wait(60) == 0

    codes = deployment.stop()

    assert codes == {"release": 0, "health": 0, "ping": 0, "web": 0, "worker": 0, "beat": 0}
    for name in ("web", "worker", "beat"):
        assert {line["level"] for line in deployment.lines(name)} <= {"INFO", "WARNING"}
    assert any(line.get("task") == "billing.tasks.write_heartbeat" for line in deployment.lines("worker"))


def test_the_server_s_log_has_no_query_no_cookie_and_no_token(deployment: Deployment) -> None:
    deployment.start("web")
    until(lambda: deployment.says("/livez") == {"status": "up"}, "livez", seconds=60)
    canaries = {"Cookie": "session=canary", "Referer": "https://canary.example/?canary", "User-Agent": "canary",
                "Authorization": "Bearer canarycanarycanary"}  # fmt: skip
    secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7", "X-Request-ID": "from-the-proxy-1"}
    status, headers, _ = deployment.get("/stripe/webhook/?token=canary", **canaries, **secure)
    assert (status, headers["X-Request-ID"]) == (405, "from-the-proxy-1")
    deployment.get("/settings/billing/unsubscribe/canary/?token=canary", **canaries)
    deployment.get("/canary/?canary=canary", **canaries)
    raw(deployment.port, b"GET /canary canary canary\r\n\r\n")
    raw(deployment.port, b"GET /canary HTTP/1.1\r\nHost: x\r\nBad canary\r\n\r\n")
    deployment.stop()

    text = deployment.log("web")
    assert "canary" not in text
    assert "198.51.100.7" not in text
    (line,) = [line for line in deployment.lines("web") if line.get("request_id") == "from-the-proxy-1"
               and line["logger"] == "gunicorn.access"]  # fmt: skip
    assert (line["method"], line["route"], line["status"]) == ("GET", "/stripe/webhook/", 405)


def test_whichever_process_is_asked_tells_what_all_have_counted(deployment: Deployment) -> None:
    token = secrets.token_urlsafe(32)
    deployment.variables["METRICS_TOKEN"] = token
    deployment.start("web")
    until(lambda: deployment.says("/livez") == {"status": "up"}, "livez", seconds=60)
    counted = 'cleverai_requests_total{method="GET",route="/livez",status="200"}'
    before = deployment.figure(counted, token)

    for _ in range(50):
        assert deployment.get("/livez")[0] == 200

    assert {deployment.figure(counted, token) for _ in range(10)} == {before + 50}
    assert deployment.get("/metrics")[0] == 401
    deployment.stop()
    assert not list(deployment.folder.glob("cleverai-metrics-*"))
