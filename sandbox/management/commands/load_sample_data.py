"""`manage.py load_sample_data`: believable customers to look at; `make demo` runs it."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils import timezone

from sandbox import sample_data
from sandbox.sample_data import keys, people


class Command(BaseCommand):
    help = "Create three customers with a year of history and three of staff, unless they exist; print how to sign in."

    def handle(self, **_: object) -> None:
        now = timezone.now()
        sample_data.load(now=now)
        site = settings.SITE_URL.rstrip("/")
        table = people.sign_in_table(site + reverse("admin:index"), site + reverse("sandbox:authenticator"))
        self.stdout.write(table)
        self.stdout.write(keys.how_to_try(site, keys.find_or_make(now=now)))
