"""`make demo`: all of CleverAI on this machine, with sample data and live traffic."""

import errno
import io
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

import django
from django.core.management import call_command
from django.db import connections
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from sandbox import environment, servers
from sandbox.errors import SandboxError
from sandbox.lock import Lock
from sandbox.run import process_environment, variables
from sandbox.servers import processes

READY_SECONDS = 120
EXPECTED_EXITS = {0, 130, 143}
MARK = "CLEVERAI_DEMO"


def demo(*, port: int, began: float) -> int:
    """Start everything, say when it is ready, and return when it has stopped. `began` is a `time.monotonic()`."""
    url = f"http://127.0.0.1:{port}"
    with Lock(environment.LOCAL / "lock") as lock:
        lock.acquire(url=f"{url}/")
        processes.stop_marked(MARK, str(environment.ROOT), seconds=5)
        refuse_busy_port(port)
        with servers.running(environment.LOCAL, site_url=url) as addresses:
            found = variables(addresses, site_url=url)
            environment.write_env_file(found)
            lock.tell(url=f"{url}/", ready=True)
            own = {"PORT": str(port), "PYTHONUNBUFFERED": "1", MARK: str(environment.ROOT)}
            os.environ.update(process_environment(found) | own)
            table = _prepare()
            return _serve(url, table, began)


def refuse_busy_port(port: int) -> None:
    """Raise SandboxError if somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise SandboxError(
                    f"Port {port} is reserved for root. Choose another one: make demo PORT=8001"
                ) from None
            other = port + 1 if port < 65_535 else 8000
            raise SandboxError(
                f"Port {port} is busy: another program listens on 127.0.0.1:{port}. "
                f"Choose another one: make demo PORT={other}"
            ) from None


def _prepare() -> str:
    """Bring the database up to date, load the sample data, and return the table of sign-ins that the loader prints."""
    print("Preparing the database …", flush=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    table = io.StringIO()
    call_command("load_sample_data", stdout=table)
    connections.close_all()
    return table.getvalue().strip("\n")


def _serve(url: str, table: str, began: float) -> int:
    manager = Manager(Printer(prefix=True))
    for name, command in parse_procfile((environment.ROOT / "Procfile.dev").read_text()).processes.items():
        manager.add_process(name, command, cwd=str(environment.ROOT))
    threading.Thread(target=_announce, args=(url, table, began), daemon=True).start()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    code = manager.returncode or 0
    return 0 if code in EXPECTED_EXITS else code


def _announce(url: str, table: str, began: float) -> None:
    """Wait until the site answers, then say so where it can't be overlooked."""
    deadline = time.monotonic() + READY_SECONDS
    time.sleep(0.5)
    while not _ready(f"{url}/readyz"):
        if time.monotonic() > deadline:
            print(
                f"\n{url}/readyz has not answered for {READY_SECONDS} seconds; the lines above may say why.\n",
                flush=True,
            )
            return
        time.sleep(0.1)
    seconds = time.monotonic() - began
    stripe = os.environ.get("STRIPE_API_BASE")
    lines = [
        "",
        f"CleverAI is ready at {url}/",
        "",
        table,
        "",
        *([f"Stripe's stand-in, where cards are free: {stripe}/sandbox/"] if stripe else []),
        f"Ready in {seconds:.1f} s. Mails: {url}/sandbox/mail/ · Stop: Ctrl-C",
        "",
    ]
    print("\n".join(lines), flush=True)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
