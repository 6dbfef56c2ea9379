import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0014_use_it_or_lose_it"),
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
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=12)),
                ("file_format", models.CharField(max_length=8)),
                ("asked", models.JSONField()),
                ("fingerprint", models.CharField(help_text="The same for what is the same.", max_length=32)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Waiting"),
                            ("writing", "Being written"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("lines", models.BigIntegerField(help_text="How many there were when it was asked for.")),
                ("lines_written", models.BigIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True, help_text="Why the last attempt came to nothing.")),
                (
                    "stored_as",
                    models.CharField(blank=True, help_text="The file's name where it is kept.", max_length=200),
                ),
                ("size", models.BigIntegerField(help_text="In bytes.", null=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField()),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exports",
                        to="billing.wallet",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["wallet", "-id"], name="exports_newest_first"),
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="exports_to_write",
                    ),
                    models.Index(
                        condition=models.Q(("status", "ready")), fields=["expires_at"], name="exports_to_delete"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["requested", "writing"])),
                        fields=("wallet", "fingerprint"),
                        name="an_export_is_not_asked_for_twice_at_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_attempt_at__isnull", False), ("status__in", ["requested", "writing"])),
                            models.Q(
                                models.Q(("status__in", ["requested", "writing"]), _negated=True),
                                ("next_attempt_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="export_waits_for_a_moment_or_is_finished",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ready"), _negated=True),
                            models.Q(
                                models.Q(("stored_as", ""), _negated=True),
                                ("expires_at__isnull", False),
                                ("ready_at__isnull", False),
                                ("size__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="export_that_is_ready_has_a_file_for_a_time",
                    ),
                ],
            },
        ),
    ]
