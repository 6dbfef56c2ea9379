import django.db.models.deletion
from django.db import migrations, models

from billing import sql, staff_groups

GIFTS = {"support": ["billing.view_farewell"]}


def give(apps, schema_editor):
    staff_groups.give(apps, GIFTS)


def take(apps, schema_editor):
    staff_groups.take(apps, GIFTS)


class Migration(migrations.Migration):
    dependencies = [("billing", "0018_daily_figures")]

    operations = [
        migrations.CreateModel(
            name="Farewell",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("left_at", models.DateTimeField()),
                ("address", models.EmailField(blank=True, max_length=254)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "error",
                    models.CharField(blank=True, help_text="Why the last attempt came to nothing.", max_length=500),
                ),
                (
                    "wallet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="farewell", to="billing.wallet"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at", None)),
                        fields=["next_attempt_at"],
                        name="farewells_to_go_on_with",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("next_attempt_at__isnull", False)),
                            models.Q(
                                ("address", ""), ("finished_at__isnull", False), ("next_attempt_at__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="farewell_waits_for_a_moment_or_is_finished",
                    )
                ],
            },
        ),
        migrations.RunPython(give, take),
        migrations.RunSQL(sql.read("nameless_lines"), migrations.RunSQL.noop),
    ]
