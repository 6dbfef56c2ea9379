"""`manage.py prove`: check every sum of the books, with an exit code for scripts."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from billing.management.usage_import import find_wallet
from billing.services import proof, reconciliation
from billing.units import format_credits


class Command(BaseCommand):
    help = "Check every sum of the books, over all wallets or one. Exit code 1 says that something doesn't add up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wallet", metavar="EMAIL", help="only this person's wallet")

    def handle(self, *, wallet: str | None, **_: object) -> None:
        wallet_id = None
        if wallet is not None:
            found = find_wallet(wallet)
            if found is None:
                raise CommandError(f"Nobody has a wallet as “{wallet}”.")
            wallet_id = found.pk
        differences = proof.prove(wallet_id=wallet_id)
        figures = proof.figures(wallet_id=wallet_id)
        for name, number in figures.counts.items():
            self.stdout.write(f"{name:<12}{number:>24,}")
        for name, amount in figures.amounts.items():
            self.stdout.write(f"{name:<12}{format_credits(amount):>24} credits")
        for name, number in proof.overdue().items():
            self.stderr.write(f"Warning: {name} for more than five minutes: {number:,}.")
        for warning in _of_last_reconciliation():
            self.stderr.write(f"Warning: {warning}")
        if differences:
            for difference in differences:
                self.stderr.write(str(difference))
            number = len(differences)
            raise CommandError(f"The books don't add up: {number:,} difference{'' if number == 1 else 's'}.")
        self.stdout.write("Books proven: every sum holds.")


def _of_last_reconciliation() -> list[str]:
    """Return what the last reconciliation with Stripe left for a person."""
    last = reconciliation.latest()
    if last is None:
        return []
    return [f"reconciliation of {last.started_at:%Y-%m-%d %H:%M} UTC: {finding}" for finding in last.findings]
