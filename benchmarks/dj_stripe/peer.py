"""dj-stripe's process, on a database of its own of the same PostgreSQL, for the length of a measurement."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
PINS = Path(__file__).with_name("requirements.txt")
PLACE = ROOT / ".local" / "dj-stripe"
DATABASE = "dj_stripe"
STOP_SECONDS = 30

Turn = Callable[..., float]


@contextmanager
def running(*, events: Sequence[str], answers: Mapping[str, str], secret: str) -> Iterator[Turn]:
    """Start the process, and yield what takes a turn there: of so many `seconds`, with `only_keep` or without.

    A turn returns how many events were taken a second. With `only_keep` an event is verified and kept, and no more.
    """
    python = _installed()
    with _database() as url:
        environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.dj_stripe.settings"}
        process = subprocess.Popen(
            [python, "-m", "benchmarks.dj_stripe"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        say, answers_of = process.stdin, process.stdout

        def turn(*, seconds: float, only_keep: bool) -> float:
            print(json.dumps({"seconds": seconds, "only_keep": only_keep}), file=say, flush=True)
            line = answers_of.readline()
            if not line:
                raise RuntimeError("dj-stripe's process has ended; its last words are above.")
            return float(json.loads(line)["per_second"])

        try:
            given = {"events": list(events), "answers": dict(answers), "secret": secret}
            print(json.dumps(given), file=say, flush=True)
            yield turn
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _installed() -> str:
    """Install what is pinned, unless it is there already, and return the Python that has it."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--requirement", str(PINS)], check=True)
    return str(python)


@contextmanager
def _database() -> Iterator[str]:
    """Make a database beside ours, and yield its address."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    try:
        yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{DATABASE}").geturl()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
