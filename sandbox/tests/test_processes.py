"""The sandbox as a developer meets it: real processes, in a clone of their own."""

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sandbox.tests.clones import Clone, alive

pytestmark = pytest.mark.processes
NOBODY = 65534


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(tmp_path / "clone")
    yield clone
    left = [process for process in psutil.process_iter() if _belongs_to(clone, process)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert left == []


def _belongs_to(clone: Clone, process: psutil.Process) -> bool:
    """Tell a server by its arguments, everything else by the folder it was started in."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.cwd() == str(clone.folder) or str(clone.folder) in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _is_called(process: psutil.Process, name: str) -> bool:
    try:
        return bool(process.name() == name)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_says_when_it_is_ready_and_leaves_nothing_behind(clone: Clone, number: signal.Signals) -> None:
    demo = clone.start("demo")
    output = demo.read_until("Ready in")

    assert f"\nCleverAI is ready at http://127.0.0.1:{clone.port}/\n" in output
    assert output.index("CleverAI is ready") < output.index("visits: 1")
    family = demo.family()
    for name in ("postgres", "valkey-server"):
        assert any(_is_called(process, name) for process in family), name
    with urllib.request.urlopen(f"http://127.0.0.1:{clone.port}/", timeout=5) as answer:
        assert f"http://127.0.0.1:{clone.port}".encode() in answer.read()

    assert demo.stop(number) == 0
    assert alive(family) == []


def test_data_survive_a_restart_and_the_key_stays(clone: Clone) -> None:
    first = clone.start("demo")
    first.read_until("visits: 1")
    first.read_until("Ready in")
    key = clone.env_file()["SECRET_KEY"]
    first.stop(signal.SIGINT)

    second = clone.start("demo")
    second.read_until("visits: 2")
    assert clone.env_file()["SECRET_KEY"] == key
    assert len(key) >= 50
    second.read_until("Ready in")
    second.stop(signal.SIGINT)


def test_a_second_start_says_that_the_first_one_runs(clone: Clone) -> None:
    first = clone.start("demo")
    first.read_until("Ready in")

    second = clone.start("demo")

    assert second.finish() == 1
    assert second.output == (
        f"CleverAI is already running here (pid {first.process.pid}), at http://127.0.0.1:{clone.port}/\n"
    )
    first.stop(signal.SIGINT)


def test_a_busy_port_is_named_before_anything_is_started(clone: Clone) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", clone.port))
        other.listen()
        demo = clone.start("demo")

        assert demo.finish() == 1
    assert f"Port {clone.port} is busy" in demo.output
    assert f"make demo PORT={clone.port + 1}" in demo.output
    assert not (clone.folder / ".local" / "postgres").exists()


def test_a_killed_demo_leaves_no_obstacle(clone: Clone) -> None:
    """Nobody can clean up after SIGKILL; the next start takes over the lock and stops the servers left on the data."""
    first = clone.start("run", "--", "sleep", "600")
    while not (sleepers := [process for process in first.family() if _is_called(process, "sleep")]):
        assert first.process.poll() is None
    servers = [process for process in first.family() if process not in sleepers]
    first.kill()

    second = clone.start("run", "--", "python", "-c", "print('well')")

    assert second.finish() == 0
    assert "well" in second.output
    assert alive(servers) == []
    sleepers[0].kill()
    assert alive(sleepers) == []


def test_the_demo_starts_again_where_a_killed_one_has_left_its_site_running(clone: Clone) -> None:
    first = clone.start("demo")
    first.read_until("Ready in")
    family = first.family()
    first.kill()

    second = clone.start("demo")

    assert "visits: 2" in second.read_until("Ready in")
    assert alive(family) == []
    second.stop(signal.SIGINT)


def test_run_hands_over_addresses_and_the_exit_code(clone: Clone) -> None:
    program = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL']); sys.exit(7)"

    run = clone.start("run", "--", "python", "-c", program)

    assert run.finish() == 7
    addresses = clone.env_file()
    assert run.output.split() == [addresses["DATABASE_URL"], addresses["REDIS_URL"]]
    assert addresses["ENVIRONMENT"] == "development"
    assert stat.S_IMODE((clone.folder / ".local" / "env").stat().st_mode) == 0o600


def test_run_joins_the_servers_of_a_running_demo(clone: Clone) -> None:
    demo = clone.start("demo")
    demo.read_until("Ready in")

    joined = clone.start("run", "--", "python", "-c", "import os; print(os.environ['DATABASE_URL'])")

    assert joined.finish() == 0
    assert joined.output.strip() == clone.env_file()["DATABASE_URL"]
    demo.stop(signal.SIGINT)


def test_temporary_servers_disturb_nobody(clone: Clone) -> None:
    demo = clone.start("demo")
    demo.read_until("Ready in")

    run = clone.start(
        "run", "--temporary", "--relaxed", "--", "python", "-c", "import os; print(os.environ['DATABASE_URL'])"
    )

    assert run.finish() == 0
    assert run.output.strip() != clone.env_file()["DATABASE_URL"]
    demo.stop(signal.SIGINT)


def test_given_addresses_are_used_and_nothing_is_started(clone: Clone) -> None:
    given = {"DATABASE_URL": "postgresql://db.example.com/cleverai", "REDIS_URL": "redis://cache.example.com/0"}
    program = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"

    run = clone.start("run", "--", "python", "-c", program, **given)

    assert run.finish() == 0
    assert run.output.split() == list(given.values())
    assert not (clone.folder / ".local" / "postgres").exists()
    assert "DATABASE_URL" not in clone.env_file()


def test_a_deep_clone_gets_a_short_socket_of_its_own(tmp_path: Path) -> None:
    program = "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']); print(os.environ['DATABASE_URL'])"
    deep = tmp_path / ("a long way down " * 4) / ("and further " * 4)
    first, second = Clone(deep / "one"), Clone(deep / "two")

    runs = [each.start("run", "--", "python", "-c", program) for each in (first, second)]

    assert [run.finish() for run in runs] == [0, 0], runs[0].output + runs[1].output
    assert runs[0].output != runs[1].output
    assert all(len(run.output) < 100 for run in runs)


def _nobody_can_run_python() -> bool:
    try:
        return (
            subprocess.run(
                [sys.executable, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


@pytest.mark.skipif(not _nobody_can_run_python(), reason="takes root, and a Python that others may run")
def test_an_ordinary_user_needs_no_root(tmp_path: Path) -> None:
    """Run the servers as a user who owns the clone and nothing else."""
    clone = Clone(tmp_path / "clone")
    for path in (clone.folder, *clone.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for parent in clone.folder.parents:
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    program = "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']); print(os.geteuid())"

    run = clone.start("run", "--", "python", "-c", program, user=NOBODY)

    assert run.finish() == 0, run.output
    assert run.output.strip() == str(NOBODY)
