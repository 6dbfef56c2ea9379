"""What time alone changes: every act on a wallet first replays what came due, at the time it was due (decision 14)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.models import Grant, Hold, LedgerEntry, Plan, Subscription, Wallet
from billing.periods import period_start
from billing.services import ledger, notices
from billing.services.clawbacks import settle_returned
from billing.services.cycles import FREE, end_grant, follow_calendar, issue_allowance, start_grant, tell_of_reset
from billing.services.ledger import Books, Share
from billing.services.transactions import in_one_transaction

HOLD_EXPIRES, GRANT_EXPIRES, GRANT_STARTS, PERIOD_STARTS = range(4)
RENEWAL_GRACE = timedelta(hours=24)


@dataclass(frozen=True, order=True, slots=True)
class Due:
    """Something that time changes. In order of due time; at the same time hold, expiry, start, then id."""

    at: datetime
    rank: int
    row_id: int


@contextmanager
def settled_books(wallet_id: int, *, now: datetime) -> Iterator[Books]:
    """Lock a wallet, settle what is due by `now`, yield its books for one act, judge warnings and close them.

    Must be used in a transaction. Raises what `ledger.open_books` raises.
    """
    with ledger.open_books(wallet_id, now=now) as books:
        while (due := next_due(books)) and due.at <= books.posted_at:
            _replay_moment(books, due.at)
        sequence = books.wallet.sequence
        yield books
        if books.wallet.sequence > sequence:
            notices.judge(books, _entries_after(books, sequence))
        due = next_due(books)
        books.close(next_due_at=due.at if due else None)


@in_one_transaction
def settle(*, wallet_id: int, now: datetime) -> Wallet:
    """Replay what is due on a wallet and return it; harmless when nothing is, or when another did it first.

    Raises what `ledger.open_books` raises.
    """
    with settled_books(wallet_id, now=now) as books:
        return books.wallet


def next_due(books: Books) -> Due | None:
    """Return the earliest thing that time alone will change on this wallet, or None."""
    dues = [Due(hold.expires_at, HOLD_EXPIRES, hold.pk) for hold in _open_holds(books)[:1]]
    for grant in books.grants.values():
        if grant.closed_at is None and grant.opened_at is None:
            dues.append(Due(grant.effective_at, GRANT_STARTS, grant.pk))
        elif grant.closed_at is None and grant.expires_at is not None:
            dues.append(Due(grant.expires_at, GRANT_EXPIRES, grant.pk))
    if subscription := _calendar_subscription(books):
        dues.append(Due(subscription.period_ends_at, PERIOD_STARTS, subscription.pk))
    return min(dues, default=None)


def release_shares(
    books: Books, hold: Hold, status: Hold.Status, *, effective_at: datetime | None = None
) -> LedgerEntry:
    """Close an open hold and return its credits; an ended or refunded grant keeps none of them (decision 10)."""
    taken = ledger.shares_of(ledger.opening_entry(hold))
    books.include(set(taken))
    shares = {grant_id: Share(left=share.held, held=-share.held) for grant_id, share in taken.items()}
    entry = books.post(LedgerEntry.Kind.RELEASE, shares, effective_at=effective_at, hold=hold, **facts_of(hold))
    close_hold(books, hold, status)
    settle_returned(books, shares, effective_at=effective_at, hold=hold)
    return entry


def close_hold(books: Books, hold: Hold, status: Hold.Status) -> None:
    """Mark a hold as settled."""
    hold.status = status
    hold.closed_at = books.posted_at
    hold.save(update_fields=["status", "closed_at"])


def facts_of(hold: Hold) -> dict[str, Any]:
    """Return the entry columns that say what a hold was for."""
    return {
        "feature_id": hold.feature_id,
        "priced_as_id": hold.priced_as_id,
        "price_id": hold.price_id,
        "source": hold.source,
    }


def _replay_moment(books: Books, moment: datetime) -> None:
    """Apply everything due at one moment, then judge it together: a reset's expiry warns nobody (decision 19)."""
    sequence = books.wallet.sequence
    while (due := next_due(books)) and due.at == moment:
        if due.rank == HOLD_EXPIRES:
            hold = Hold.objects.get(pk=due.row_id)
            release_shares(books, hold, Hold.Status.EXPIRED, effective_at=moment)
        elif due.rank == GRANT_EXPIRES:
            _expire_grant(books, books.grants[due.row_id])
        elif due.rank == GRANT_STARTS:
            start_grant(books, books.grants[due.row_id])
        else:
            _start_calendar_period(books)
    notices.judge(books, _entries_after(books, sequence))


def _expire_grant(books: Books, grant: Grant) -> None:
    if grant.expires_at is not None and _awaits_renewal(books, grant):
        grant.expires_at += RENEWAL_GRACE
        grant.save(update_fields=["expires_at"])
    else:
        end_grant(books, grant, effective_at=grant.expires_at)


def _awaits_renewal(books: Books, grant: Grant) -> bool:
    """Return whether a payment will end this allowance; it comes about an hour after its period ended (decision 15)."""
    subscription = books.subscription
    return (
        grant.source == Grant.Source.ALLOWANCE
        and bool(subscription.plan.price_cents)
        and subscription.status in (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)
        and grant.expires_at == subscription.period_ends_at
    )


def _start_calendar_period(books: Books) -> None:
    """Begin the next cycle: period n starts at anchor + n months, whenever this runs (decision 13).

    Where a cancelled plan's last period is over it is the first cycle of Free (decision 16).
    """
    subscription = books.subscription
    if subscription.plan.price_cents:
        follow_calendar(books, Plan.objects.get(pk=FREE), at=subscription.period_ends_at)
        return
    subscription.period += 1
    subscription.period_started_at = subscription.period_ends_at
    subscription.period_ends_at = period_start(subscription.anchor_at, subscription.period + 1)
    subscription.save(update_fields=["period", "period_started_at", "period_ends_at"])
    issue_allowance(
        books,
        starts_at=subscription.period_started_at,
        ends_at=subscription.period_ends_at,
        key=f"allowance:{subscription.pk}:{subscription.anchor_at:%Y-%m-%d}:{subscription.period}",
    )
    tell_of_reset(books)


def _calendar_subscription(books: Books) -> Subscription | None:
    """Return the subscription if the calendar alone begins its next cycle.

    It does for Free and for contracts, which have no price, and for a paid plan that was cancelled: Stripe's word that
    it has ended may be late.
    """
    subscription = books.subscription
    if subscription.status == Subscription.Status.ENDED:
        return None
    is_over_then = subscription.status == Subscription.Status.CANCELLING
    return subscription if is_over_then or not subscription.plan.price_cents else None


def _open_holds(books: Books) -> list[Hold]:
    return list(Hold.objects.filter(wallet=books.wallet, status=Hold.Status.OPEN).order_by("expires_at", "id")[:1])


def _entries_after(books: Books, sequence: int) -> list[LedgerEntry]:
    return list(books.wallet.entries.filter(sequence__gt=sequence).order_by("sequence"))
