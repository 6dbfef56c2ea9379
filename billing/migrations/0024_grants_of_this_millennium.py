"""All grants that there are keep the rule of the migration before; reading them lets everybody write on."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0023_moments_of_this_millennium")]

    operations = [ValidateConstraint(model_name="grant", name="grant_expires_in_this_millennium")]
