"""What our catalog is called at Stripe."""

from django.db import models
from django.db.models import Q


class StripePrice(models.Model):
    """A price at Stripe that sells one of our packs or plans; credits are granted by its id, never by an amount.

    A changed price becomes a further row: who paid an older one still gets what it sold. `amount` is what a pack of
    that price holds, in millicredits; a plan's credits are the plan's.
    """

    stripe_price_id = models.CharField(max_length=255, unique=True)
    lookup_key = models.CharField(max_length=200)
    pack = models.ForeignKey("Pack", models.PROTECT, null=True, blank=True, related_name="stripe_prices")
    plan = models.ForeignKey("Plan", models.PROTECT, null=True, blank=True, related_name="stripe_prices")
    cents = models.PositiveIntegerField(help_text="In USD; for a plan, per month.")
    amount = models.BigIntegerField(null=True, blank=True, help_text="A pack's millicredits.")
    is_current = models.BooleanField(default=True, help_text="Sold at present.")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pack__isnull=False, plan__isnull=True, amount__gt=0)
                | Q(pack__isnull=True, plan__isnull=False, amount__isnull=True),
                name="stripe_price_sells_a_pack_or_a_plan",
            ),
            models.UniqueConstraint(
                fields=["lookup_key"], condition=Q(is_current=True), name="one_current_stripe_price_per_thing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lookup_key}, {self.stripe_price_id}"
