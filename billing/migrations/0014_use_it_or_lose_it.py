"""Owners are told before monthly credits expire unused; their wallets are found by when the cycle ends."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0013_ask_first"),
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
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="mailpreference",
            name="topic",
            field=models.CharField(
                choices=[
                    ("warnings", "Warnings when credits run low"),
                    ("resets", "Before monthly credits expire unused, and a summary at the reset"),
                    ("news", "Welcome and tips"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="wallet",
            index=models.Index(
                condition=models.Q(("suspended_at__isnull", True), ("unlimited", False)),
                fields=["cycle_ends_at"],
                name="wallets_by_end_of_cycle",
            ),
        ),
    ]
