import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0011_chatbots_that_stay_named"),
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
        migrations.CreateModel(
            name="SupportRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(
                        choices=[("basic", "Basic"), ("priority", "Priority"), ("dedicated", "Dedicated")],
                        max_length=12,
                    ),
                ),
                (
                    "topic",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("credits", "Credits and usage"),
                            ("payments", "Plans and payments"),
                            ("problem", "Something doesn’t work"),
                            ("other", "Something else"),
                        ],
                        max_length=10,
                    ),
                ),
                ("subject", models.CharField(max_length=120)),
                ("message", models.TextField(max_length=4000)),
                ("created_at", models.DateTimeField()),
                ("answer", models.TextField(blank=True, max_length=4000)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="support_requests",
                        to="billing.wallet",
                    ),
                ),
            ],
            options={
                "permissions": [("answer_support_request", "Can answer support requests")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("answered_at__isnull", True)),
                        fields=["created_at"],
                        name="support_requests_to_answer",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subject", ""), _negated=True), models.Q(("message", ""), _negated=True)
                        ),
                        name="support_request_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at__isnull", True)),
                            models.Q(("answered_at__isnull", False), models.Q(("answer", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="support_answer_has_words_and_a_time",
                    ),
                ],
            },
        ),
    ]
