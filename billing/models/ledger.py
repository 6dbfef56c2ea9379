"""The books: grants of credits, the entries that move them, and who paid for what. Append-only."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from billing.periods import EARLIEST, TOO_LATE


class Grant(models.Model):
    """Credits from one source, in millicredits (decision 7).

    `remaining` is NULL while the grant is its wallet's head: the wallet knows then. A grant is open from the entry
    that starts it until the one that ends it, whatever a clock says.
    """

    class Source(models.TextChoices):
        ALLOWANCE = "allowance", "Monthly credits"
        PURCHASE = "purchase", "Credit pack"
        PROMOTIONAL = "promotional", "Promotional credits"
        ADJUSTMENT = "adjustment", "Adjustment"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="grants")
    source = models.CharField(max_length=12, choices=Source)
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField(null=True)
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    business_key = models.CharField(max_length=200)
    clawback_target = models.BigIntegerField(default=0, db_default=0, help_text="What refunds and disputes ask back.")
    taken_back = models.BigIntegerField(default=0, db_default=0, help_text="What of that was there to be taken.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "business_key"], name="one_grant_per_business_key"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_gives_something"),
            models.CheckConstraint(
                condition=Q(remaining__isnull=True) | Q(remaining__gte=0, remaining__lte=F("amount")),
                name="grant_remaining_is_within_its_amount",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(remaining=0), name="grant_has_nothing_left_once_closed"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("effective_at")),
                name="grant_expires_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=EARLIEST, expires_at__lt=TOO_LATE),
                name="grant_expires_in_this_millennium",
            ),
            models.CheckConstraint(
                condition=Q(taken_back__gte=0, taken_back__lte=F("clawback_target"), clawback_target__lte=F("amount")),
                name="grant_gives_back_at_most_what_it_gave",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "id"], name="open_grants_of_a_wallet", condition=Q(closed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.pk}"


class LedgerEntry(models.Model):
    """One numbered line of a wallet's books. Amounts are millicredits; the database refuses any change.

    References that every entry has carry no database constraint: checking them would lock the same catalog and grant
    rows in every charge, and the wallet twice. `services.proof` looks for orphans instead, and neither wallets nor
    catalog rows can be deleted.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", "Credits added"
        CHARGE = "charge", "Usage"
        HOLD = "hold", "Set aside"
        CAPTURE = "capture", "Usage, settled"
        RELEASE = "release", "Returned"
        EXPIRY = "expiry", "Expired"
        CLAWBACK = "clawback", "Taken back"
        ADJUSTMENT = "adjustment", "Adjusted"

    wallet = models.ForeignKey("Wallet", models.PROTECT, related_name="entries", db_constraint=False, db_index=False)
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    available_change = models.BigIntegerField(default=0)
    held_change = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(default=0, help_text="The price of what was used.")
    uncovered = models.BigIntegerField(default=0, help_text="Cost that no credits were left for; never collected.")
    available_after = models.BigIntegerField()

    feature = models.ForeignKey("Feature", models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    priced_as = models.ForeignKey(
        "Feature", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    quantity = models.BigIntegerField(null=True, help_text="In the feature's base unit.")
    price = models.ForeignKey("FeaturePrice", models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    source = models.CharField(max_length=80, blank=True, help_text="What used it: app, chatbot:7, workflow:report …")
    detail = models.JSONField(null=True)

    grant = models.ForeignKey(
        Grant, models.DO_NOTHING, null=True, related_name="entries", db_constraint=False, db_index=False
    )
    hold = models.ForeignKey(
        "Hold", models.DO_NOTHING, null=True, related_name="entries", db_constraint=False, db_index=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    cycle = models.IntegerField()
    effective_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    posted_on = models.DateField()
    used_on = models.DateField(null=True)
    key = models.CharField(max_length=200, null=True)  # noqa: DJ001  (unique where there is one)
    request_hash = models.CharField(max_length=32, null=True)  # noqa: DJ001

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["wallet", "sequence"], name="entries_are_numbered_once"),
            models.UniqueConstraint(
                fields=["wallet", "key"], name="one_entry_per_idempotency_key", condition=Q(key__isnull=False)
            ),
            models.CheckConstraint(condition=Q(available_after__gte=0), name="entry_leaves_nothing_negative"),
            models.CheckConstraint(
                condition=Q(cost__gte=0) & Q(uncovered__gte=0) & Q(uncovered__lte=F("cost")) | Q(kind="clawback"),
                name="entry_covers_at_most_its_cost",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "feature", "-sequence"], name="entries_by_feature"),
            models.Index(
                fields=["wallet", "kind", "-sequence"],
                name="entries_other_than_usage",
                condition=~Q(kind__in=["charge", "capture"]),
            ),
            models.Index(
                fields=["wallet", "source", "-sequence"], name="entries_by_source", condition=~Q(source__in=["", "app"])
            ),
            models.Index(
                fields=["wallet", "priced_as", "-sequence"],
                name="entries_by_model",
                condition=Q(priced_as__isnull=False) & ~Q(priced_as=F("feature")),
            ),
            models.Index(
                fields=["wallet", "feature", "source", "-sequence"],
                name="entries_set_aside",
                condition=Q(kind__in=["hold", "release"]),
            ),
            models.Index(
                fields=["wallet", "used_on", "-sequence"],
                name="entries_of_another_day",
                include=["feature", "priced_as", "source", "id"],
                condition=Q(used_on__isnull=False) & ~Q(used_on=F("posted_on")),
            ),
            models.Index(fields=["hold"], name="entries_of_a_hold", condition=Q(hold__isnull=False)),
            BrinIndex(fields=["posted_at"], name="entries_by_time", pages_per_range=32, autosummarize=True),
            models.Index(fields=["-id"], name="entries_by_staff", condition=Q(actor__isnull=False)),
            models.Index(fields=["-id"], name="entries_not_wholly_covered", condition=Q(uncovered__gt=0)),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.kind}"


class EntryShare(models.Model):
    """What one entry did to one grant, in millicredits; written whenever an entry touches more than one."""

    wallet = models.ForeignKey("Wallet", models.PROTECT, db_index=False, related_name="+")
    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="shares", db_index=False)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="shares")
    left_change = models.BigIntegerField()
    held_change = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "grant"], name="one_share_per_entry_and_grant")]

    def __str__(self) -> str:
        return f"Share {self.pk}"


class EntryNote(models.Model):
    """Why staff made an entry, in their words: free text lives here, where it can be erased, never in the books."""

    entry = models.OneToOneField(LedgerEntry, models.PROTECT, related_name="note", db_constraint=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=500)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="note_gives_a_reason")]

    def __str__(self) -> str:
        return self.reason
