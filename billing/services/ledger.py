"""The bottom of all services: the only writer of wallets, grants and entries (with the SQL of the quick way)."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.time_zones import zone
from billing import traces
from billing.errors import InvalidRequest, NoPlan, OwnerHasLeft, UnknownWallet
from billing.models import EntryShare, Grant, Hold, LedgerEntry, Subscription, Wallet

CLOCK_TOLERANCE = timedelta(minutes=5)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Share:
    """What an entry does to one grant, in millicredits: to what is left of it and to what holds keep of it."""

    left: int = 0
    held: int = 0


@dataclass
class Books:
    """One wallet's books, locked for the length of a transaction.

    `left` has the millicredits left of every grant, the head's included; `post` keeps it true. Times are UTC:
    `posted_at` is the later of the caller's `now` and the wallet's last posting, because machines' clocks differ.
    """

    wallet: Wallet
    subscription: Subscription
    posted_at: datetime
    grants: dict[int, Grant]
    left: dict[int, int]
    _touched: set[int] = field(default_factory=set)

    def open_grants(self) -> list[Grant]:
        """Return the grants that can be spent, in burn-down order: soonest to expire first, then the oldest."""
        return sorted(
            (grant for grant in self.grants.values() if grant.opened_at and not grant.closed_at),
            key=lambda grant: (grant.expires_at or NEVER, grant.effective_at, grant.pk),
        )

    def burn(self, amount: int) -> dict[int, Share]:
        """Return how the open grants would pay `amount`, at most what is left of them all; nothing changes yet."""
        shares = {}
        for grant in self.open_grants():
            taken = min(amount, self.left[grant.pk])
            if taken:
                shares[grant.pk] = Share(left=-taken)
                amount -= taken
        return shares

    def post(
        self,
        kind: LedgerEntry.Kind,
        shares: Mapping[int, Share],
        *,
        effective_at: datetime | None = None,
        **facts: Any,
    ) -> LedgerEntry:
        """Add one entry that moves these shares, and return it. `facts` are further columns of the entry."""
        wallet = self.wallet
        available_change = sum(share.left for share in shares.values())
        held_change = sum(share.held for share in shares.values())
        wallet.available += available_change
        wallet.held += held_change
        wallet.sequence += 1
        wallet.last_posted_at = self.posted_at
        wallet.last_posted_on = self.posted_on
        for grant_id, share in shares.items():
            self.left[grant_id] += share.left
            self._touched.add(grant_id)
        entry = LedgerEntry.objects.create(
            wallet=wallet,
            sequence=wallet.sequence,
            kind=kind,
            available_change=available_change,
            held_change=held_change,
            available_after=wallet.available,
            grant_id=next(iter(shares)) if len(shares) == 1 else None,
            cycle=wallet.cycle,
            effective_at=effective_at or self.posted_at,
            posted_at=self.posted_at,
            posted_on=self.posted_on,
            **facts,
        )
        if len(shares) > 1:
            EntryShare.objects.bulk_create(
                EntryShare(
                    wallet=wallet, entry=entry, grant_id=grant_id, left_change=share.left, held_change=share.held
                )
                for grant_id, share in shares.items()
            )
        return entry

    @property
    def posted_on(self) -> date:
        """The owner's local day of this posting; it never goes back, also when the owner travels west."""
        return max(self.wallet.last_posted_on, self.local_day(self.posted_at))

    def local_day(self, moment: datetime) -> date:
        """Return the owner's calendar day at `moment`."""
        return moment.astimezone(zone(self.wallet.time_zone)).date()

    def start(self, grant: Grant) -> None:
        """Count a new or due grant in, from now on; its entry must follow."""
        grant.opened_at = self.posted_at
        self.grants[grant.pk] = grant
        self.left[grant.pk] = 0
        self._touched.add(grant.pk)

    def end(self, grant: Grant) -> None:
        """Close a grant that has nothing left; what holds keep of it can still be captured."""
        grant.closed_at = self.posted_at
        self._touched.add(grant.pk)

    def include(self, grant_ids: set[int]) -> None:
        """Load ended grants too: a hold may still keep credits of them."""
        for grant in Grant.objects.filter(wallet=self.wallet, pk__in=grant_ids - self.grants.keys()):
            self.grants[grant.pk] = grant
            self.left[grant.pk] = 0

    def close(self, *, next_due_at: datetime | None) -> None:
        """Choose the head again, write the wallet and every grant that changed."""
        wallet = self.wallet
        before = wallet.head_grant_id
        head = next((grant for grant in self.open_grants() if self.left[grant.pk]), None)
        wallet.head_grant_id = head.pk if head else None
        wallet.head_left = self.left[head.pk] if head else 0
        wallet.next_due_at = next_due_at
        moved = {pk for pk in (before, wallet.head_grant_id) if pk is not None and before != wallet.head_grant_id}
        for grant_id in sorted(self._touched | moved):
            grant = self.grants[grant_id]
            grant.remaining = None if grant is head else self.left[grant_id]
            grant.save(update_fields=["remaining", "opened_at", "closed_at"])
        wallet.save()


