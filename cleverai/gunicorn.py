"""How gunicorn serves the site: `gunicorn --config python:cleverai.gunicorn cleverai.wsgi`.

This is read before the settings are. Anything can still be said on the command line, which wins.
"""

import os
import shutil
import sys
import tempfile
from typing import Any

from cleverai import logs, variables

_level = os.environ.get("LOG_LEVEL") or "INFO"
if _level not in variables.LOG_LEVELS:
    sys.exit(f"LOG_LEVEL must be one of {', '.join(variables.LOG_LEVELS)}.")
_alone = {"handlers": ["console"], "propagate": False}

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
# WEB_CONCURRENCY, which gunicorn reads by itself, says how many processes there are. Threads let slow downloads wait.
worker_class = "gthread"
threads = 4
timeout = 60
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
# A heartbeat on a disk can block a worker for long; memory can't.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - no file of ours lies there

access_log_format = logs.ACCESS_FORMAT
logconfig_dict = logs.configuration(level=_level, as_json=os.environ.get("ENVIRONMENT") != "development")
logconfig_dict["loggers"] |= {
    "gunicorn.error": {"level": _level, **_alone},
    "gunicorn.access": {"level": "INFO", **_alone},
}

_metrics = "PROMETHEUS_MULTIPROC_DIR"
_made: list[str] = []


def on_starting(server: Any) -> None:
    """Make the folder in which workers count together what Prometheus asks for (cleverai/metrics.py).

    One that the environment names is its operator's own.
    """
    if _metrics not in os.environ:
        os.environ[_metrics] = tempfile.mkdtemp(prefix="cleverai-metrics-")
        _made.append(os.environ[_metrics])


def on_exit(server: Any) -> None:
    """Remove what workers have counted in a folder that was made for it."""
    for folder in _made:
        shutil.rmtree(folder, ignore_errors=True)
