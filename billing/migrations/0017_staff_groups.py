"""The staff's groups, with what each may do; billing/staff_groups.py explains them."""

from django.conf import settings
from django.db import migrations

from billing import staff_groups

READ = (
    "chatbot", "checkout", "contractrequest", "customer", "dailyusage", "departure", "dispute", "entrynote",
    "entryshare", "export", "feature", "featureprice", "formercustomer", "grant", "heartbeat", "hold", "ledgerentry",
    "mailpreference", "message", "notice", "pack", "plan", "purchase", "reconciliationrun", "refund", "stripeevent",
    "stripeprice", "stripesubscription", "subscription", "supportrequest", "usageline", "wallet",
)  # fmt: skip
GIFTS = {
    "support": [
        *(f"billing.view_{model}" for model in READ),
        "accounts.view_user",
        "billing.answer_support_request",
        "billing.resend_message",
        "billing.see_as_customer",
    ],
    "billing": [
        "admin.view_logentry",
        "billing.adjust_wallet",
        "billing.refund_purchase",
        "billing.replay_stripeevent",
        "billing.suspend_wallet",
    ],
    "owner": [
        "accounts.change_user",
        "billing.add_feature",
        "billing.add_featureprice",
        "billing.add_pack",
        "billing.add_plan",
        "billing.change_feature",
        "billing.change_pack",
        "billing.change_plan",
        "billing.set_contract",
        "mfa.delete_authenticator",
        "mfa.view_authenticator",
    ],
}


def give(apps, schema_editor):
    staff_groups.give(apps, GIFTS)


def take(apps, schema_editor):
    staff_groups.take(apps, GIFTS)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0016_entries_by_model_and_day"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("mfa", "0003_authenticator_type_uniq"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="wallet",
            options={
                "permissions": [
                    ("adjust_wallet", "Can adjust credits"),
                    ("suspend_wallet", "Can suspend and resume wallets"),
                    ("see_as_customer", "Can see CleverAI as a customer does"),
                ]
            },
        ),
        migrations.RunPython(give, take),
    ]
