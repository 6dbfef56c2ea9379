"""What can be used, what it costs and what a plan includes. Nobody hard-codes a price anywhere else."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from billing.periods import EARLIEST, TOO_LATE

code_validator = RegexValidator(r"^[a-z0-9][a-z0-9.-]*$", "Use small letters, digits, dots and hyphens.")


class Feature(models.Model):
    """Something that is used up in a base unit: tokens, images, searches, seconds."""

    class Group(models.TextChoices):
        CHAT = "chat", "AI chat models"
        IMAGE = "image", "Image generation"
        OTHER = "other", "Other features"

    class Unit(models.TextChoices):
        TOKEN = "token"  # noqa: S105
        IMAGE = "image"
        SEARCH = "search"
        DOCUMENT = "document"
        SECOND = "second"
        RUN = "run"
        MESSAGE = "message"
        SESSION = "session"
        REPORT = "report"

    class Pricing(models.TextChoices):
        OWN = "own", "a price of its own"
        MODEL = "model", "priced as the chat model it uses"
        NODES = "nodes", "the sum of its nodes"

    code = models.CharField(max_length=64, primary_key=True, validators=[code_validator])
    name = models.CharField(max_length=80)
    group = models.CharField(max_length=8, choices=Group)
    unit = models.CharField("base unit", max_length=12, choices=Unit)
    pricing = models.CharField(max_length=8, choices=Pricing, default=Pricing.OWN)
    position = models.PositiveSmallIntegerField(help_text="Order on pages.")

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class FeaturePrice(models.Model):
    """A dated price: `millicredits` for every `per` base units from `starts_at` until a later row starts.

    Prices are added, never edited (decision 6); the database refuses anything else.
    """

    feature = models.ForeignKey(Feature, models.PROTECT, related_name="prices")
    millicredits = models.BigIntegerField()
    per = models.PositiveIntegerField("for every", default=1, help_text="Base units that this amount buys.")
    starts_at = models.DateTimeField()

    class Meta:
        ordering = ["feature", "-starts_at"]
        constraints = [
            models.UniqueConstraint("feature", F("starts_at").desc(), name="one_price_per_feature_and_start"),
            models.CheckConstraint(condition=Q(millicredits__gte=0), name="price_is_never_negative"),
            models.CheckConstraint(condition=Q(per__gte=1), name="price_is_per_at_least_one_unit"),
            models.CheckConstraint(
                condition=Q(starts_at__gte=EARLIEST, starts_at__lt=TOO_LATE), name="price_starts_in_this_millennium"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature_id} from {self.starts_at:%Y-%m-%d %H:%M} UTC"


class Plan(models.Model):
    """A subscription plan and what it entitles to. Amounts are millicredits and cents a month."""

    class Support(models.TextChoices):
        BASIC = "basic"
        PRIORITY = "priority"
        DEDICATED = "dedicated"

    code = models.CharField(max_length=32, primary_key=True, validators=[code_validator])
    name = models.CharField(max_length=40)
    price_cents = models.PositiveIntegerField(null=True, blank=True, help_text="Per month, in USD. Empty: by contract.")
    allowance = models.BigIntegerField(null=True, blank=True, help_text="Millicredits per cycle. Empty: unlimited.")
    chatbot_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    support = models.CharField(max_length=12, choices=Support)
    has_advanced_analytics = models.BooleanField(default=False)
    has_api_access = models.BooleanField(default=False)
    has_custom_integrations = models.BooleanField(default=False)
    has_sla = models.BooleanField("has SLA guarantee", default=False)
    is_popular = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(
                condition=Q(allowance__isnull=True) | Q(allowance__gte=0), name="plan_allowance_is_never_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Pack(models.Model):
    """Credits that are bought once and never expire."""

    code = models.CharField(max_length=32, primary_key=True, validators=[code_validator])
    name = models.CharField(max_length=40)
    amount = models.BigIntegerField(help_text="Millicredits.")
    price_cents = models.PositiveIntegerField(help_text="In USD.")
    is_on_sale = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField()
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pack_holds_credits"),
            models.CheckConstraint(condition=Q(price_cents__gt=0), name="pack_costs_money"),
        ]

    def __str__(self) -> str:
        return self.name
