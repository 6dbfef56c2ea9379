"""A person's chatbots: each uses the credits of its model (decision 4)."""

from django.db import models
from django.db.models import Q


class Chatbot(models.Model):
    """A chatbot of a wallet. Its plan's limit counts those that are active (decision 18).

    One that the plan's limit paused resumes with a larger plan, one that its owner paused doesn't. A deleted one stays
    as a name: history and exports tell of what it used.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused by its owner"
        OVER_LIMIT = "over-limit", "Paused by the plan's limit"
        DELETED = "deleted", "Deleted"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="chatbots")
    name = models.CharField(max_length=80)
    model = models.ForeignKey("Feature", models.PROTECT, related_name="+", help_text="The chat model it answers with.")
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by_owner = models.BooleanField(default=False, db_default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="chatbot_has_a_name"),
            models.CheckConstraint(
                condition=Q(paused_by_owner=False) | Q(paused_at__isnull=False),
                name="chatbot_that_its_owner_paused_is_paused",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """What usage rows and entries call this chatbot."""
        return f"chatbot:{self.pk}"

    @property
    def state(self) -> "Chatbot.State":
        """Whether it answers, and if not, why."""
        if self.deleted_at is not None:
            return self.State.DELETED
        if self.paused_at is None:
            return self.State.ACTIVE
        return self.State.PAUSED if self.paused_by_owner else self.State.OVER_LIMIT

    @property
    def history_name(self) -> str:
        """What pages of the past call it."""
        return self.name if self.deleted_at is None else f"{self.name} (deleted)"
