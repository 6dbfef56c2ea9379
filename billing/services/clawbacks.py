"""Taking credits back for money that went back (decision 24), and what returns to grants that ended (decision 10)."""

from collections.abc import Iterable
from datetime import datetime

from billing.models import Grant, Hold, LedgerEntry
from billing.services.ledger import Books, Share


def aim(books: Books, *, grant: Grant, target: int) -> LedgerEntry | None:
    """Take back, or give back, so that `target` millicredits of the grant are gone, as far as they are still there.

    What is missing because it was spent stands on the entry as `uncovered`; what holds keep of the grant is taken when
    it returns. Returns the entry, or None when there is nothing new.
    """
    books.include({grant.pk})
    grant = books.grants[grant.pk]
    missing_before = grant.clawback_target - grant.taken_back
    taken = min(target, books.left[grant.pk] + grant.taken_back)
    change = grant.taken_back - taken
    uncovered = max(0, target - taken - missing_before)
    grant.clawback_target, grant.taken_back = target, taken
    grant.save(update_fields=["clawback_target", "taken_back"])
    if not change and not uncovered:
        return None
    entry = books.post(LedgerEntry.Kind.CLAWBACK, {grant.pk: Share(left=change)}, uncovered=uncovered)
    settle_returned(books, {grant.pk})
    return entry


def settle_returned(
    books: Books, grant_ids: Iterable[int], *, effective_at: datetime | None = None, hold: Hold | None = None
) -> None:
    """Take from what was returned to these grants what refunds still ask for; what ended grants keep, expires.

    The grants must be loaded (`Books.include`).
    """
    touched = [books.grants[grant_id] for grant_id in grant_ids]
    for grant in touched:
        _take_missing(books, grant, effective_at=effective_at, hold=hold)
    gone = {
        grant.pk: Share(left=-books.left[grant.pk])
        for grant in touched
        if grant.closed_at is not None and books.left[grant.pk]
    }
    if gone:
        books.post(LedgerEntry.Kind.EXPIRY, gone, effective_at=effective_at, hold=hold)


def _take_missing(books: Books, grant: Grant, *, effective_at: datetime | None, hold: Hold | None) -> None:
    taken = min(grant.clawback_target - grant.taken_back, books.left[grant.pk])
    if not taken:
        return
    grant.taken_back += taken
    grant.save(update_fields=["taken_back"])
    books.post(LedgerEntry.Kind.CLAWBACK, {grant.pk: Share(left=-taken)}, effective_at=effective_at, hold=hold)
