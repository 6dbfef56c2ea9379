"""Charging for what was used: the quick way first, the plain way for everything else. The books come out the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.errors import InsufficientCredits, InvalidQuantity, MeteringError, NeedsConfirmation, WalletSuspended
from billing.models import FeaturePrice, LedgerEntry, Notice, UsageLine, Wallet
from billing.selectors import catalog
from billing.selectors.catalog import Catalog, PricedUse
from billing.services import ledger, notices, quick, usage
from billing.services.ledger import Books, Share
from billing.services.requests import Request, refuse_other_request
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction, tried_again
from billing.services.usage import Used
from billing.units import LARGEST_AMOUNT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a charge or capture did. Amounts in millicredits; `available` is what its entry left to spend.

    What a settled hold returns to a grant that ended meanwhile expires with a further entry, which `available` doesn't
    see. `replayed` says that the key had been used before and that this is the first answer again.
    """

    sequence: int
    cost: int
    uncovered: int
    available: int
    posted_at: datetime
    replayed: bool = False

    @classmethod
    def of(cls, entry: LedgerEntry, *, replayed: bool) -> "Answer":
        """Return the answer that an entry stands for."""
        return cls(entry.sequence, entry.cost, entry.uncovered, entry.available_after, entry.posted_at, replayed)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A use somebody wants to be charged for, not priced yet."""

    feature: str
    priced_as: str | None
    quantity: int
    request: Request


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a workflow run: `feature` None is a free step."""

    name: str
    feature: str | None
    quantity: int | None


@tried_again
def charge(*, wallet_id: int, wanted: Wanted, now: datetime) -> Answer:
    """Charge one use and return the answer; raises what `billing.metering.charge` says."""
    use = catalog.priced(wanted.feature, wanted.quantity, wanted.priced_as, now)
    request = wanted.request
    try:
        row = quick.call(
            quick.CHARGE,
            (
                wallet_id, now, request.occurred_at, use.feature, use.priced_as, use.quantity, use.price.pk,
                use.price.starts_at, use.cost, request.source, quick.jsonb(request.detail), request.key,
                request.request_hash,
            ),
        )  # fmt: skip
    except quick.KeyTaken:
        return first_answer(wallet_id, request)
    if row is None:
        return charge_plainly(wallet_id=wallet_id, wanted=wanted, now=now)
    return Answer(row[0], use.cost, 0, row[1], row[2])


def charge_plainly(*, wallet_id: int, wanted: Wanted, now: datetime) -> Answer:
    """Charge one use under the wallet's lock, in readable steps."""
    return answered(_charge_plainly, wallet_id=wallet_id, wanted=wanted, now=now)


@in_one_transaction
def _charge_plainly(*, wallet_id: int, wanted: Wanted, now: datetime) -> Answer | InsufficientCredits:
    request = wanted.request
    with settled_books(wallet_id, now=now) as books:
        if first := ledger.entry_with_key(wallet_id, request.key):
            return Answer.of(refuse_other_request(first, request.request_hash), replayed=True)
        use = catalog.fresh().priced(wanted.feature, wanted.quantity, wanted.priced_as, now)
        entry = _post_charge(books, use, request)
        return entry if isinstance(entry, InsufficientCredits) else Answer.of(entry, replayed=False)


def _post_charge(books: Books, use: PricedUse, request: Request) -> LedgerEntry | InsufficientCredits:
    if refusal := refuse(books, use.cost, request):
        return refusal
    entry = post_usage(
        books,
        LedgerEntry.Kind.CHARGE,
        request,
        cost=use.cost,
        feature_id=use.feature,
        priced_as_id=use.priced_as,
        quantity=use.quantity,
        price=use.price,
    )
    used = [Used(use.feature, use.priced_as, use.quantity, use.cost)]
    usage.count(books, used, used_on=entry.used_on or entry.posted_on, source=request.source)
    return entry


def charge_workflow(*, wallet_id: int, feature: str, steps: Sequence[Step], request: Request, now: datetime) -> Answer:
    """Charge the nodes of one workflow run together, all or nothing, as one entry with a line a node (decision 3)."""
    return answered(_charge_workflow, wallet_id=wallet_id, feature=feature, steps=steps, request=request, now=now)


