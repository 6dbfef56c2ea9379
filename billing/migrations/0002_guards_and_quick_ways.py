"""Triggers that keep the books append-only, and the functions of the quick way."""

from django.db import migrations

from billing import sql


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [
        migrations.RunSQL(sql.read("append_only"), migrations.RunSQL.noop),
        migrations.RunSQL(sql.read("quick_charge"), migrations.RunSQL.noop),
        migrations.RunSQL(sql.read("quick_charges"), migrations.RunSQL.noop),
        migrations.RunSQL(sql.read("quick_holds"), migrations.RunSQL.noop),
    ]
