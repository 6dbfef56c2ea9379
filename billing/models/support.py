"""What customers ask our support, and what it answers."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.catalog import Plan


class SupportRequest(models.Model):
    """A customer's question, with the support level of their plan when they asked (decision 27).

    All of it is people's own words: it is no part of the books, and goes when the person goes (decision 25).
    """

    class Topic(models.TextChoices):
        CREDITS = "credits", "Credits and usage"
        PAYMENTS = "payments", "Plans and payments"
        PROBLEM = "problem", "Something doesn’t work"
        OTHER = "other", "Something else"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="support_requests")
    level = models.CharField(max_length=12, choices=Plan.Support)
    topic = models.CharField(max_length=10, choices=Topic, blank=True)
    subject = models.CharField(max_length=120)
    message = models.TextField(max_length=4_000)
    created_at = models.DateTimeField()
    answer = models.TextField(max_length=4_000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        permissions = [("answer_support_request", "Can answer support requests")]
        constraints = [
            models.CheckConstraint(condition=~Q(subject="") & ~Q(message=""), name="support_request_says_something"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer="") | Q(answered_at__isnull=False) & ~Q(answer=""),
                name="support_answer_has_words_and_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="support_requests_to_answer", condition=Q(answered_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.subject
