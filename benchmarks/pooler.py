"""PgBouncer in front of the database, with transaction pooling, for the length of a measurement.

`python -m benchmarks.pooler [--unprepared] -- COMMAND` runs a command behind it. PGBOUNCER names another binary.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg

START_SECONDS = 10


def binary() -> str | None:
    """Return the path of PgBouncer, or None where there is none."""
    return os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")


def version() -> tuple[int, ...]:
    """Return PgBouncer's version, (0,) where there is none."""
    if not (path := binary()):
        return (0,)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return tuple(int(part) for part in said[1].split("."))


@contextlib.contextmanager
def running(database_url: str, *, connections: int, prepared: bool) -> Iterator[dict[str, str]]:
    """Start PgBouncer with so many connections to the server, and yield the variables that lead through it.

    Without `prepared` it and we do as with versions before 1.21, which know no prepared statements.
    """
    server = urlsplit(database_url)
    host = unquote(server.netloc.rpartition("@")[2])
    name = server.path.removeprefix("/")
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        identity = {}
        if (
            host.startswith("/") and os.geteuid() == 0
        ):  # it refuses root, and only its owner gets to the embedded server
            owner = pwd.getpwuid(Path(host).stat().st_uid)
            identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        configuration = Path(folder) / "pgbouncer.ini"
        configuration.write_text(_configuration(host, server.username or "", folder, connections, prepared=prepared))
        configuration.chmod(0o644)
        process = subprocess.Popen(
            [binary() or "pgbouncer", "--quiet", str(configuration)], stderr=subprocess.DEVNULL, **identity
        )
        url = f"postgresql://{server.username}@{quote(folder, safe='')}:6432/{name}"
        try:
            _wait_for(url, process)
            yield {"DATABASE_URL": url, "DATABASE_POOLING": "transaction" if prepared else "transaction-unprepared"}
        finally:
            process.kill()  # asked to end, it would wait for its clients
            process.wait(START_SECONDS)


def _configuration(host: str, user: str, folder: str, connections: int, *, prepared: bool) -> str:
    settings = {
        "listen_addr": "",
        "unix_socket_dir": folder,
        "listen_port": 6432,
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": connections,
        "max_client_conn": 1_000,
        "logfile": "/dev/null",
        "ignore_startup_parameters": "extra_float_digits",
        **({"max_prepared_statements": 200} if prepared else {}),
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["[databases]", f"* = host={host} user={user}", "[pgbouncer]", *lines, ""])


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def main(arguments: Sequence[str]) -> int:
    prepared = "--unprepared" not in arguments
    command = list(arguments)[list(arguments).index("--") + 1 :]
    with running(os.environ["DATABASE_URL"], connections=20, prepared=prepared) as found:
        return subprocess.run(command, env=os.environ | found, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
