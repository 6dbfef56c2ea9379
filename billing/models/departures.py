"""What stays of a person who has left: a keyed hash, so that nobody gets a second Free month by coming back."""

from django.db import models


class Departure(models.Model):
    """An address that had a Free allowance until `free_until`, as a keyed hash that names nobody (decision 25).

    `anchor_at` and `period` are its Free subscription's, which a new sign-up goes on with.
    """

    address_hash = models.CharField(max_length=64, unique=True)
    anchor_at = models.DateTimeField()
    period = models.PositiveIntegerField()
    free_until = models.DateTimeField()
    left_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Departure {self.pk}"
