"""`manage.py sync_stripe_catalog`: let Stripe sell what our catalog says."""

from argparse import ArgumentParser
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from billing import gateway
from billing.errors import PaymentError
from billing.services import stripe_catalog


class Command(BaseCommand):
    help = (
        "Show how Stripe's products, prices and Customer Portal differ from our catalog, ask, and make them alike. "
        "Run it after the first migration and after every change of a pack or a plan; twice is harmless."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="change without asking")
        parser.add_argument(
            "--webhook",
            metavar="URL",
            nargs="?",
            const=settings.SITE_URL,
            help="also have Stripe send its events to this site, or to the site at URL",
        )

    def handle(self, *, yes: bool, webhook: str | None, **_: object) -> None:
        mode = "live mode, real money" if gateway.livemode() else "test mode"
        self.stdout.write(f"Stripe at {settings.STRIPE_API_BASE}, {mode}.")
        try:
            self._sync(yes=yes)
            if webhook is not None:
                self._sync_endpoint(webhook)
        except PaymentError as error:
            raise CommandError(str(error)) from error

    def _sync(self, *, yes: bool) -> None:
        differences = stripe_catalog.differences()
        if not differences:
            self.stdout.write("Stripe sells what our catalog says: nothing to change.")
            return
        for difference in differences:
            self.stdout.write(f"  {difference}")
        if not yes and not self._is_confirmed(len(differences)):
            raise CommandError("Nothing was changed.")
        number = len(stripe_catalog.sync(now=timezone.now()))
        self.stdout.write(f"Done: {number} change{'' if number == 1 else 's'}.")

    def _is_confirmed(self, number: int) -> bool:
        try:
            return input(f"Make {'this change' if number == 1 else f'these {number} changes'}? [y/N] ") in {"y", "yes"}
        except EOFError:
            self.stdout.write("Nobody is there to answer; --yes changes without asking.")
            return False

    def _sync_endpoint(self, site: str) -> None:
        parts = urlsplit(site)
        if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise CommandError("Stripe sends events to https:// only, to a site like https://credits.example.com.")
        url = f"https://{parts.netloc}{reverse('stripe_webhook')}"
        endpoint = stripe_catalog.sync_endpoint(url=url)
        if endpoint is None:
            self.stdout.write(f"Stripe sends our events to {url} already.")
            return
        self.stdout.write(f"Stripe sends our events to {url} from now on, signed with this secret:")
        self.stdout.write(f"\n  STRIPE_WEBHOOK_SECRETS={endpoint.secret}\n")
        self.stdout.write("It is shown once. Beside an older one, put it first, with a comma between them.")