@in_one_transaction
def _charge_workflow(
    *, wallet_id: int, feature: str, steps: Sequence[Step], request: Request, now: datetime
) -> Answer | InsufficientCredits:
    with settled_books(wallet_id, now=now) as books:
        if first := ledger.entry_with_key(wallet_id, request.key):
            return Answer.of(refuse_other_request(first, request.request_hash), replayed=True)
        prices = catalog.fresh()
        uses = [
            None if step.feature is None else prices.priced(step.feature, step.quantity or 0, None, now)
            for step in steps
        ]
        cost = sum(use.cost for use in uses if use)
        if cost > LARGEST_AMOUNT:
            raise InvalidQuantity("That run costs more than the books can hold.")
        if refusal := refuse(books, cost, request):
            return refusal
        entry = post_usage(
            books,
            LedgerEntry.Kind.CHARGE,
            request,
            cost=cost,
            feature_id=feature,
            priced_as_id=feature,
            quantity=1,
        )
        _write_lines(books, entry, steps, uses)
        used = [Used(feature, feature, 1, 0)]
        used += [Used(feature, use.priced_as, use.quantity, use.cost, uses=0) for use in uses if use]
        usage.count(books, used, used_on=entry.used_on or entry.posted_on, source=request.source)
        return Answer.of(entry, replayed=False)


@tried_again
def charge_many(*, wallet_id: int, wanted: Sequence[Wanted], now: datetime) -> list[Answer | MeteringError]:
    """Charge many uses of one wallet, each answered by itself: an answer or the refusal it got, in the same order."""
    if (answers := _charge_together(wallet_id, wanted, now)) is not None:
        return answers
    try:
        return _charge_in_turn(wallet_id=wallet_id, wanted=wanted, now=now)
    except MeteringError:
        return [_answer_or_refusal(wallet_id, one, now) for one in wanted]


def _charge_together(wallet_id: int, wanted: Sequence[Wanted], now: datetime) -> list[Answer | MeteringError] | None:
    """Charge all in one round trip, or return None when each must be answered by itself."""
    prices = catalog.current()
    try:
        uses = [prices.priced(one.feature, one.quantity, one.priced_as, now) for one in wanted]
    except MeteringError:
        return None
    if not uses or sum(use.cost for use in uses) > LARGEST_AMOUNT:
        return None
    try:
        row = quick.call(quick.CHARGES, _columns(wallet_id, now, wanted, uses))
    except (quick.KeyTaken, InvalidQuantity):
        return None
    if row is None:
        return None
    sequence, available, posted_at, unlimited = row
    answers: list[Answer | MeteringError] = []
    for number, use in enumerate(uses, start=1):
        available -= 0 if unlimited else use.cost
        answers.append(Answer(sequence + number, use.cost, 0, available, posted_at))
    return answers


def _columns(wallet_id: int, now: datetime, wanted: Sequence[Wanted], uses: Sequence[PricedUse]) -> tuple[object, ...]:
    return (
        wallet_id,
        now,
        [use.feature for use in uses],
        [use.priced_as for use in uses],
        [use.quantity for use in uses],
        [use.price.pk for use in uses],
        [use.price.starts_at for use in uses],
        [use.cost for use in uses],
        [one.request.source for one in wanted],
        [quick.jsonb(one.request.detail) for one in wanted],
        [one.request.key for one in wanted],
        [one.request.request_hash for one in wanted],
        [one.request.occurred_at for one in wanted],
    )


@in_one_transaction
def _charge_in_turn(*, wallet_id: int, wanted: Sequence[Wanted], now: datetime) -> list[Answer | MeteringError]:
    """Charge one after the other under one lock, each as `charge_plainly` would; nearly free for what is refused."""
    answers: list[Answer | MeteringError] = []
    with settled_books(wallet_id, now=now) as books:
        prices = catalog.fresh()
        posted = ledger.entries_with_keys(wallet_id, [one.request.key for one in wanted])
        for one in wanted:
            try:
                answers.append(_next_in_turn(books, one, prices, posted, now))
            except MeteringError as refusal:
                answers.append(refusal)
    return answers


