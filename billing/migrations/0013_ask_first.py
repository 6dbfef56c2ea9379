"""Owners can be asked before something costs more than they choose; the quick way leaves that to the plain one."""

from django.db import migrations, models

from billing import sql


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0012_support"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="confirm_above",
            field=models.BigIntegerField(
                blank=True,
                help_text="Millicredits above which a use waits for its owner's word; empty: never.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(("confirm_above__isnull", True), ("confirm_above__gte", 0), _connector="OR"),
                name="wallet_asks_above_nothing_or_more",
            ),
        ),
        migrations.RunSQL(sql.read("quick_charge"), migrations.RunSQL.noop),
        migrations.RunSQL(sql.read("quick_charges"), migrations.RunSQL.noop),
        migrations.RunSQL(sql.read("quick_holds"), migrations.RunSQL.noop),
    ]
