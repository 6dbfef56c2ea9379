"""A person's chatbots: each uses the credits of its model (decision 4)."""

from django.db import models
from django.db.models import Q


class Chatbot(models.Model):
    """A chatbot of a wallet. Its plan's limit counts those that are not paused (decision 18)."""

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="chatbots")
    name = models.CharField(max_length=80)
    model = models.ForeignKey("Feature", models.PROTECT, related_name="+", help_text="The chat model it answers with.")
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="chatbot_has_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """What usage rows and entries call this chatbot."""
        return f"chatbot:{self.pk}"
