"""Triggers that keep what was paid as it was."""

from django.db import migrations

from billing import sql


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_stripe")]

    operations = [migrations.RunSQL(sql.read("sales_append_only"), migrations.RunSQL.noop)]
