"""The product behind gunicorn, as in production, in a process whose work can be counted."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from django.conf import settings
from django.test import Client

from accounts.models import User

START_SECONDS = 30


@dataclass(frozen=True)
class Site:
    """A gunicorn of one worker at `port` of this machine."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def processor_seconds(self) -> float:
        """Return the processor time of the worker since it began, in steps of a hundredth of a second."""
        return sum(sum(child.cpu_times()[:2]) for child in psutil.Process(self.process.pid).children())


@contextmanager
def running() -> Iterator[Site]:
    """Start the site, and stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "cleverai.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    command += ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "75", "--log-level", "warning"]
    process = subprocess.Popen([*command, "--no-control-socket"], env=os.environ)
    site = Site(port, process)
    try:
        _wait_for(site)
        yield site
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def session_of(user: User) -> str:
    """Return the cookie's value of somebody who has logged in; its name is `SESSION_COOKIE_NAME`."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def cookie_of(user: User) -> str:
    """Return the header that a browser of theirs sends."""
    return f"{settings.SESSION_COOKIE_NAME}={session_of(user)}"


def milliseconds(
    connection: http.client.HTTPConnection, path: str, cookie: str, requests: int, *, status: int, htmx: bool = True
) -> float:
    """Return how long a request takes, of so many one after the other; raises where it is answered otherwise."""
    headers = {"Cookie": cookie} | ({"HX-Request": "true"} if htmx else {})
    began = time.perf_counter()
    for _ in range(requests):
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            response.read()
            assert response.status == status, f"{path} answered {response.status}"
    return (time.perf_counter() - began) * 1_000 / requests


def _wait_for(site: Site) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", site.port)):
                return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
