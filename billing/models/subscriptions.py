"""Which plan a wallet is on, and where in its cycle."""

from django.db import models
from django.db.models import F, Q


class Subscription(models.Model):
    """A wallet's present plan. All times in UTC.

    On Free, period *n* starts at anchor + *n* months (`billing.periods`), and `period` is the last one whose allowance
    was issued. `allowance` overrides the plan's for a contract (decision 12).
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAST_DUE = "past_due", "Past due"
        CANCELLING = "cancelling", "Ends with this cycle"
        ENDED = "ended", "Ended"

    wallet = models.OneToOneField("Wallet", models.PROTECT, related_name="subscription")
    plan = models.ForeignKey("Plan", models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    anchor_at = models.DateTimeField()
    period = models.PositiveIntegerField(default=0)
    period_started_at = models.DateTimeField()
    period_ends_at = models.DateTimeField()
    allowance = models.BigIntegerField(null=True, blank=True, help_text="Millicredits; by contract.")
    stripe_subscription = models.OneToOneField(
        "StripeSubscription", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who pays for it."
    )
    started_at = models.DateTimeField()

    class Meta:
        permissions = [("set_contract", "Can set and end contracts")]
        constraints = [
            models.CheckConstraint(
                condition=Q(period_ends_at__gt=F("period_started_at")), name="subscription_period_has_a_length"
            ),
            models.CheckConstraint(
                condition=Q(allowance__isnull=True) | Q(allowance__gte=0), name="contract_allowance_is_never_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}, {self.status}"


class StripeSubscription(models.Model):
    """A subscription at Stripe, as it was when it was last fetched. A wallet may have had several, one after another.

    `status` is in Stripe's words, and may be one that Stripe adds later.
    """

    #: Stripe goes on collecting money, or tries to.
    LIVE = ("active", "trialing", "past_due", "paused")
    #: Stripe has given up, or was told to stop.
    OVER = ("canceled", "unpaid", "incomplete_expired")

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="stripe_subscriptions")
    stripe_subscription_id = models.CharField(max_length=255, unique=True)
    price = models.ForeignKey("StripePrice", models.PROTECT, null=True, blank=True, related_name="+")
    status = models.CharField(max_length=30)
    cancel_at = models.DateTimeField(null=True, blank=True)
    current_period_ends_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, help_text="When the fetch began that this state comes from.")

    def __str__(self) -> str:
        return f"{self.stripe_subscription_id}, {self.status}"
