"""What happens in billing when something happens in accounts, in the same transaction."""

from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import User
from billing.models import Wallet
from billing.services import subscriptions


@receiver(post_save, sender=User, dispatch_uid="billing.open_wallet")
def open_wallet(
    *, instance: User, created: bool, raw: bool, update_fields: frozenset[str] | None = None, **_: object
) -> None:
    """Give a new user a wallet, and follow a changed time zone; fixtures bring their own rows."""
    if raw:
        return
    if created:
        subscriptions.open_wallet(user=instance, now=instance.joined_at)
    elif update_fields is None or "time_zone" in update_fields:
        Wallet.objects.filter(owner=instance).exclude(time_zone=instance.time_zone).update(time_zone=instance.time_zone)
