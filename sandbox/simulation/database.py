"""A database of a simulation's own: made by it, and gone with it, also when it is interrupted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.db import connection

from billing.selectors import catalog

PREFIX = "test_simulation_"


@contextmanager
def temporary_database() -> Iterator[str]:
    """Create a database with all tables and the catalog in it, use it inside, and drop it; yield its name.

    Its name lets the books' guards know that it may be thrown away. A SIGTERM ends the block as Ctrl-C does.
    """
    before = str(connection.settings_dict["NAME"])
    test = {**connection.settings_dict["TEST"], "NAME": f"{PREFIX}{os.getpid()}", "MIGRATE": True}
    terminated = signal.signal(signal.SIGTERM, _interrupt)
    kept, connection.settings_dict["TEST"] = connection.settings_dict["TEST"], test
    try:
        name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        with connection.cursor() as cursor:  # nobody needs these books after a power cut
            cursor.execute("SET synchronous_commit TO off")
        catalog.fresh()
        yield name
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if connection.settings_dict["NAME"] == test["NAME"]:
            connection.creation.destroy_test_db(before, verbosity=0)
        connection.settings_dict["TEST"] = kept
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, terminated)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
