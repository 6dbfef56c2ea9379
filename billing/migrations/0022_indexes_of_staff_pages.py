"""What staff's pages look things up by, built while everybody goes on."""

import django.contrib.postgres.indexes
import django.db.models.fields.json
from django.db import migrations, models

from billing.indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("billing", "0021_returned_charges"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        BuildIndex(
            model_name="ledgerentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["posted_at"], name="entries_by_time", pages_per_range=32
            ),
        ),
        BuildIndex(
            model_name="message",
            index=models.Index(condition=models.Q(("mail", "failed")), fields=["-id"], name="mails_given_up"),
        ),
        BuildIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("kind", "payment_failed")), fields=["raised_at"], name="payments_that_failed"
            ),
        ),
        BuildIndex(
            model_name="purchase",
            index=models.Index(fields=["fulfilled_at"], name="purchases_by_time"),
        ),
        BuildIndex(
            model_name="stripeevent",
            index=models.Index(condition=models.Q(("status", "failed")), fields=["-id"], name="events_given_up"),
        ),
        BuildIndex(
            model_name="stripeevent",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform(
                    "customer",
                    django.db.models.fields.json.KeyTextTransform(
                        "object", django.db.models.fields.json.KeyTextTransform("data", "payload")
                    ),
                ),
                name="events_by_customer",
            ),
        ),
        # Django's own log has no index to find what was done to a row.
        migrations.RunSQL(
            [
                "SET lock_timeout = 0",
                "DROP INDEX CONCURRENTLY IF EXISTS admin_log_by_row",
                "CREATE INDEX CONCURRENTLY admin_log_by_row ON django_admin_log (content_type_id, object_id)",
                "SET lock_timeout TO DEFAULT",
            ],
            "DROP INDEX CONCURRENTLY admin_log_by_row",
        ),
    ]