def _next_in_turn(
    books: Books, wanted: Wanted, prices: Catalog, posted: dict[str, LedgerEntry], now: datetime
) -> Answer | InsufficientCredits:
    request = wanted.request
    use = prices.priced(wanted.feature, wanted.quantity, wanted.priced_as, now)
    if first := posted.get(request.key):
        return Answer.of(refuse_other_request(first, request.request_hash), replayed=True)
    entry = _post_charge(books, use, request)
    if isinstance(entry, InsufficientCredits):
        return entry
    notices.judge(books, [entry])
    posted[request.key] = entry
    return Answer.of(entry, replayed=False)


def _answer_or_refusal(wallet_id: int, wanted: Wanted, now: datetime) -> Answer | MeteringError:
    try:
        return charge(wallet_id=wallet_id, wanted=wanted, now=now)
    except MeteringError as refusal:
        return refusal


def answered(work: Callable[..., Answer | InsufficientCredits], **request: object) -> Answer:
    """Return the answer of a transaction, or raise the refusal that it ended with once it is committed."""
    outcome = work(**request)
    if isinstance(outcome, InsufficientCredits):
        raise outcome
    return outcome


def first_answer(wallet_id: int, request: Request) -> Answer:
    """Return what the first use of a key was answered; raises KeyReused when it was another request."""
    entry = ledger.entry_with_key(wallet_id, request.key)
    if entry is None:
        raise AssertionError("The key was taken, yet no entry has it: entries are never deleted.")
    return Answer.of(refuse_other_request(entry, request.request_hash), replayed=True)


def refuse(books: Books, cost: int, request: Request) -> InsufficientCredits | None:
    """Return why these books can't pay `cost` now, or None.

    The caller raises the refusal after the transaction, because the warning that it causes is kept (decision 19).
    Raises WalletSuspended, and NeedsConfirmation for what could be paid: nobody is asked in vain.
    """
    wallet = books.wallet
    if wallet.suspended_at is not None:
        raise WalletSuspended("This wallet is suspended: it can't be charged until staff resume it.")
    if wallet.unlimited:
        return None
    if cost > wallet.available:
        notices.raise_to(books, Notice.Level.OUT)
        return InsufficientCredits(needed=cost, available=wallet.available)
    check_confirmed(wallet, cost, request)
    return None


def check_confirmed(wallet: Wallet, amount: int, request: Request) -> None:
    """Raise NeedsConfirmation when so many millicredits are more than the owner lets go without being asked."""
    if not request.confirmed and wallet.confirm_above is not None and amount > wallet.confirm_above:
        raise NeedsConfirmation(cost=amount, limit=wallet.confirm_above)


def post_usage(
    books: Books,
    kind: LedgerEntry.Kind,
    request: Request,
    *,
    cost: int,
    price: FeaturePrice | None = None,
    **facts: Any,
) -> LedgerEntry:
    """Post an entry that spends `cost` in burn-down order; an unlimited wallet only records it (decision 12)."""
    shares: dict[int, Share] = {} if books.wallet.unlimited else books.burn(cost)
    occurred_at = request.occurred_at
    return books.post(
        kind,
        shares,
        cost=cost,
        price=price,
        source=request.source,
        detail=request.detail,
        key=request.key,
        request_hash=request.request_hash,
        used_on=books.local_day(occurred_at) if occurred_at else books.posted_on,
        **facts,
    )


def _write_lines(books: Books, entry: LedgerEntry, steps: Sequence[Step], uses: Sequence[PricedUse | None]) -> None:
    is_owned = books.wallet.owner_id is not None  # names of whoever has left are forgotten, and none comes after them
    UsageLine.objects.bulk_create(
        UsageLine(
            wallet=books.wallet,
            entry=entry,
            position=position,
            name=step.name if is_owned else "",
            feature_id=use.feature if use else None,
            quantity=use.quantity if use else None,
            price=use.price if use else None,
            cost=use.cost if use else 0,
        )
        for position, (step, use) in enumerate(zip(steps, uses, strict=True), start=1)
    )
