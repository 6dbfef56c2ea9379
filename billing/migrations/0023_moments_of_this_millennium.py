"""Moments that Python can't read, or that nobody means, don't get into the books.

Grants may be many: their rule is looked over by the next migration, which keeps nobody from writing.
"""

from datetime import UTC, datetime

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

EARLIEST, TOO_LATE = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


class Migration(migrations.Migration):
    dependencies = [("billing", "0022_indexes_of_staff_pages")]

    operations = [
        AddConstraintNotValid(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=EARLIEST, expires_at__lt=TOO_LATE),
                name="grant_expires_in_this_millennium",
            ),
        ),
        migrations.AddConstraint(
            model_name="featureprice",
            constraint=models.CheckConstraint(
                condition=Q(starts_at__gte=EARLIEST, starts_at__lt=TOO_LATE), name="price_starts_in_this_millennium"
            ),
        ),
        migrations.AddConstraint(
            model_name="chargereturn",
            constraint=models.CheckConstraint(
                condition=Q(from_at__gte=EARLIEST, until__lt=TOO_LATE), name="return_is_of_this_millennium"
            ),
        ),
        migrations.AddConstraint(
            model_name="chargereturn",
            constraint=models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=EARLIEST, expires_at__lt=TOO_LATE),
                name="returned_credits_expire_in_this_millennium",
            ),
        ),
    ]
