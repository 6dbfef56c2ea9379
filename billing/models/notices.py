"""What a person was told about their credits."""

from django.db import models
from django.db.models import Q


class Notice(models.Model):
    """A warning that a charge, capture, expiry or claw-back crossed (decision 19), written with its cause.

    `available` is what was left at that moment, in millicredits.
    """

    class Level(models.IntegerChoices):
        LOW = 1, "Below 20 %"
        VERY_LOW = 2, "Below 5 %"
        OUT = 3, "Out of credits"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="notices", db_index=False)
    level = models.PositiveSmallIntegerField(choices=Level)
    cycle = models.PositiveIntegerField()
    available = models.BigIntegerField()
    raised_at = models.DateTimeField()
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(level__in=[1, 2, 3]), name="notice_level_is_known")]
        indexes = [models.Index(fields=["wallet", "-id"], name="notices_newest_first")]

    def __str__(self) -> str:
        return f"{self.get_level_display()} in cycle {self.cycle}"
