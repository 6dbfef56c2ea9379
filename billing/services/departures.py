"""People who leave and come back: the books stay, the person goes, and nobody gets a Free month twice (decision 25)."""

import unicodedata
from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac

from billing.models import Departure, Subscription
from billing.services import exports, support
from billing.services.cycles import FREE
from billing.services.ledger import lock_wallet
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

SALT = "billing.services.departures"


@in_one_transaction
def leave(*, wallet_id: int, now: datetime) -> None:
    """Part a wallet from its owner: the books stay, without a name, and its open Free month is remembered.

    It gets no further months; what it has expires in its time. A plan that is paid for ends at Stripe. What its owner
    asked our support is deleted, and so are files of exports. Doing it again changes nothing. Raises UnknownWallet.
    """
    wallet = lock_wallet(wallet_id)
    if wallet.owner is None:
        return
    with settled_books(wallet_id, now=now) as books:
        subscription = books.subscription
        if subscription.plan_id == FREE:
            facts = {
                "anchor_at": subscription.anchor_at,
                "period": subscription.period,
                "free_until": subscription.period_ends_at,
                "left_at": now,
            }
            Departure.objects.update_or_create(address_hash=address_hash(wallet.owner.email), defaults=facts)
        if not subscription.plan.price_cents:
            subscription.status = Subscription.Status.ENDED
            subscription.save(update_fields=["status"])
        support.erase(books.wallet)
        exports.erase(books.wallet, now=now)
        books.wallet.owner = None


def open_free_month(*, email: str, now: datetime) -> Departure | None:
    """Return the Free month that this address has had already and that isn't over, if there is one."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    hashes = [address_hash(email, key=key) for key in keys]
    return Departure.objects.filter(address_hash__in=hashes, free_until__gt=now).order_by("-free_until").first()


def go_on(subscription: Subscription, departure: Departure) -> None:
    """Let a new Free subscription go on where the address's former one stood: the next month is its first to grant."""
    subscription.anchor_at = departure.anchor_at
    subscription.period = departure.period
    subscription.period_ends_at = departure.free_until


def address_hash(email: str, *, key: str | None = None) -> str:
    """Return a keyed hash of an address, the same for its spellings: capitals, compatibility forms, a +suffix."""
    name, _, host = unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    address = f"{name.partition('+')[0]}@{host}"
    return salted_hmac(SALT, address, secret=key, algorithm="sha256").hexdigest()
