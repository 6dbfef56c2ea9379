"""What staff did to people's credits and money, and what waits for a second person."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

LONGEST_WORDS = 500


class Proposal(models.Model):
    """An act above the limit: one member of staff proposes it, another one approves it, and then it is done once.

    `title` says what is proposed, without anybody's name; `answers` are the form's, as JSON has them; `looked_at` is
    what its proposer was shown, and `effect` changes whenever that would. `reason` and `refusal` are people's words:
    they can be emptied. `credits` (millicredits) and `cents` are how much it moves.
    """

    class Act(models.TextChoices):
        ADJUSTMENT = "adjustment", "Adjust credits"
        REFUND = "refund", "Refund a purchase"
        CONTRACT = "contract", "Set a contract"
        RETURN = "return", "Return charges"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waits for a second person"
        APPROVED = "approved", "Approved and done"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    act = models.CharField(max_length=12, choices=Act)
    wallet = models.ForeignKey("Wallet", models.PROTECT, null=True, related_name="proposals")
    title = models.CharField(max_length=200)
    answers = models.JSONField()
    looked_at = models.JSONField(default=list)
    effect = models.CharField(max_length=LONGEST_WORDS)
    reason = models.CharField(max_length=500, blank=True)
    key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=32)
    credits = models.BigIntegerField(default=0)
    cents = models.BigIntegerField(default=0)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    proposed_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=500, blank=True)
    outcome = models.CharField(max_length=LONGEST_WORDS, blank=True)

    class Meta:
        permissions = [("approve_act", "Can approve what others propose")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="approved")
                | Q(decided_by__isnull=True)
                | Q(proposed_by__isnull=True)
                | ~Q(decided_by=F("proposed_by")),
                name="nobody_approves_their_own_proposal",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", decided_at__isnull=True)
                | ~Q(status="waiting") & Q(decided_at__isnull=False),
                name="proposal_waits_or_was_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["proposed_at"], name="proposals_that_wait", condition=Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return self.title


class StaffAct(models.Model):
    """An act that was done, once per key. Without a `proposal` its doer was alone, and it counts towards the limit.

    `credits` are millicredits and `cents` US cents, both as much as was asked for, whichever way they went.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    act = models.CharField(max_length=20)
    wallet = models.ForeignKey("Wallet", models.PROTECT, null=True, related_name="+", db_index=False)
    proposal = models.OneToOneField(Proposal, models.PROTECT, null=True, related_name="done")
    key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=32)
    credits = models.BigIntegerField(default=0)
    cents = models.BigIntegerField(default=0)
    outcome = models.CharField(max_length=LONGEST_WORDS)
    done_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(credits__gte=0, cents__gte=0), name="act_of_staff_moves_so_much"),
        ]
        indexes = [models.Index(fields=["actor", "-done_at"], name="acts_of_staff_newest_first")]

    def __str__(self) -> str:
        return self.outcome
