"""A new wallet is due at once, and a subscription is never deleted: nothing is used that no plan allows."""

import django.db.models.functions.datetime
from django.db import migrations, models

GUARD = """
    CREATE TRIGGER subscriptions_are_never_deleted BEFORE DELETE ON billing_subscription
        FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_lighter_charges")]

    operations = [
        migrations.AlterField(
            model_name="wallet",
            name="next_due_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="When time alone changes something; empty: never.",
                null=True,
            ),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
