"""P11: how long `make demo` takes to its ready line, in a fresh clone with an empty HOME, and then once more."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contest import Figure

ROOT = Path(__file__).resolve().parent.parent
READY_LINE = "CleverAI is ready at"
OURS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "ENVIRONMENT", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV"}
STOP_SECONDS = 60
COLD_LINE, WARM_LINE = 90, 10


def cold_and_warm() -> list[Figure]:
    """Clone what is committed, start it twice, and return the seconds until it said that it was ready.

    Python's packages come from pip's cache on this machine where it has them: the network is not what is measured.
    """
    cache = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="cleverai-demo-") as folder:
        home, clone = Path(folder, "home"), Path(folder, "clone")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        environment |= {"HOME": str(home), "PIP_CACHE_DIR": cache}
        cold = _seconds_to_ready(clone, environment)
        warm = _seconds_to_ready(clone, environment)
    return [
        Figure("P11", "make demo, cold", cold, "–", COLD_LINE, "s", cold / COLD_LINE, 1, at_least=False),
        Figure("P11", "make demo, warm", warm, "–", WARM_LINE, "s", warm / WARM_LINE, 1, at_least=False),
    ]


def _seconds_to_ready(clone: Path, environment: dict[str, str]) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "demo", f"PORT={port}"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith(READY_LINE):
                return time.monotonic() - began
        raise RuntimeError("make demo ended before it was ready:\n" + "".join(lines[-20:]))
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        process.wait(STOP_SECONDS)
