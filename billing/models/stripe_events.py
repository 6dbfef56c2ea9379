"""The inbox of Stripe's events: each is a hint to look at one object, kept until it was followed."""

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT


class StripeEvent(models.Model):
    """An event that Stripe sent, or that reconciliation found.

    Its payload is kept for staff, without what is about a person (`services.payloads`); nothing trusts it.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        DONE = "done", "Handled"
        IGNORED = "ignored", "Nothing to do"
        FAILED = "failed", "Given up"

    class Via(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        RECONCILIATION = "reconciliation", "Reconciliation"

    stripe_event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255, help_text="The object that the event is about.")
    api_version = models.CharField(max_length=40, blank=True)
    payload = models.JSONField()
    via = models.CharField(max_length=14, choices=Via)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why it is not done, or why there was nothing to do.")
    occurred_at = models.DateTimeField(help_text="By Stripe's clock.")
    received_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("replay_stripeevent", "Can handle an event again")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="pending", next_attempt_at__isnull=False)
                | ~Q(status="pending") & Q(next_attempt_at__isnull=True),
                name="event_waits_for_a_moment_or_is_finished",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="events_to_handle", condition=Q(status="pending")),
            models.Index(fields=["-id"], name="events_given_up", condition=Q(status="failed")),
            models.Index(fields=["object_id"], name="events_by_object"),
            models.Index(KT("payload__data__object__customer"), name="events_by_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_event_id}"


class ReconciliationRun(models.Model):
    """What one reconciliation with Stripe went through, repaired, and left for a person."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    last_event_id = models.CharField(max_length=255, blank=True, help_text="The newest event of Stripe's that it saw.")
    counts = models.JSONField(default=dict, help_text="What was looked at and what was repaired.")
    findings = models.JSONField(default=list, help_text="What a person has to look at.")

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="reconciliations_newest_first")]

    def __str__(self) -> str:
        return f"Reconciliation of {self.started_at:%Y-%m-%d %H:%M} UTC"
