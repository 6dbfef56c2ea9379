"""Charges that are returned, once each."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from billing import sql, staff_groups

GIFTS = {
    "support": ["billing.view_chargereturn", "billing.view_returnedcharge", "billing.view_walletreturn"],
    "billing": ["billing.return_charges"],
}


def give(apps, schema_editor):
    staff_groups.give(apps, GIFTS)


def take(apps, schema_editor):
    staff_groups.take(apps, GIFTS)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0020_second_person"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="kind",
            field=models.CharField(
                choices=[
                    ("welcome", "Welcome"),
                    ("low_credits", "Credits run low"),
                    ("cycle_reset", "Monthly credits were reset"),
                    ("credits_expire", "Monthly credits expire soon"),
                    ("pack_receipt", "Credits were bought"),
                    ("plan_started", "A plan began"),
                    ("plan_changed", "A plan changes"),
                    ("plan_ended", "A plan ended"),
                    ("payment_failed", "A payment failed"),
                    ("support_answer", "Support answered"),
                    ("export", "An export is ready, or failed"),
                    ("credits_returned", "Charges were returned"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="ChargeReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("is_reason_shown", models.BooleanField(help_text="Whether customers read the reason.")),
                (
                    "expires_at",
                    models.DateTimeField(help_text="When the returned credits expire; empty: never.", null=True),
                ),
                ("key", models.CharField(max_length=200, unique=True)),
                ("asked_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.feature"
                    ),
                ),
            ],
            options={
                "permissions": [("return_charges", "Can return charges of many customers")],
            },
        ),
        migrations.CreateModel(
            name="WalletReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("returned", "Returned"),
                            ("nothing", "Nothing was left to return"),
                            ("left", "Its owner has left"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("charges", models.PositiveIntegerField(default=0)),
                ("amount", models.BigIntegerField(default=0, help_text="Millicredits.")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=500)),
                (
                    "charge_return",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wallets",
                        to="billing.chargereturn",
                    ),
                ),
                (
                    "grant",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="returned_by",
                        to="billing.grant",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="returns", to="billing.wallet"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReturnedCharge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField()),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.ledgerentry",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.usageline",
                    ),
                ),
                (
                    "wallet_return",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="returned", to="billing.walletreturn"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="chargereturn",
            index=models.Index(
                condition=models.Q(("next_attempt_at__isnull", False)),
                fields=["next_attempt_at"],
                name="returns_to_go_on_with",
            ),
        ),
        migrations.AddConstraint(
            model_name="chargereturn",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("from_at"))), name="return_spans_some_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="chargereturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("next_attempt_at__isnull", False)),
                    models.Q(("finished_at__isnull", False), ("next_attempt_at__isnull", True)),
                    _connector="OR",
                ),
                name="return_waits_for_a_moment_or_is_finished",
            ),
        ),
        migrations.AddIndex(
            model_name="walletreturn",
            index=models.Index(
                condition=models.Q(("status", "waiting")),
                fields=["charge_return", "attempts", "id"],
                name="wallets_to_return_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="walletreturn",
            constraint=models.UniqueConstraint(
                fields=("charge_return", "wallet"), name="one_part_of_a_return_per_wallet"
            ),
        ),
        migrations.AddConstraint(
            model_name="walletreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gt", 0), ("charges__gt", 0), ("grant__isnull", False), ("status", "returned")),
                    models.Q(
                        models.Q(("status", "returned"), _negated=True),
                        ("amount", 0),
                        ("charges", 0),
                        ("grant__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="what_was_returned_has_its_grant",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnedcharge",
            constraint=models.UniqueConstraint(
                fields=("entry", "line"), name="a_charge_is_returned_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="returnedcharge",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="a_returned_charge_was_paid"),
        ),
        migrations.RunSQL(
            sql.read("returns_append_only"),
            "DROP TRIGGER returned_charges_never_change ON billing_returnedcharge;"
            " DROP TRIGGER returned_charges_are_never_emptied ON billing_returnedcharge;",
        ),
        migrations.RunPython(give, take),
    ]
