"""Setting credits aside before the cost is known, and settling what was really used (decisions 9 to 11)."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from billing.errors import HoldClosed, InsufficientCredits, InvalidRequest, UnknownHold, WalletSuspended
from billing.models import Feature, FeaturePrice, Hold, LedgerEntry, Notice, Wallet
from billing.selectors import catalog
from billing.selectors.catalog import PricedUse, checked_cost
from billing.services import ledger, notices, quick, usage
from billing.services.charges import Answer, check_confirmed
from billing.services.clawbacks import settle_returned
from billing.services.ledger import Books, Share
from billing.services.requests import Request, fingerprint, refuse_other_request
from billing.services.settlement import (
    close_hold,
    facts_of,
    release_shares,
    settled_books,
)
from billing.services.transactions import in_one_transaction, tried_again
from billing.services.usage import Used
from billing.units import affordable

logger = logging.getLogger(__name__)

DEFAULT_LIMIT = timedelta(minutes=15)
LONGEST_LIMIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a hold asks for: up to `quantity` base units, of which `minimum` (a prompt's tokens) must be affordable.

    Only tokens can be cut down to what the balance and the owner's setting allow; the rest is all or nothing.
    """

    feature: str
    priced_as: str | None
    quantity: int
    minimum: int | None
    lasts: timedelta
    request: Request


@tried_again
def open_hold(*, wallet: Wallet, wish: Wish, now: datetime) -> Hold:
    """Set credits aside and return the open hold; raises what `billing.metering.hold` says."""
    use, is_cut = _capped(wish, wallet, now)
    request = wish.request
    try:
        row = quick.call(
            quick.HOLD,
            (
                wallet.pk, now, now + wish.lasts, use.feature, use.priced_as, use.quantity, use.price.pk,
                use.price.starts_at, use.cost, wallet.max_output_tokens if is_cut else None,
                request.source, quick.jsonb(request.detail), request.key, request.request_hash,
            ),
        )  # fmt: skip
    except quick.KeyTaken:
        return _first_hold(wallet.pk, request)
    if row is None:
        return open_hold_plainly(wallet_id=wallet.pk, wish=wish, now=now)
    hold_id, amount, grant_id, unlimited, opened_at = row
    return Hold(
        pk=hold_id,
        wallet_id=wallet.pk,
        feature_id=use.feature,
        priced_as_id=use.priced_as,
        price_id=use.price.pk,
        quantity=use.quantity,
        amount=amount,
        unlimited=unlimited,
        source=request.source,
        grant_id=grant_id,
        opened_at=opened_at,
        expires_at=opened_at + wish.lasts,
    )


def open_hold_plainly(*, wallet_id: int, wish: Wish, now: datetime) -> Hold:
    """Set credits aside under the wallet's lock, in readable steps."""
    outcome = _open_hold_plainly(wallet_id=wallet_id, wish=wish, now=now)
    if isinstance(outcome, InsufficientCredits):
        raise outcome
    return outcome


@in_one_transaction
def _open_hold_plainly(*, wallet_id: int, wish: Wish, now: datetime) -> Hold | InsufficientCredits:
    request = wish.request
    with settled_books(wallet_id, now=now) as books:
        if first := ledger.entry_with_key(wallet_id, request.key):
            return _replayed(refuse_other_request(first, request.request_hash))
        wallet = books.wallet
        if wallet.suspended_at is not None:
            raise WalletSuspended("This wallet is suspended: nothing can be set aside until staff resume it.")
        catalog.fresh()
        use = _affordable(wish, *_capped(wish, wallet, now), wallet)
        if isinstance(use, InsufficientCredits):
            notices.raise_to(books, Notice.Level.OUT)
            return use
        if not wallet.unlimited:
            check_confirmed(wallet, use.cost, request)
        return _set_aside(books, wish, use)


