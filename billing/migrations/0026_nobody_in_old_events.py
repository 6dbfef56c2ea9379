"""What was kept of Stripe's events and of deleted second steps before people's words were left out of them.

A batch is a short transaction of its own, and what is there already stays: beside traffic, and again after a stop.
"""

from django.db import migrations

from billing.services.payloads import without_people

BATCH = 500
DELETION = 3


def scrub(apps, schema_editor):
    """Keep of each payload what is kept of a new one."""
    events = apps.get_model("billing", "StripeEvent").objects.order_by("pk")
    last = 0
    while batch := list(events.filter(pk__gt=last).only("payload")[:BATCH]):
        last = batch[-1].pk
        changed = [event for event in batch if without_people(event.payload) != event.payload]
        for event in changed:
            event.payload = without_people(event.payload)
        events.bulk_update(changed, ["payload"])


def forget_names(apps, schema_editor):
    """Take the names of deleted passkeys out of staff's log, which nothing connects with a person any more."""
    lines = apps.get_model("admin", "LogEntry").objects
    of_steps = lines.filter(content_type__app_label="mfa", content_type__model="authenticator", action_flag=DELETION)
    of_steps.update(object_repr="Second step")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("billing", "0025_api_keys"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(scrub, migrations.RunPython.noop),
        migrations.RunPython(forget_names, migrations.RunPython.noop),
    ]
