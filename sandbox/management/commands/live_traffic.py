"""`manage.py live_traffic`: sample customers at work until Ctrl-C; `make demo` runs it."""

import logging
import random
import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from sandbox.backend import Backend
from sandbox.sample_data import keys
from sandbox.traffic import Traffic


class Command(BaseCommand):
    help = "Drive the real metering calls and the API for the sample customers on Pro and Enterprise, until stopped."
    requires_system_checks = []

    def handle(self, **_: object) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        logging.getLogger("httpx").setLevel(logging.WARNING)
        token = keys.kept()
        backend = Backend(settings.SITE_URL, token) if token else None
        Traffic(clock=timezone.now, rng=random.Random(), stopped=stopped, backend=backend).run()
        if backend is not None:
            backend.close()
