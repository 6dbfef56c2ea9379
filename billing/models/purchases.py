"""Sales: what was put into a Checkout, what was paid, and what money went back. Amounts of money are cents in USD."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Checkout(models.Model):
    """One Checkout Session of Stripe's, for a pack or a plan; reserved here before Stripe is asked to open it.

    `id` is what Stripe returns as `client_reference_id`. A wallet has one open Checkout per thing.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PROCESSING = "processing", "Payment on its way"
        COMPLETE = "complete", "Paid"
        FAILED = "failed", "Payment failed"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="checkouts")
    price = models.ForeignKey("StripePrice", models.PROTECT, related_name="checkouts")
    thing = models.CharField(max_length=200, help_text="The lookup key of what is sold.")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    stripe_session_id = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001  (unique where known)
    url = models.URLField(max_length=2_000, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True, help_text="When the fetch began that this state comes from.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "thing"], condition=Q(status="open"), name="one_open_checkout_per_wallet_and_thing"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="checkout_expires_after_it_opens"),
        ]
        indexes = [models.Index(fields=["created_at"], name="checkouts_by_age")]

    def __str__(self) -> str:
        return f"{self.thing}, {self.get_status_display().lower()}"


class Purchase(models.Model):
    """Credits that were paid for: a pack's Checkout Session, or a line of a subscription's invoice, once each.

    `business_key` is the grant's. `cents` is what its whole payment came to, which refunds are measured by; the grant
    is empty only for a plan that gives no credits.
    """

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="purchases")
    business_key = models.CharField(max_length=200)
    pack = models.ForeignKey("Pack", models.PROTECT, null=True, blank=True, related_name="purchases")
    plan = models.ForeignKey("Plan", models.PROTECT, null=True, blank=True, related_name="purchases")
    grant = models.OneToOneField("Grant", models.PROTECT, null=True, blank=True, related_name="purchase")
    cents = models.PositiveIntegerField()
    stripe_payment_intent_id = models.CharField(max_length=255, blank=True, help_text="Empty when nothing was due.")
    stripe_invoice_id = models.CharField(max_length=255, blank=True)
    stripe_session_id = models.CharField(max_length=255, blank=True)
    paid_at = models.DateTimeField(help_text="By Stripe's clock.")
    fulfilled_at = models.DateTimeField()

    class Meta:
        permissions = [("refund_purchase", "Can refund a purchase")]
        constraints = [
            models.CheckConstraint(
                condition=Q(pack__isnull=False, plan__isnull=True) | Q(pack__isnull=True, plan__isnull=False),
                name="purchase_is_of_a_pack_or_a_plan",
            ),
            models.UniqueConstraint(fields=["wallet", "business_key"], name="one_purchase_per_business_key"),
        ]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="purchases_newest_first"),
            models.Index(fields=["stripe_payment_intent_id"], name="purchases_by_payment"),
            models.Index(fields=["fulfilled_at"], name="purchases_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.pack or self.plan}, paid {self.paid_at:%Y-%m-%d}"


class Refund(models.Model):
    """Money that goes back to a customer. One asked for by staff stands here before Stripe is asked.

    What it takes back follows its status: a refund can still fail, and then gives back (decision 24).
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", "Asked for"
        PENDING = "pending", "On its way"
        REQUIRES_ACTION = "requires_action", "Waits for the customer"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Cancelled"
        REFUSED = "refused", "Refused by Stripe"

    #: The states in which the money is, or is about to be, the customer's again.
    RETURNED = (Status.PENDING, Status.REQUIRES_ACTION, Status.SUCCEEDED)

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="refunds")
    stripe_refund_id = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001  (unique where known)
    stripe_payment_intent_id = models.CharField(max_length=255)
    cents = models.PositiveIntegerField()
    status = models.CharField(max_length=15, choices=Status)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    key = models.CharField(max_length=200, unique=True, null=True)  # noqa: DJ001  (a staff form's one-time key)
    error = models.CharField(max_length=500, blank=True)
    requested_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True, help_text="When the fetch began that this state comes from.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(cents__gt=0), name="refund_returns_something")]
        indexes = [models.Index(fields=["stripe_payment_intent_id"], name="refunds_by_payment")]

    def __str__(self) -> str:
        return self.stripe_refund_id or f"Refund {self.pk}"


class Dispute(models.Model):
    """A payment that a customer's bank took back, wholly or in part, for good or until it is won.

    `withdrawn_cents` is what Stripe's balance has lost to it at present; 0 once it was reinstated.
    """

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="disputes")
    stripe_dispute_id = models.CharField(max_length=255, unique=True)
    stripe_payment_intent_id = models.CharField(max_length=255)
    cents = models.PositiveIntegerField()
    withdrawn_cents = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=40, help_text="In Stripe's words.")
    reason = models.CharField(max_length=80, blank=True, help_text="In Stripe's words.")
    opened_at = models.DateTimeField(help_text="By Stripe's clock.")
    synced_at = models.DateTimeField(help_text="When the fetch began that this state comes from.")

    class Meta:
        indexes = [models.Index(fields=["stripe_payment_intent_id"], name="disputes_by_payment")]

    def __str__(self) -> str:
        return self.stripe_dispute_id
