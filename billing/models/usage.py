"""What was used: totals a day, and the lines of a workflow run."""

from django.db import models
from django.db.models import Q


class DailyUsage(models.Model):
    """A wallet's usage of one feature from one source on one local day; written with the charge, rebuildable.

    A workflow run counts once on its own row, with its nodes' quantities and costs on rows of theirs, so that `uses`,
    `quantity` and `cost` (millicredits) all add up.
    """

    wallet = models.ForeignKey(
        "Wallet", models.PROTECT, related_name="daily_usage", db_constraint=False, db_index=False
    )
    used_on = models.DateField()
    cycle = models.IntegerField()
    feature = models.ForeignKey("Feature", models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    priced_as = models.ForeignKey("Feature", models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    source = models.CharField(max_length=80)
    quantity = models.BigIntegerField(help_text="In the base unit of `priced_as`.")
    cost = models.BigIntegerField()
    uses = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "used_on", "cycle", "feature", "priced_as", "source"],
                name="one_row_per_day_and_kind_of_usage",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, cost__gte=0, uses__gte=0), name="usage_is_never_negative"
            ),
        ]
        indexes = [models.Index(fields=["wallet", "cycle"], name="usage_of_a_cycle")]

    def __str__(self) -> str:
        return f"{self.feature_id} on {self.used_on}"


class UsageLine(models.Model):
    """One node of a workflow run: what it used and what that cost. A free step has no feature and costs nothing."""

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="+", db_index=False)
    entry = models.ForeignKey("LedgerEntry", models.PROTECT, related_name="lines", db_index=False)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120, blank=True)
    feature = models.ForeignKey(
        "Feature", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    quantity = models.BigIntegerField(null=True)
    price = models.ForeignKey(
        "FeaturePrice", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    cost = models.BigIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="one_line_per_position"),
            models.CheckConstraint(condition=Q(cost__gte=0), name="line_cost_is_never_negative"),
        ]

    def __str__(self) -> str:
        return f"Line {self.position}"
