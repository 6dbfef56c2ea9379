"""A database of a simulation's own: made by it, and gone with it, also when it is interrupted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection

PREFIX = "test_simulation_"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def temporary_database() -> Iterator[str]:
    """Create a database with all tables and the catalog in it, use it inside, and drop it; yield its name.

    Its name lets the books' guards know that it may be thrown away. A SIGTERM ends the block as Ctrl-C does.
    """
    own = connection.settings_dict
    before, test_before = str(own["NAME"]), own["TEST"]
    name = f"{PREFIX}{os.getpid()}"
    handlers = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        own["TEST"] = {**test_before, "NAME": name, "MIGRATE": True}
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO off")  # nobody needs these books after a power cut
        yield name
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        connection.close()
        own["TEST"] = test_before
        own["NAME"] = settings.DATABASES[DEFAULT_DB_ALIAS]["NAME"] = before
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)} WITH (FORCE)")
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
