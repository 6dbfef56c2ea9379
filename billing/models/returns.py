"""Charges that are returned as goodwill: all of a feature's in a span of time, to each wallet once."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from billing.periods import EARLIEST, TOO_LATE


class ChargeReturn(models.Model):
    """What staff returned: every charge of `feature` that was posted from `from_at` until just before `until`.

    While it isn't finished, `next_attempt_at` is when a worker may go on with it: now, after a pause, or once whoever
    is at it hasn't shown a sign of life for too long.
    """

    feature = models.ForeignKey("Feature", models.PROTECT, related_name="+")
    from_at = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=500)
    is_reason_shown = models.BooleanField(help_text="Whether customers read the reason.")
    expires_at = models.DateTimeField(null=True, help_text="When the returned credits expire; empty: never.")
    key = models.CharField(max_length=200, unique=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("return_charges", "Can return charges of many customers")]
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=F("from_at")), name="return_spans_some_time"),
            models.CheckConstraint(
                condition=Q(from_at__gte=EARLIEST, until__lt=TOO_LATE), name="return_is_of_this_millennium"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=EARLIEST, expires_at__lt=TOO_LATE),
                name="returned_credits_expire_in_this_millennium",
            ),
            models.CheckConstraint(
                condition=Q(next_attempt_at__isnull=False, finished_at__isnull=True)
                | Q(next_attempt_at__isnull=True, finished_at__isnull=False),
                name="return_waits_for_a_moment_or_is_finished",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="returns_to_go_on_with", condition=Q(next_attempt_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature_id}, {self.from_at:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"


class WalletReturn(models.Model):
    """One wallet's part of a return: waiting until a worker gives it one grant, or finds nothing to give."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RETURNED = "returned", "Returned"
        NOTHING = "nothing", "Nothing was left to return"
        LEFT = "left", "Its owner has left"
        FAILED = "failed", "Failed"

    charge_return = models.ForeignKey(ChargeReturn, models.PROTECT, related_name="wallets", db_index=False)
    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="returns")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    grant = models.OneToOneField("Grant", models.PROTECT, null=True, related_name="returned_by")
    charges = models.PositiveIntegerField(default=0)
    amount = models.BigIntegerField(default=0, help_text="Millicredits.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["charge_return", "wallet"], name="one_part_of_a_return_per_wallet"),
            models.CheckConstraint(
                condition=Q(status="returned", grant__isnull=False, amount__gt=0, charges__gt=0)
                | ~Q(status="returned") & Q(grant__isnull=True, amount=0, charges=0),
                name="what_was_returned_has_its_grant",
            ),
        ]
        indexes = [
            models.Index(
                fields=["charge_return", "attempts", "id"], name="wallets_to_return_to", condition=Q(status="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"Wallet {self.wallet_id}, {self.get_status_display().lower()}"


class ReturnedCharge(models.Model):
    """A charge, or one line of a workflow run, that was returned: once, whatever is asked for later.

    `amount` is what had really been paid for it, in millicredits.
    """

    wallet_return = models.ForeignKey(WalletReturn, models.PROTECT, related_name="returned")
    entry = models.ForeignKey("LedgerEntry", models.PROTECT, related_name="+", db_index=False)
    line = models.ForeignKey("UsageLine", models.PROTECT, null=True, related_name="+", db_index=False)
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "line"], nulls_distinct=False, name="a_charge_is_returned_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="a_returned_charge_was_paid"),
        ]

    def __str__(self) -> str:
        return f"Returned charge {self.pk}"
