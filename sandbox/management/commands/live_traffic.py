"""`manage.py live_traffic`: sample customers at work until Ctrl-C; `make demo` runs it."""

import random
import signal
import threading

from django.core.management.base import BaseCommand
from django.utils import timezone

from sandbox.traffic import Traffic


class Command(BaseCommand):
    help = "Drive the real metering calls for the sample customers on Pro and Enterprise, until stopped."
    requires_system_checks = []

    def handle(self, **_: object) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        Traffic(clock=timezone.now, rng=random.Random(), stopped=stopped).run()
