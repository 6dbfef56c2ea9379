"""Warnings at 20 %, 5 % and nothing left (decision 19): judged with the books that cause them."""

from datetime import datetime

from billing.models import LedgerEntry, Message, Notice, Wallet
from billing.selectors.balance import deserved_level
from billing.services import outbox
from billing.services.ledger import Books


def judge(books: Books, entries: list[LedgerEntry]) -> None:
    """Raise or lower the wallet's warning level after these entries were posted together.

    An entry that lowers what is posted can raise it, with one notice for the strongest level crossed; one that adds
    credits lowers it to what the balance deserves, so that it can be raised again. Holds and releases do neither.
    """
    wallet = books.wallet
    changes = [entry.available_change + entry.held_change for entry in entries]
    deserved = deserved_level(wallet)
    if any(change > 0 for change in changes):
        wallet.warning_level = min(wallet.warning_level, deserved)
    if any(change < 0 for change in changes) and deserved > wallet.warning_level:
        raise_to(books, deserved)


def raise_to(books: Books, level: int) -> None:
    """Set the wallet's warning level, write the notice and tell the owner, unless it was that high already."""
    wallet = books.wallet
    if wallet.unlimited or level <= wallet.warning_level:
        return
    wallet.warning_level = level
    notice = Notice.objects.create(
        wallet=wallet, level=level, cycle=wallet.cycle, available=wallet.available, raised_at=books.posted_at
    )
    outbox.tell(
        wallet=wallet,
        kind=Message.Kind.LOW_CREDITS,
        key=f"notice:{notice.pk}",
        now=books.posted_at,
        level=level,
        available=wallet.available,
        cycle=wallet.cycle,
    )


def dismiss(*, wallet: Wallet, notice_id: int, now: datetime) -> bool:
    """Hide one of the wallet's notices for good; returns whether there was one to hide."""
    return bool(Notice.objects.filter(wallet=wallet, pk=notice_id, dismissed_at=None).update(dismissed_at=now))
