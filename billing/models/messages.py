"""What people are told: shown in the app, and mailed unless they switched that off."""

from django.db import models
from django.db.models import Q


class Message(models.Model):
    """Something that happened to a wallet and that its owner is told of, written in the transaction of its cause.

    `facts` is what it says, in figures; the mail is rendered once, when it is first sent. `key` is what it is about:
    a cause that is repeated tells nobody twice.
    """

    class Kind(models.TextChoices):
        WELCOME = "welcome", "Welcome"
        LOW_CREDITS = "low_credits", "Credits run low"
        CYCLE_RESET = "cycle_reset", "Monthly credits were reset"
        CREDITS_EXPIRE = "credits_expire", "Monthly credits expire soon"
        PACK_RECEIPT = "pack_receipt", "Credits were bought"
        PLAN_STARTED = "plan_started", "A plan began"
        PLAN_CHANGED = "plan_changed", "A plan changes"
        PLAN_ENDED = "plan_ended", "A plan ended"
        PAYMENT_FAILED = "payment_failed", "A payment failed"
        SUPPORT_ANSWER = "support_answer", "Support answered"
        EXPORT = "export", "An export is ready, or failed"
        CREDITS_RETURNED = "credits_returned", "Charges were returned"

    class Mail(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        UNWANTED = "unwanted", "Switched off"
        OVERTAKEN = "overtaken", "No longer true"
        FAILED = "failed", "Given up"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="messages", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind)
    key = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)

    mail = models.CharField(max_length=10, choices=Mail, default=Mail.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why the mail isn't sent.")
    recipient = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("resend_message", "Can send a mail again")]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "key"], name="nobody_is_told_twice"),
            models.CheckConstraint(
                condition=Q(mail="waiting", next_attempt_at__isnull=False)
                | ~Q(mail="waiting") & Q(next_attempt_at__isnull=True),
                name="mail_waits_for_a_moment_or_is_finished",
            ),
            models.CheckConstraint(
                condition=Q(mail="sent", sent_at__isnull=False) | ~Q(mail="sent"), name="mail_was_sent_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="messages_newest_first"),
            models.Index(fields=["next_attempt_at"], name="mails_to_send", condition=Q(mail="waiting")),
            models.Index(fields=["-id"], name="mails_given_up", condition=Q(mail="failed")),
            models.Index(fields=["raised_at"], name="payments_that_failed", condition=Q(kind="payment_failed")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.raised_at:%Y-%m-%d}"


class MailPreference(models.Model):
    """Whether a wallet's owner wants the mails of one topic; those about money can't be switched off (decision 21)."""

    class Topic(models.TextChoices):
        WARNINGS = "warnings", "Warnings when credits run low"
        RESETS = "resets", "Before monthly credits expire unused, and a summary at the reset"
        NEWS = "news", "Welcome and tips"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="mail_preferences", db_index=False)
    topic = models.CharField(max_length=10, choices=Topic)
    is_wanted = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["wallet", "topic"], name="one_preference_per_topic")]

    def __str__(self) -> str:
        return f"{self.topic}: {'wanted' if self.is_wanted else 'not wanted'}"