def _set_aside(books: Books, wish: Wish, use: PricedUse) -> Hold:
    """Open the hold, and take its credits out of the grants at once, in burn-down order."""
    wallet, request = books.wallet, wish.request
    amount = 0 if wallet.unlimited else use.cost
    shares = {grant_id: Share(left=share.left, held=-share.left) for grant_id, share in books.burn(amount).items()}
    hold = Hold.objects.create(
        wallet=wallet,
        feature_id=use.feature,
        priced_as_id=use.priced_as,
        price=use.price,
        quantity=use.quantity,
        amount=amount,
        unlimited=wallet.unlimited,
        source=request.source,
        grant_id=next(iter(shares)) if len(shares) == 1 else None,
        opened_at=books.posted_at,
        expires_at=books.posted_at + wish.lasts,
    )
    books.post(
        LedgerEntry.Kind.HOLD,
        shares,
        hold=hold,
        quantity=use.quantity,
        detail=request.detail,
        key=request.key,
        request_hash=request.request_hash,
        **facts_of(hold),
    )
    return hold


@tried_again
def capture(*, wallet_id: int, hold: Hold, quantity: int, detail: dict[str, object] | None, now: datetime) -> Answer:
    """Spend what was really used at the hold's price and return the rest; raises as `billing.metering.capture`."""
    request_hash = fingerprint("capture", hold.pk, quantity, detail)
    cost = checked_cost(quantity, _price(hold))
    row = quick.call(quick.CAPTURE, (wallet_id, hold.pk, now, quantity, cost, quick.jsonb(detail), request_hash))
    if row is None:
        return capture_plainly(wallet_id=wallet_id, hold_id=hold.pk, quantity=quantity, detail=detail, now=now)
    return Answer(row[0], cost, 0, row[1], row[2])


@in_one_transaction
def capture_plainly(
    *, wallet_id: int, hold_id: int, quantity: int, detail: dict[str, object] | None, now: datetime
) -> Answer:
    """Capture under the wallet's lock, in readable steps: also above the hold, and after its time limit."""
    request_hash = fingerprint("capture", hold_id, quantity, detail)
    with settled_books(wallet_id, now=now) as books:
        hold = find_hold(wallet_id=wallet_id, hold_id=hold_id)
        if hold.status == Hold.Status.CAPTURED:
            return _captured_before(hold, request_hash)
        if hold.status == Hold.Status.RELEASED:
            raise HoldClosed("This hold was released; its credits went back.")
        cost = checked_cost(quantity, _price(hold))
        kept = _kept_shares(books, hold)
        shares, uncovered = _spent(books, hold, kept, cost)
        entry = books.post(
            LedgerEntry.Kind.CAPTURE,
            shares,
            cost=cost,
            uncovered=uncovered,
            hold=hold,
            quantity=quantity,
            detail=detail,
            request_hash=request_hash,
            used_on=books.posted_on,
            **facts_of(hold),
        )
        if uncovered:
            said = f"Hold {hold.pk} was captured for {uncovered:,} millicredits more than there were."
            transaction.on_commit(partial(logger.error, said))
        close_hold(books, hold, Hold.Status.CAPTURED)
        settle_returned(books, kept, hold=hold)
        used = [Used(hold.feature_id, hold.priced_as_id, quantity, cost)]
        usage.count(books, used, used_on=books.posted_on, source=hold.source)
        return Answer.of(entry, replayed=False)


def _kept_shares(books: Books, hold: Hold) -> dict[int, int]:
    """Return the millicredits that a hold still keeps of each grant, in burn-down order; none once it expired."""
    if hold.status != Hold.Status.OPEN:
        return {}
    taken = ledger.shares_of(ledger.opening_entry(hold))
    books.include(set(taken))
    return {grant_id: share.held for grant_id, share in taken.items()}


def _spent(books: Books, hold: Hold, kept: dict[int, int], cost: int) -> tuple[dict[int, Share], int]:
    """Return what capturing `cost` does to each grant, and what no credits were left for (decisions 9 and 10).

    The hold's own credits go first, in burn-down order, even those of grants that ended meanwhile; then what is
    available. A hold settles under the rule it was opened under: an unlimited one burns nothing.
    """
    to_pay = 0 if hold.unlimited else cost
    shares = {}
    for grant_id, held in kept.items():
        spent = min(to_pay, held)
        shares[grant_id] = Share(left=held - spent, held=-held)
        to_pay -= spent
    for grant_id, share in books.burn(to_pay).items():
        own = shares.get(grant_id, Share())
        shares[grant_id] = Share(left=own.left + share.left, held=own.held)
        to_pay += share.left
    return shares, to_pay


