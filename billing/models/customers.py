"""Who a wallet's owner is at Stripe."""

from django.db import models
from django.db.models import Q


class Customer(models.Model):
    """A wallet's customer at Stripe, reserved here before Stripe is asked to create it.

    `generation` counts the customers that a wallet has had: one that was deleted at Stripe is replaced by a new one.
    Stripe's id is empty until Stripe has answered.
    """

    wallet = models.OneToOneField("Wallet", models.PROTECT, related_name="customer")
    stripe_customer_id = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001  (unique where known)
    generation = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(stripe_customer_id=""), name="customer_id_is_unknown_or_something"),
        ]

    def __str__(self) -> str:
        return self.stripe_customer_id or f"Customer {self.pk}"


class FormerCustomer(models.Model):
    """A customer that was deleted at Stripe: what it had paid for can still be refunded or disputed."""

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="former_customers")
    stripe_customer_id = models.CharField(max_length=255, unique=True)
    deleted_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.stripe_customer_id
