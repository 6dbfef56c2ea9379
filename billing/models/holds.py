"""Credits set aside before work whose cost is not known yet (decision 9)."""

from django.db import models
from django.db.models import F, Q


class Hold(models.Model):
    """An authorisation: `amount` millicredits for up to `quantity` base units at the price of its opening.

    `grant` is the one grant it took them from, or empty when the opening entry's shares name several.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CAPTURED = "captured", "Captured"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"

    #: Set on the object that `metering.hold` returns when the key had been used before; not stored.
    replayed = False

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="holds", db_constraint=False, db_index=False)
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    feature = models.ForeignKey("Feature", models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    priced_as = models.ForeignKey("Feature", models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    price = models.ForeignKey("FeaturePrice", models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    quantity = models.BigIntegerField(help_text="Base units that may be used.")
    amount = models.BigIntegerField(help_text="Millicredits set aside.")
    unlimited = models.BooleanField(default=False, help_text="Opened on an unlimited wallet; settles as such.")
    source = models.CharField(max_length=80, blank=True)
    grant = models.ForeignKey("Grant", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_amount_is_never_negative"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="hold_is_for_something"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("opened_at")), name="hold_expires_after_it_opens"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True) | ~Q(status="open") & Q(closed_at__isnull=False),
                name="hold_is_closed_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "expires_at"], name="open_holds_of_a_wallet", condition=Q(status="open")),
        ]

    def __str__(self) -> str:
        return f"Hold {self.pk}"
