"""Keys with which programs use the HTTP API."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class ApiKey(models.Model):
    """A key of a wallet's owner, or, without a wallet, of our own services; those may spend in a named wallet's name.

    Only a hash of it is kept: it is shown once. `prefix` is the part that names it, also in logs. A key whose plan has
    no API access rests, and works again with one that has it.
    """

    class Scope(models.TextChoices):
        READ = "read", "Read balance, usage and entries"
        QUOTE = "quote", "Ask what something would cost"
        SPEND = "spend", "Spend credits"

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        ENDING = "ending", "Replaced, ends soon"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    wallet = models.ForeignKey(
        "Wallet", models.PROTECT, null=True, related_name="api_keys", help_text="Empty: a key of our own services."
    )
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True, help_text="The part of the key that names it.")
    secret_hash = models.CharField(max_length=64, help_text="SHA-256 of the whole key.")
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope))
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(null=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True)
    last_used_on = models.DateField(null=True, help_text="The owner's local day; written once a day.")
    replaced_by = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaces")
    first = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", help_text="The key that this one and others continue."
    )

    class Meta:
        verbose_name = "API key"
        permissions = [("revoke_apikey", "Can revoke API keys")]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="api_key_has_a_name"),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="api_key_may_do_something"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=["read", "quote", "spend"]), name="api_key_scopes_are_known"
            ),
            models.CheckConstraint(
                condition=Q(wallet__isnull=True) | ~Q(scopes__contains=["spend"]),
                name="api_key_of_a_person_never_spends",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")), name="api_key_lasts_some_time"
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | ~Q(replaced_by=F("id")), name="api_key_never_replaces_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def source(self) -> str:
        """What usage rows and entries call this key and all that replace it, so that a repeat is one under each."""
        return f"api_key:{self.first_id or self.pk}"

    def is_live(self, *, now: datetime) -> bool:
        """Return whether it opens anything, whatever its plan says."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def state(self, *, now: datetime) -> "ApiKey.State":
        """Return whether it works, and if not, why."""
        if self.revoked_at is not None:
            return self.State.REVOKED
        if not self.is_live(now=now):
            return self.State.EXPIRED
        return self.State.ENDING if self.replaced_by_id is not None else self.State.ACTIVE
