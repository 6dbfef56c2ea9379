"""What staff do above a limit waits for a second person."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from billing import staff_groups

GIFTS = {
    "support": ["billing.view_proposal", "billing.view_staffact"],
    "owner": ["billing.approve_act"],
}


def give(apps, schema_editor):
    staff_groups.give(apps, GIFTS)


def take(apps, schema_editor):
    staff_groups.take(apps, GIFTS)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0019_leaving"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("adjustment", "Adjust credits"),
                            ("refund", "Refund a purchase"),
                            ("contract", "Set a contract"),
                            ("return", "Return charges"),
                        ],
                        max_length=12,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("answers", models.JSONField()),
                ("looked_at", models.JSONField(default=list)),
                ("effect", models.CharField(max_length=500)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("fingerprint", models.CharField(max_length=32)),
                ("credits", models.BigIntegerField(default=0)),
                ("cents", models.BigIntegerField(default=0)),
                ("proposed_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits for a second person"),
                            ("approved", "Approved and done"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("refusal", models.CharField(blank=True, max_length=500)),
                ("outcome", models.CharField(blank=True, max_length=500)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="billing.wallet",
                    ),
                ),
            ],
            options={
                "permissions": [("approve_act", "Can approve what others propose")],
            },
        ),
        migrations.CreateModel(
            name="StaffAct",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("act", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("fingerprint", models.CharField(max_length=32)),
                ("credits", models.BigIntegerField(default=0)),
                ("cents", models.BigIntegerField(default=0)),
                ("outcome", models.CharField(max_length=500)),
                ("done_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="done",
                        to="billing.proposal",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.wallet",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["proposed_at"], name="proposals_that_wait"
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "approved"), _negated=True),
                    ("decided_by__isnull", True),
                    ("proposed_by__isnull", True),
                    models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="nobody_approves_their_own_proposal",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("status", "waiting")),
                    models.Q(models.Q(("status", "waiting"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="proposal_waits_or_was_decided",
            ),
        ),
        migrations.AddIndex(
            model_name="staffact",
            index=models.Index(fields=["actor", "-done_at"], name="acts_of_staff_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="staffact",
            constraint=models.CheckConstraint(
                condition=models.Q(("cents__gte", 0), ("credits__gte", 0)), name="act_of_staff_moves_so_much"
            ),
        ),
        migrations.RunPython(give, take),
    ]
