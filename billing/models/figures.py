"""What all books came to on each closed day: so that staff's figures are added up from days, not from entries."""

from django.db import models
from django.db.models import Q

from billing.models.ledger import Grant


class DailyFigures(models.Model):
    """A closed day, by UTC, with what happened on it. Written by a periodic task from the rows, and rebuildable.

    `used` is what use cost, in millicredits, whether or not it burned credits; money is cents in USD.
    """

    day = models.DateField(primary_key=True)
    used = models.BigIntegerField(default=0)
    sign_ups = models.PositiveIntegerField(default=0, help_text="Also of people who have left since.")
    failed_payments = models.PositiveIntegerField(default=0, help_text="Of plans; each period counts once.")
    pack_cents = models.BigIntegerField(default=0)
    plan_cents = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "daily figures"

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class DailyCredits(models.Model):
    """What a closed day did to the credits of one lot: those of one source that are worth the same. In millicredits.

    A lot of packs is what cost `cents` for `amount` millicredits; a lot of monthly credits is those of a paid `plan`.
    What was given and is neither spent, expired nor taken is outstanding, held credits included.
    """

    day = models.DateField()
    source = models.CharField(max_length=12, choices=Grant.Source)
    plan = models.CharField(max_length=32, blank=True, help_text="The plan that was paid for.")
    cents = models.BigIntegerField(default=0)
    amount = models.BigIntegerField(default=0)
    given = models.BigIntegerField(default=0)
    spent = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0)
    taken = models.BigIntegerField(default=0, help_text="By staff, refunds and disputes; less than 0: given back.")

    class Meta:
        verbose_name_plural = "daily credits"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "source", "plan", "cents", "amount"], name="one_row_per_day_and_lot"
            ),
            models.CheckConstraint(
                condition=Q(given__gte=0, spent__gte=0, expired__gte=0), name="day_gives_and_uses_up_nothing_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} on {self.day:%Y-%m-%d}"
