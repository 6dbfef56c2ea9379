"""Giving credits, and taking them back by hand (decisions 7 and 26)."""

from datetime import datetime

from accounts.models import User
from billing.errors import InvalidRequest
from billing.models import EntryNote, Grant, LedgerEntry
from billing.periods import is_in_books
from billing.services import ledger
from billing.services.cycles import add_grant
from billing.services.requests import fingerprint, refuse_other_request
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

# So far below what a wallet can hold that no number of grants makes the next allowance overflow.
LARGEST_GRANT = 10**15


@in_one_transaction
def issue(
    *,
    wallet_id: int,
    source: Grant.Source,
    amount: int,
    business_key: str,
    now: datetime,
    effective_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Give `amount` millicredits once per business key, and return the grant; a repeat returns the first one.

    A grant whose `effective_at` lies ahead starts then. Raises InvalidRequest for an amount below one millicredit or an
    expiry that isn't ahead of the start.
    """
    with settled_books(wallet_id, now=now) as books:
        if first := Grant.objects.filter(wallet_id=wallet_id, business_key=business_key).first():
            return first
        starts_at = effective_at or books.posted_at
        _check_grant(amount, starts_at, expires_at, books.posted_at)
        grant = Grant(
            source=source, amount=amount, effective_at=starts_at, expires_at=expires_at, business_key=business_key
        )
        add_grant(books, grant)
        return grant


@in_one_transaction
def adjust(
    *,
    wallet_id: int,
    amount: int,
    reason: str,
    actor: User | None,
    key: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Let staff give (`amount` > 0) or take (`amount` < 0) millicredits with a reason; return the entry.

    What is given is a new adjustment grant; what is taken follows burn-down order and stops at what is available
    (decision 26). `key` makes a second submit of the same form return the first entry. Raises InvalidRequest when there
    is no reason, nothing to change, or nothing left to take, and KeyReused when the key stands for something else.
    """
    reason = reason.strip()
    if not reason or type(amount) is not int or amount == 0:
        raise InvalidRequest("An adjustment needs an amount and a reason.")
    request_hash = fingerprint("adjustment", amount, expires_at.isoformat() if expires_at else None)
    with settled_books(wallet_id, now=now) as books:
        if first := ledger.entry_with_key(wallet_id, key):
            return refuse_other_request(first, request_hash)
        if amount > 0:
            _check_grant(amount, books.posted_at, expires_at, books.posted_at)
            grant = Grant(
                source=Grant.Source.ADJUSTMENT,
                amount=amount,
                effective_at=books.posted_at,
                expires_at=expires_at,
                business_key=f"adjustment:{key}",
            )
            entry = add_grant(books, grant, key=key, request_hash=request_hash, actor=actor)
        else:
            shares = books.burn(min(-amount, books.wallet.available))
            if not shares:
                raise InvalidRequest("There is nothing left to take from this wallet.")
            entry = books.post(LedgerEntry.Kind.ADJUSTMENT, shares, key=key, request_hash=request_hash, actor=actor)
        if entry is None:
            raise AssertionError("A grant that starts now is posted now.")
        EntryNote.objects.create(entry=entry, author=actor, reason=reason, written_at=now)
        return entry


def check_expiry(expires_at: datetime | None, *, after: datetime) -> None:
    """Raise InvalidRequest unless credits that begin at a moment never expire, or later and in this millennium."""
    if expires_at is None:
        return
    if expires_at <= after:
        raise InvalidRequest("A grant expires after it starts, and not in the past.")
    if not is_in_books(expires_at):
        raise InvalidRequest("A grant expires in this millennium, or never.")


def _check_grant(amount: int, starts_at: datetime, expires_at: datetime | None, now: datetime) -> None:
    if type(amount) is not int or not 1 <= amount <= LARGEST_GRANT:
        raise InvalidRequest(
            "A grant gives a whole number of millicredits, at least one and at most a trillion credits."
        )
    check_expiry(expires_at, after=max(starts_at, now))
