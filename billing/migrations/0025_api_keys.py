"""Keys with which programs use the HTTP API."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from billing import staff_groups

GIFTS = {
    "support": ["billing.view_apikey"],
    "billing": ["billing.revoke_apikey"],
    "owner": ["billing.add_apikey"],
}


def give(apps, schema_editor):
    staff_groups.give(apps, GIFTS)


def take(apps, schema_editor):
    staff_groups.take(apps, GIFTS)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0024_grants_of_this_millennium"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("prefix", models.CharField(help_text="The part of the key that names it.", max_length=8, unique=True)),
                ("secret_hash", models.CharField(help_text="SHA-256 of the whole key.", max_length=64)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("read", "Read balance, usage and entries"),
                                ("quote", "Ask what something would cost"),
                                ("spend", "Spend credits"),
                            ],
                            max_length=8,
                        ),
                        size=None,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="Empty: never.", null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_on", models.DateField(help_text="The owner's local day; written once a day.", null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "replaced_by",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaces",
                        to="billing.apikey",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        help_text="The key that this one and others continue.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.apikey",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        help_text="Empty: a key of our own services.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="billing.wallet",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "permissions": [("revoke_apikey", "Can revoke API keys")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="api_key_has_a_name"),
                    models.CheckConstraint(condition=models.Q(("scopes__len__gt", 0)), name="api_key_may_do_something"),
                    models.CheckConstraint(
                        condition=models.Q(("scopes__contained_by", ["read", "quote", "spend"])),
                        name="api_key_scopes_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("wallet__isnull", True),
                            models.Q(("scopes__contains", ["spend"]), _negated=True),
                            _connector="OR",
                        ),
                        name="api_key_of_a_person_never_spends",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("created_at")), _connector="OR"
                        ),
                        name="api_key_lasts_some_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("replaced_by__isnull", True),
                            models.Q(("replaced_by", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="api_key_never_replaces_itself",
                    ),
                ],
            },
        ),
        migrations.RunPython(give, take),
    ]
