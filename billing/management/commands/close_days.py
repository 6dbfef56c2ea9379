"""`manage.py close_days`: write the figures of the days that are over, or all of them anew."""

from argparse import ArgumentParser
from datetime import date

from django.core.management.base import BaseCommand
from django.utils import timezone

from billing.services import figures


class Command(BaseCommand):
    help = "Write down what all books came to on the days that are over, as the worker does every hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", metavar="DAY", type=date.fromisoformat, help="write all days from YYYY-MM-DD on anew"
        )

    def handle(self, *, since: date | None, **_: object) -> None:
        written = figures.close_days(now=timezone.now(), since=since)
        self.stdout.write(f"{written:,} day{'' if written == 1 else 's'} written.")
