"""A permission for each act of staff, why a wallet is suspended, and the indexes behind the staff's filters."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_catalog"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="wallet",
            options={
                "permissions": [
                    ("adjust_wallet", "Can adjust credits"),
                    ("suspend_wallet", "Can suspend and resume wallets"),
                ]
            },
        ),
        migrations.AddField(
            model_name="wallet",
            name="suspension_reason",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Shown to the owner while suspended.", max_length=200
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(condition=models.Q(("actor__isnull", False)), fields=["-id"], name="entries_by_staff"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("uncovered__gt", 0)), fields=["-id"], name="entries_not_wholly_covered"
            ),
        ),
    ]
