"""A clone of the sandbox with a small site in it, so that its processes can be started for real without the product."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from sandbox.environment import ROOT

#: Nothing takes so long; it only ends what hangs.
SECONDS = 240
SITE = """
import json, os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"site": os.environ["SITE_URL"]}).encode()]
"""
MANAGE = """
import sys, time

if sys.argv[1] == "live_traffic":
    print("traffic flows", flush=True)
    time.sleep(3600)
"""
SETTINGS = """
import os
import dj_database_url

SECRET_KEY = os.environ["SECRET_KEY"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
INSTALLED_APPS = ["shop"]
USE_TZ = True
"""
LOADER = """
from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    def handle(self, **options):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS visit (id bigint generated always as identity)")
            cursor.execute("INSERT INTO visit DEFAULT VALUES")
            cursor.execute("SELECT count(*) FROM visit")
            self.stdout.write(f"visits: {cursor.fetchone()[0]}")
"""


class Clone:
    """A folder with the sandbox's own code, beside a site of a few lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        shutil.copytree(ROOT / "sandbox", folder / "sandbox", ignore=shutil.ignore_patterns("__pycache__", "tests"))
        self._write("cleverai/__init__.py", "")
        self._write("cleverai/wsgi.py", SITE)
        self._write("cleverai/settings.py", SETTINGS)
        self._write("shop/__init__.py", "")
        self._write("shop/management/__init__.py", "")
        self._write("shop/management/commands/__init__.py", "")
        self._write("shop/management/commands/load_sample_data.py", LOADER)
        self._write("manage.py", MANAGE)
        web = next(line for line in (ROOT / "Procfile.dev").read_text().splitlines() if line.startswith("web:"))
        self._write("Procfile.dev", f"{web}\ntraffic: python manage.py live_traffic\n")

    def start(self, *arguments: str, user: int | None = None, **variables: str) -> "Started":
        """Start `python -m sandbox …` here, with none of our own servers in its environment."""
        ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "ENVIRONMENT", "DJANGO_SETTINGS_MODULE"}
        env = {name: value for name, value in os.environ.items() if name not in ours}
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=self.folder,
            env=env | {"PORT": str(self.port)} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        return Started(process)

    def env_file(self) -> dict[str, str]:
        lines = (self.folder / ".local" / "env").read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines if "=" in line)}

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Started:
    """A running `python -m sandbox`, with what it prints."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.output = ""

    def read_until(self, text: str) -> str:
        """Return the output up to the line with `text`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line.decode()
            if text in self.output:
                return self.output
        raise AssertionError(f"“{text}” never came:\n{self.output}")

    def finish(self) -> int:
        """Wait for the end and return the exit code."""
        rest, _ = self.process.communicate(timeout=SECONDS)
        self.output += rest.decode()
        return self.process.returncode

    def family(self) -> list[psutil.Process]:
        """Return the process and all that it has started, the servers included."""
        ours = psutil.Process(self.process.pid)
        return [ours, *ours.children(recursive=True)]

    def kill(self) -> None:
        """End the process with no chance to clean up."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.finish()


def alive(family: list[psutil.Process]) -> list[str]:
    """Return what is left of a family, after a moment for the kernel to bury the dead."""
    deadline = time.monotonic() + 5
    while (left := [process for process in family if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [_called(process) for process in left]


def _runs(process: psutil.Process) -> bool:
    """Tell the living from a zombie, which has ended and only waits for its parent to notice."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _called(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {process.name()}"
    except psutil.NoSuchProcess:
        return f"{process.pid}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
