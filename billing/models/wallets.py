"""The wallet: one row that says what a person can spend right now."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

DEFAULT_MAX_OUTPUT_TOKENS = 4_096


class Wallet(models.Model):
    """A person's credits, in millicredits. Only `billing.services.ledger` and its SQL write the amounts.

    `available` can be spent, `held` is set aside by open holds, their sum is *posted* (decision 8). The head grant is
    the one that is spent next; what is left of it stands here, so that a normal charge changes this row alone.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="wallet", help_text="Empty once erased."
    )
    available = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0, help_text="The number of the last ledger entry.")
    last_posted_at = models.DateTimeField()
    last_posted_on = models.DateField(help_text="The owner's local day of the last entry; never decreasing.")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="The owner's, kept equal by a receiver.")
    max_output_tokens = models.PositiveIntegerField(default=DEFAULT_MAX_OUTPUT_TOKENS)
    confirm_above = models.BigIntegerField(
        null=True, blank=True, help_text="Millicredits above which a use waits for its owner's word; empty: never."
    )

    head_grant = models.ForeignKey("Grant", models.PROTECT, null=True, related_name="+", db_index=False)
    head_left = models.BigIntegerField(default=0)
    next_due_at = models.DateTimeField(
        null=True,
        db_default=Now(),  # a new wallet goes the plain way first, which refuses one without a plan
        help_text="When time alone changes something; empty: never.",
    )

    cycle = models.PositiveIntegerField(default=0)
    cycle_started_at = models.DateTimeField()
    cycle_ends_at = models.DateTimeField(null=True)
    warning_level = models.PositiveSmallIntegerField(default=0)
    low_below = models.BigIntegerField(default=0, help_text="20 % of the cycle's allowance, in millicredits.")
    very_low_below = models.BigIntegerField(default=0, help_text="5 % of the cycle's allowance, in millicredits.")

    unlimited = models.BooleanField(default=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspension_reason = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="Shown to the owner while suspended."
    )

    class Meta:
        permissions = [
            ("adjust_wallet", "Can adjust credits"),
            ("suspend_wallet", "Can suspend and resume wallets"),
            ("see_as_customer", "Can see CleverAI as a customer does"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(available__gte=0), name="wallet_available_is_never_negative"),
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_is_never_negative"),
            models.CheckConstraint(
                condition=Q(head_left__gte=0) & Q(head_left__lte=F("available")),
                name="wallet_head_is_part_of_what_is_available",
            ),
            models.CheckConstraint(
                condition=Q(head_grant__isnull=False) | Q(head_left=0), name="wallet_without_a_head_has_nothing_in_it"
            ),
            models.CheckConstraint(condition=Q(max_output_tokens__gte=1), name="wallet_lets_a_chat_answer"),
            models.CheckConstraint(
                condition=Q(confirm_above__isnull=True) | Q(confirm_above__gte=0),
                name="wallet_asks_above_nothing_or_more",
            ),
            models.CheckConstraint(condition=Q(warning_level__lte=3), name="wallet_warning_level_is_known"),
        ]
        indexes = [
            models.Index(fields=["next_due_at"], name="wallets_by_due_time", condition=Q(next_due_at__isnull=False)),
            models.Index(
                fields=["cycle_ends_at"],
                name="wallets_by_end_of_cycle",
                condition=Q(unlimited=False, suspended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Wallet {self.pk}"

    @property
    def posted(self) -> int:
        """Millicredits available and held together: what warnings are judged by (decision 19)."""
        return self.available + self.held
