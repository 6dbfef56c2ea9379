"""What happens in billing when something happens in accounts, in the same transaction."""

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from billing.models import Message, Wallet
from billing.services import outbox, subscriptions


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


@receiver(email_confirmed, dispatch_uid="billing.welcome")
def welcome(*, email_address: EmailAddress, **_: object) -> None:
    """Welcome whoever has just confirmed an address, once."""
    wallet = Wallet.objects.filter(owner=email_address.user).first()
    if wallet is not None:
        outbox.tell(wallet=wallet, kind=Message.Kind.WELCOME, key="welcome", now=timezone.now())
