"""People who leave and come back: the books stay, the person goes, and nobody gets a Free month twice (decision 25)."""

import unicodedata
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from billing.models import Departure, Grant, Subscription, Wallet
from billing.periods import period_start
from billing.services import erasure
from billing.services.cycles import FREE
from billing.services.ledger import Books, lock_wallet
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

SALT = "billing.services.departures"


@in_one_transaction
def leave(*, wallet_id: int, now: datetime) -> None:
    """Part a wallet from its owner: the books stay, without a name, and its open Free month is remembered.

    It gets no further months; what it has expires in its time. All words of its owner, and about them, are erased
    (`services.erasure`). Doing it again changes nothing. Raises UnknownWallet.
    """
    wallet = lock_wallet(wallet_id)
    if wallet.owner is None:
        return
    with settled_books(wallet_id, now=now) as books:
        if month := _free_month_of(books):
            Departure.objects.update_or_create(
                address_hash=address_hash(wallet.owner.email), defaults={**month, "left_at": now}
            )
        books.subscription.status = Subscription.Status.ENDED
        books.subscription.save(update_fields=["status"])
        erasure.erase(books.wallet, now=now)
        books.wallet.owner = None


def remembered_until(wallet: Wallet, *, now: datetime) -> datetime | None:
    """Return until when a hash of the owner's address would stay if they left now; None where none would."""
    month = _free_month(wallet, wallet.subscription)
    return month["free_until"] if month and month["free_until"] > now else None


def forget_expired(*, now: datetime) -> int:
    """Delete the hashes of addresses whose Free month is over, and return how many there were."""
    return Departure.objects.filter(free_until__lte=now).delete()[0]


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


def _free_month_of(books: Books) -> dict[str, Any] | None:
    month = _free_month(books.wallet, books.subscription)
    return month if month and month["free_until"] > books.posted_at else None


def _free_month(wallet: Wallet, subscription: Subscription) -> dict[str, Any] | None:
    """Return the last Free month that a wallet has had: its present one, or the one before a plan that is paid for."""
    if subscription.plan_id == FREE:
        return {
            "anchor_at": subscription.anchor_at,
            "period": subscription.period,
            "free_until": subscription.period_ends_at,
        }
    if not subscription.plan.price_cents:
        return None
    # the calendar's own allowances are Free's; those that were paid for are named after what paid for them
    calendar = Grant.objects.filter(wallet=wallet, business_key__startswith=f"allowance:{subscription.pk}:")
    last = calendar.order_by("-effective_at", "-pk").first()
    if last is None:
        return None
    return {"anchor_at": last.effective_at, "period": 0, "free_until": period_start(last.effective_at, 1)}
