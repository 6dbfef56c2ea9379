"""Ends of accounts: what is still to be done at Stripe for people who have left, and why it wasn't done yet."""

from django.contrib import admin
from django.db.models import Q

from billing.admin.reading import OfAWallet, Only, moment_column
from billing.models import Farewell


class Unfinished(Only):
    title = parameter_name = "unfinished"
    label = "Not over yet"
    condition = Q(finished_at=None)


@admin.register(Farewell)
class FarewellAdmin(OfAWallet):
    """Farewells, newest first. They go on by themselves; the address of the last mail is nobody's to read."""

    left, next_attempt = moment_column("left_at"), moment_column("next_attempt_at", "Next attempt")
    finished = moment_column("finished_at", empty="Not yet")
    list_display = ("__str__", "owner", "left", "finished", "attempts", "next_attempt", "error")
    list_filter = (Unfinished, "left_at")
    fields = ("owner", "left", "finished", "mail", "attempts", "next_attempt", "error")
    search_help_text = "A wallet's number."

    @admin.display(description="Last mail")
    def mail(self, row: Farewell) -> str:
        return "Still to be sent" if row.address else "Sent, or given up"
