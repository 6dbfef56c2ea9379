"""`manage.py reconcile`: compare the books with Stripe's, repair what is safe, and say what is left to a person."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import tasks
from billing.services import reconciliation


class Command(BaseCommand):
    help = (
        "Ask Stripe for the events, payments, refunds and disputes since the last time, and make up for what was "
        "missed. Exit code 1 says that something is left for a person, or that Stripe didn't answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="look back as far as Stripe keeps events: 30 days")

    def handle(self, *, all: bool, **_: object) -> None:  # noqa: A002 - the option's name
        run = reconciliation.run(now=timezone.now(), since_last_run=not all)
        handled = tasks.sweep_stripe_events()
        for name, number in {**run.counts, "events handled": handled}.items():
            self.stdout.write(f"{name:<24}{number:>12,}")
        for finding in run.findings:
            self.stderr.write(finding)
        if run.findings:
            number = len(run.findings)
            raise CommandError(f"Left for a person: {number:,} finding{'' if number == 1 else 's'}.")
        self.stdout.write("Reconciled: Stripe and the books tell the same.")
