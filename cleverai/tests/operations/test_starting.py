"""What gunicorn and Celery are told before the site is loaded: how loud to be, and where requests are counted."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

COUNTED = "PROMETHEUS_MULTIPROC_DIR"
WORKER = """
import logging, os
from celery import signals
from celery.bin.celery import main

def stop(**_):
    print(logging.getLevelName(logging.getLogger().level), flush=True)
    os._exit(0)

signals.celeryd_after_setup.connect(stop)
main()
"""


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The configuration of a gunicorn that is about to start; what it sets in the environment is forgotten."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(COUNTED, "")
    monkeypatch.delenv(COUNTED)
    return runpy.run_module("cleverai.gunicorn")


def test_the_folder_that_it_made_goes_when_it_ends(configuration: dict[str, Any], tmp_path: Path) -> None:
    configuration["on_starting"](None)
    assert [str(folder) for folder in tmp_path.iterdir()] == [os.environ[COUNTED]]
    configuration["on_exit"](None)
    assert list(tmp_path.iterdir()) == []


def test_an_operator_s_own_folder_stays(
    configuration: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counter.db").write_text("12")
    monkeypatch.setenv(COUNTED, str(tmp_path))
    configuration["on_starting"](None)
    configuration["on_exit"](None)
    assert (tmp_path / "counter.db").read_text() == "12"


def test_a_level_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SystemExit, match=r"^LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR\.$"):
        runpy.run_module("cleverai.gunicorn")


@pytest.mark.parametrize(
    ("level", "arguments", "expected"),
    [("DEBUG", [], "DEBUG"), ("ERROR", [], "ERROR"), ("ERROR", ["--loglevel", "info"], "INFO")],
)
def test_a_worker_is_as_loud_as_it_is_told(level: str, arguments: list[str], expected: str) -> None:
    """Start a worker's command, and stop where it has set its logging up."""
    started = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WORKER, "--app", "cleverai", "worker", "--pool", "solo", *arguments],
        env=os.environ | {"LOG_LEVEL": level, "PYTHONWARNINGS": "ignore"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert started.stdout.split()[-1] == expected