@in_one_transaction
def release(*, wallet_id: int, hold_id: int, now: datetime) -> Answer:
    """Return all of a hold: failed work costs nothing. Releasing twice, or after its limit, changes nothing more.

    Raises UnknownHold, and HoldClosed when it was captured.
    """
    with settled_books(wallet_id, now=now) as books:
        hold = find_hold(wallet_id=wallet_id, hold_id=hold_id)
        if hold.status == Hold.Status.CAPTURED:
            raise HoldClosed("This hold was captured; what it cost is spent.")
        if hold.status == Hold.Status.OPEN:
            return Answer.of(release_shares(books, hold, Hold.Status.RELEASED), replayed=False)
        return Answer.of(hold.entries.get(kind=LedgerEntry.Kind.RELEASE), replayed=True)


@in_one_transaction
def extend(*, wallet_id: int, hold_id: int, until: datetime, now: datetime) -> Hold:
    """Move an open hold's time limit, at most 24 hours after it was opened; it never moves to an earlier time.

    Raises UnknownHold, HoldClosed, InvalidRequest.
    """
    with settled_books(wallet_id, now=now) as books:
        hold = find_hold(wallet_id=wallet_id, hold_id=hold_id)
        if hold.status != Hold.Status.OPEN:
            raise HoldClosed(f"This hold is {hold.get_status_display().lower()}; it can't be extended.")
        if until > hold.opened_at + LONGEST_LIMIT:
            raise InvalidRequest("A hold lasts 24 hours at most.")
        hold.expires_at = max(until, hold.expires_at)
        hold.save(update_fields=["expires_at"])
        del books
        return hold


def find_hold(*, wallet_id: int, hold_id: int) -> Hold:
    """Return a hold of this wallet; raises UnknownHold for any other."""
    hold = Hold.objects.filter(wallet_id=wallet_id, pk=hold_id).first()
    if hold is None:
        raise UnknownHold("This wallet has no such hold.")
    return hold


def _capped(wish: Wish, wallet: Wallet, now: datetime) -> tuple[PricedUse, bool]:
    """Return the wish priced, and whether it counts tokens: those are cut to the owner's setting (decision 11)."""
    quantity = wish.quantity
    is_cut = catalog.unit_of(wish.feature) == Feature.Unit.TOKEN
    if is_cut:
        quantity = min(quantity, (wish.minimum or 0) + wallet.max_output_tokens)
    return catalog.priced(wish.feature, quantity, wish.priced_as, now), is_cut


def _affordable(wish: Wish, use: PricedUse, is_cut: bool, wallet: Wallet) -> PricedUse | InsufficientCredits:
    """Return the use cut to what the balance can pay, or the refusal when even the minimum is too much."""
    if wallet.unlimited or use.cost <= wallet.available:
        return use
    if not is_cut:
        return InsufficientCredits(needed=use.cost, available=wallet.available)
    quantity = affordable(wallet.available, millicredits=use.price.millicredits, per=use.price.per)
    minimum = max(wish.minimum or 0, 1)
    if quantity < minimum:
        return InsufficientCredits(needed=checked_cost(minimum, use.price), available=wallet.available)
    return PricedUse(use.feature, use.priced_as, quantity, use.price, checked_cost(quantity, use.price))


def _price(hold: Hold) -> FeaturePrice:
    """Return the price a hold was opened at; prices never change, so a kept copy will do."""
    kept = catalog.current().prices_by_id.get(hold.price_id)
    return kept or FeaturePrice.objects.get(pk=hold.price_id)


def _first_hold(wallet_id: int, request: Request) -> Hold:
    entry = ledger.entry_with_key(wallet_id, request.key)
    if entry is None:
        raise AssertionError("The key was taken, yet no entry has it: entries are never deleted.")
    return _replayed(refuse_other_request(entry, request.request_hash))


def _replayed(entry: LedgerEntry) -> Hold:
    hold = entry.hold
    if hold is None:
        raise AssertionError("An entry with a hold's request hash has a hold.")
    hold.replayed = True
    return hold


def _captured_before(hold: Hold, request_hash: str) -> Answer:
    entry = hold.entries.get(kind=LedgerEntry.Kind.CAPTURE)
    if entry.request_hash != request_hash:
        raise HoldClosed("This hold was captured already, for another quantity.")
    return Answer.of(entry, replayed=True)
