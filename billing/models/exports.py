"""Files that are too big to be waited for: asked for, written by a worker, kept for a week."""

from django.db import models
from django.db.models import Q


class Export(models.Model):
    """A file that a wallet's owner asked for. The row outlives it, so that a page can say what became of it.

    `asked` is what is in it, as `billing.selectors.export_contents` reads it. While it is unfinished,
    `next_attempt_at` is when a worker may take it: now, after a pause, or once whoever writes it hasn't shown a sign
    of life for too long.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", "Waiting"
        WRITING = "writing", "Being written"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    UNFINISHED = (Status.REQUESTED, Status.WRITING)

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="exports", db_index=False)
    what = models.CharField(max_length=12)
    file_format = models.CharField(max_length=8)
    asked = models.JSONField()
    fingerprint = models.CharField(max_length=32, help_text="The same for what is the same.")
    status = models.CharField(max_length=10, choices=Status, default=Status.REQUESTED)
    lines = models.BigIntegerField(help_text="How many there were when it was asked for.")
    lines_written = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why the last attempt came to nothing.")
    stored_as = models.CharField(max_length=200, blank=True, help_text="The file's name where it is kept.")
    size = models.BigIntegerField(null=True, help_text="In bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "fingerprint"],
                condition=Q(status__in=["requested", "writing"]),
                name="an_export_is_not_asked_for_twice_at_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "writing"], next_attempt_at__isnull=False)
                | ~Q(status__in=["requested", "writing"]) & Q(next_attempt_at__isnull=True),
                name="export_waits_for_a_moment_or_is_finished",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready")
                | ~Q(stored_as="") & Q(size__isnull=False, ready_at__isnull=False, expires_at__isnull=False),
                name="export_that_is_ready_has_a_file_for_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="exports_newest_first"),
            models.Index(
                fields=["next_attempt_at"], name="exports_to_write", condition=Q(next_attempt_at__isnull=False)
            ),
            models.Index(fields=["expires_at"], name="exports_to_delete", condition=Q(status="ready")),
        ]

    def __str__(self) -> str:
        return f"{self.what}.{self.file_format}, {self.get_status_display().lower()}"
