"""Who would like a contract."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


class ContractRequest(models.Model):
    """A customer's wish for an Enterprise contract: kept first, then mailed to staff."""

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="contract_requests")
    company = models.CharField(max_length=120)
    monthly_credits = models.PositiveBigIntegerField(
        "credits a month",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Roughly; leave it empty if you don't know yet.",
    )
    message = models.TextField(max_length=2_000)
    created_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet"], condition=Q(answered_at__isnull=True), name="one_open_contract_request_per_wallet"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="contract_requests_to_mail", condition=Q(mailed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.company