@contextmanager
def open_books(wallet_id: int, *, now: datetime) -> Iterator[Books]:
    """Lock a wallet and yield its books; the caller settles, acts and closes them. Must be used in a transaction.

    Raises UnknownWallet, NoPlan, and InvalidRequest when `now` is more than five minutes before the wallet's last
    posting.
    """
    with transaction.atomic():
        wallet = lock_wallet(wallet_id)
        subscription = Subscription.objects.select_related("plan").filter(wallet=wallet).first()
        if subscription is None:
            raise NoPlan("This wallet is on no plan, so nothing says what it may use.")
        if now < wallet.last_posted_at - CLOCK_TOLERANCE:
            raise InvalidRequest(
                f"This machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC, more than five minutes before the wallet's"
                f" last entry of {wallet.last_posted_at:%Y-%m-%d %H:%M:%S}."
            )
        grants = {grant.pk: grant for grant in Grant.objects.filter(wallet=wallet, closed_at=None)}
        left = {
            grant.pk: wallet.head_left if grant.pk == wallet.head_grant_id else grant.remaining or 0
            for grant in grants.values()
        }
        posted_at = max(now, wallet.last_posted_at)
        yield Books(wallet=wallet, subscription=subscription, posted_at=posted_at, grants=grants, left=left)


def lock_wallet(wallet_id: int) -> Wallet:
    """Lock a wallet before anything else of it is locked, and return it. Raises UnknownWallet."""
    traces.wallet_id.set(wallet_id)
    wallet = Wallet.objects.select_for_update(no_key=True).filter(pk=wallet_id).first()
    if wallet is None:
        raise UnknownWallet("There is no such wallet.")
    return wallet


def lock_owned_wallet(wallet_id: int) -> Wallet:
    """Lock a wallet that somebody's own words are to be written into, and return it.

    Leaving takes the same lock, so that no word comes after it. Raises UnknownWallet and OwnerHasLeft.
    """
    wallet = lock_wallet(wallet_id)
    require_owner(wallet)
    return wallet


def require_owner(wallet: Wallet) -> None:
    """Raise OwnerHasLeft for a locked wallet that nobody owns any more."""
    if wallet.owner_id is None:
        raise OwnerHasLeft


def shares_of(entry: LedgerEntry) -> dict[int, Share]:
    """Return what an entry did to each grant that it touched."""
    if entry.grant_id is not None:
        return {entry.grant_id: Share(entry.available_change, entry.held_change)}
    return {share.grant_id: Share(share.left_change, share.held_change) for share in entry.shares.order_by("id")}


def entry_with_key(wallet_id: int, key: str) -> LedgerEntry | None:
    """Return the entry that an idempotency key of this wallet already stands for."""
    return LedgerEntry.objects.select_related("hold").filter(wallet_id=wallet_id, key=key).first()


def entries_with_keys(wallet_id: int, keys: Collection[str]) -> dict[str, LedgerEntry]:
    """Return the entries that these idempotency keys of this wallet already stand for, by key."""
    return {entry.key or "": entry for entry in LedgerEntry.objects.filter(wallet_id=wallet_id, key__in=keys)}


def opening_entry(hold: Hold) -> LedgerEntry:
    """Return the entry that set a hold's credits aside."""
    return hold.entries.get(kind=LedgerEntry.Kind.HOLD)
