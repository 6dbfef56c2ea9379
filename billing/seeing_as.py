"""Seeing CleverAI as a customer does: which session does so, for how long, and what is written down about it.

The session remembers numbers only, and only for the member of staff who began. What is on record is on the wallet,
where staff read it, and in the logs.
"""

import logging
from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.text import Truncator

from accounts.models import User
from billing.models import Wallet

logger = logging.getLogger(__name__)

SEE_AS = "billing.see_as_customer"
LASTS_SECONDS = 15 * 60
KEY = "seeing_as"
LONGEST_LINE = 700


@dataclass(frozen=True, slots=True)
class Seeing:
    """Who sees CleverAI as whom, and until when, in seconds since 1970."""

    staff_id: int
    customer_id: int
    wallet_id: int
    until: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What pages say about it while it lasts."""

    name: str
    wallet_id: int
    minutes: int


def why_not(wallet: Wallet) -> str:
    """Return why nobody may see CleverAI as the owner of a wallet, or nothing if staff with the right may."""
    owner = wallet.owner
    if owner is None:
        return "This wallet's owner is gone."
    if owner.is_staff or owner.is_superuser:
        return "Its owner is on staff: their pages are their own."
    return "" if owner.is_active else "Its owner's account is switched off, so they see nothing either."


def begin(request: HttpRequest, *, wallet: Wallet, reason: str, now: float) -> None:
    """Let the session of a member of staff see CleverAI as the owner of a wallet whom `why_not` has nothing against."""
    seeing = Seeing(
        staff_id=_number(request.user.pk),
        customer_id=_number(wallet.owner_id),
        wallet_id=wallet.pk,
        until=now + LASTS_SECONDS,
    )
    minutes = LASTS_SECONDS // 60
    note(seeing, f"Began to see CleverAI as this customer, for {minutes} minutes at the most. Reason: {reason}")
    request.session[KEY] = [seeing.staff_id, seeing.customer_id, seeing.wallet_id, seeing.until]


def current(request: HttpRequest) -> Seeing | None:
    """Return what this session sees as whom, or None; what somebody else began in it is forgotten."""
    kept = request.session.get(KEY)
    if kept is None:
        return None
    seeing = Seeing(*kept)
    if request.user.is_authenticated and request.user.pk == seeing.staff_id:
        return seeing
    del request.session[KEY]
    return None


def end(request: HttpRequest, seeing: Seeing, *, why: str) -> None:
    """Go back to being oneself; `why` completes the sentence on record. Forms of the customer's pages expire."""
    request.session.pop(KEY, None)
    rotate_token(request)
    note(seeing, f"Stopped seeing CleverAI as this customer: {why}.")


def customer_of(seeing: Seeing) -> User | None:
    """Return the customer as they are now, or None once nobody may see CleverAI as them any longer."""
    wallets = Wallet.objects.select_related("owner").filter(pk=seeing.wallet_id, owner_id=seeing.customer_id)
    wallet = wallets.first()
    return wallet.owner if wallet is not None and not why_not(wallet) else None


def note(seeing: Seeing, message: str) -> None:
    """Write down what happened, before it is shown to anybody; the logs get no query and no reason."""
    logged = message.partition("?")[0].partition(" Reason:")[0]
    logger.info("Staff %s, wallet %s: %s", seeing.staff_id, seeing.wallet_id, logged)
    LogEntry.objects.create(
        user_id=seeing.staff_id,
        content_type=ContentType.objects.get_for_model(Wallet),
        object_id=str(seeing.wallet_id),
        object_repr=f"Wallet {seeing.wallet_id}",
        action_flag=CHANGE,
        change_message=Truncator(message).chars(LONGEST_LINE),
    )


def is_staff_looking(request: HttpRequest) -> bool:
    """Return whether a page is shown to staff in place of its owner: what its owner sees counts, this doesn't."""
    return getattr(request, "seeing_as", None) is not None


def _number(key: int | None) -> int:
    """Return the key of a row that is there."""
    if key is None:
        raise ValueError("Nobody is signed in, or nobody owns the wallet.")
    return key
