"""A chat may always answer with one token at least."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_no_wallet_without_a_plan"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_output_tokens__gte", 1)), name="wallet_lets_a_chat_answer"
            ),
        ),
    ]
