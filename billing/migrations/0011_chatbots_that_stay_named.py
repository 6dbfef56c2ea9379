from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0010_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="chatbot",
            name="deleted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="chatbot",
            name="paused_by_owner",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="chatbot",
            constraint=models.CheckConstraint(
                condition=models.Q(("paused_by_owner", False), ("paused_at__isnull", False), _connector="OR"),
                name="chatbot_that_its_owner_paused_is_paused",
            ),
        ),
    ]
