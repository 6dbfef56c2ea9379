"""What stays of a person who has left: a keyed hash while their Free month lasts, and what is still to be done."""

from django.db import models
from django.db.models import Q


class Departure(models.Model):
    """An address that had a Free allowance until `free_until`, as a keyed hash that names nobody (decision 25).

    `anchor_at` and `period` are its Free subscription's, which a new sign-up goes on with. It is deleted when the month
    is over.
    """

    address_hash = models.CharField(max_length=64, unique=True)
    anchor_at = models.DateTimeField()
    period = models.PositiveIntegerField()
    free_until = models.DateTimeField()
    left_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Departure {self.pk}"


class Farewell(models.Model):
    """What is left to do for a wallet whose owner has left: a last mail, an end at Stripe, names in the books.

    `address` is where the last mail goes; it is emptied once the mail has gone or was given up. `finished_at` is when
    nothing was left to do.
    """

    wallet = models.OneToOneField("Wallet", models.PROTECT, related_name="farewell")
    left_at = models.DateTimeField()
    address = models.EmailField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, help_text="Why the last attempt came to nothing.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, next_attempt_at__isnull=False)
                | Q(finished_at__isnull=False, next_attempt_at__isnull=True, address=""),
                name="farewell_waits_for_a_moment_or_is_finished",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="farewells_to_go_on_with", condition=Q(finished_at=None)),
        ]

    def __str__(self) -> str:
        return f"Farewell of wallet {self.wallet_id}"
