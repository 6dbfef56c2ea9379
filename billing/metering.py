"""The face of credits for the rest of CleverAI: quote, charge, hold, capture, release. README.md has examples.

Everything is keyword-only. Quantities are whole numbers of a feature's base unit: tokens (input and output together),
images, searches, documents, seconds of video, sessions; a chatbot's message counts in tokens of its model. Amounts are
millicredits. `now` is a UTC moment, at most five minutes before the wallet's last posting. `key` makes a repeat
harmless: the same request under the same key gets the first answer, another one KeyReused. `confirmed` says that the
wallet's owner was asked, or can't be: without it, NeedsConfirmation refuses what costs more than they let go unasked.
All errors are `billing.errors.MeteringError`s; a call that raises one has changed nothing in the books.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.errors import HoldClosed, InvalidQuantity, InvalidRequest, MeteringError, UnknownHold
from billing.models import Feature, Hold, Wallet
from billing.selectors import catalog
from billing.selectors.catalog import PricedUse
from billing.services import charges, holds
from billing.services.charges import Answer
from billing.services.requests import check_detail, check_text, checked

__all__ = [
    "Answer",
    "Charge",
    "Node",
    "Work",
    "capture",
    "charge",
    "charge_many",
    "charge_workflow",
    "extend",
    "find_hold",
    "hold",
    "holding",
    "quote",
    "release",
]

MOST_NODES, MOST_CHARGES, LONGEST_NODE_NAME = 500, 500, 120
Detail = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a workflow run. Without a feature it is a free step."""

    name: str = ""
    feature: str | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One use to charge, as an item of `charge_many`."""

    feature: str
    quantity: int
    key: str
    source: str = "app"
    priced_as: str | None = None
    detail: Detail | None = None
    occurred_at: datetime | None = None
    confirmed: bool = False


def quote(*, feature: str, quantity: int, priced_as: str | None = None, now: datetime) -> PricedUse:
    """Return what a use would cost at `now`: `.cost` in millicredits, `.price` the dated price behind it.

    Raises UnknownFeature, InvalidQuantity, NoPriceInForce.
    """
    return catalog.fresh().priced(feature, quantity, priced_as, now)


def charge(
    *,
    wallet: Wallet,
    feature: str,
    quantity: int,
    key: str,
    source: str = "app",
    priced_as: str | None = None,
    detail: Detail | None = None,
    occurred_at: datetime | None = None,
    confirmed: bool = False,
    now: datetime,
) -> Answer:
    """Charge finished work and return the answer.

    `priced_as` is the chat model of a chatbot's message. `occurred_at` only sets the day the usage counts on
    (decision 28). Raises UnknownFeature, InvalidQuantity, InvalidRequest, NoPriceInForce, InsufficientCredits,
    NeedsConfirmation, KeyReused, WalletSuspended, UnknownWallet, NoPlan.
    """
    item = Charge(
        feature=feature,
        quantity=quantity,
        key=key,
        source=source,
        priced_as=priced_as,
        detail=detail,
        occurred_at=occurred_at,
        confirmed=confirmed,
    )
    return charges.charge(wallet_id=wallet.pk, wanted=_wanted(item, now), now=now)


def charge_many(*, wallet: Wallet, charges: Sequence[Charge], now: datetime) -> list[Answer | MeteringError]:
    """Charge up to 500 uses of one wallet in one round trip, each answered by itself, in order.

    An item of the result is an Answer, or the error that `charge` would have raised for it. Raises InvalidRequest for
    more than 500.
    """
    if len(charges) > MOST_CHARGES:
        raise InvalidRequest(f"At most {MOST_CHARGES} charges fit in one call.")
    results: list[Answer | MeteringError | None] = [None] * len(charges)
    wanted = {}
    for position, item in enumerate(charges):
        try:
            wanted[position] = _wanted(item, now)
        except MeteringError as refusal:
            results[position] = refusal
    answers = _charge_all(wallet_id=wallet.pk, wanted=list(wanted.values()), now=now)
    for position, answer in zip(wanted, answers, strict=True):
        results[position] = answer
    return [result for result in results if result is not None]


def charge_workflow(
    *,
    wallet: Wallet,
    workflow: str,
    nodes: Sequence[Node],
    key: str,
    confirmed: bool = False,
    now: datetime,
) -> Answer:
    """Charge one run of a workflow: the sum of its nodes, all or nothing, as one entry with a line a node.

    `workflow` names it in usage and history. Raises what `charge` raises, and InvalidRequest for no or too many nodes.
    """
    if not 1 <= len(nodes) <= MOST_NODES:
        raise InvalidRequest(f"A workflow run has 1 to {MOST_NODES} nodes.")
    for node in nodes:
        check_text("name of a node", node.name, LONGEST_NODE_NAME, shortest=0)
        if node.quantity is not None:
            catalog.check_quantity(node.quantity)
        if (node.feature is None) != (node.quantity is None):
            raise InvalidQuantity("A node names a feature and a quantity, or neither.")
    asked = [[node.name, node.feature, node.quantity] for node in nodes]
    request = checked(
        kind="workflow",
        asked=asked,
        key=key,
        source=f"workflow:{workflow}",
        detail={"workflow": workflow},
        now=now,
        confirmed=confirmed,
    )
    steps = [charges.Step(node.name, node.feature, node.quantity) for node in nodes]
    return charges.charge_workflow(
        wallet_id=wallet.pk, feature="workflow-execution", steps=steps, request=request, now=now
    )


def hold(
    *,
    wallet: Wallet,
    feature: str,
    quantity: int,
    key: str,
    minimum: int | None = None,
    source: str = "app",
    priced_as: str | None = None,
    detail: Detail | None = None,
    lasts: timedelta = holds.DEFAULT_LIMIT,
    confirmed: bool = False,
    now: datetime,
) -> Hold:
    """Set credits aside for work whose cost isn't known yet, and return the open hold.

    `hold.quantity` says how many base units may be used. For tokens it may be fewer than asked: `minimum` is the
    prompt, and what comes on top is cut to the owner's max-token setting and to what the balance can pay; fewer than
    `minimum` is refused. Other features are all or nothing (decision 11). An expired hold is released; `lasts` is at
    most 24 hours. What is confirmed is the amount set aside: capturing asks nobody. Raises what `charge` raises.
    """
    catalog.check_quantity(quantity)
    if minimum is not None and (type(minimum) is not int or not 1 <= minimum <= quantity):
        raise InvalidQuantity("The minimum is a whole number from 1 to the quantity.")
    if not timedelta(0) < lasts <= holds.LONGEST_LIMIT:
        raise InvalidRequest("A hold lasts more than 0 seconds and 24 hours at most.")
    asked = [feature, priced_as, quantity, minimum]
    request = checked(kind="hold", asked=asked, key=key, source=source, detail=detail, now=now, confirmed=confirmed)
    wish = holds.Wish(feature, priced_as, quantity, minimum, lasts, request)
    return holds.open_hold(wallet=wallet, wish=wish, now=now)


def find_hold(*, wallet: Wallet, hold_id: int) -> Hold:
    """Return a hold of this wallet by its id, for work that ends in another process; raises UnknownHold."""
    return holds.find_hold(wallet_id=wallet.pk, hold_id=hold_id)


def extend(*, wallet: Wallet, hold: Hold, until: datetime, now: datetime) -> Hold:
    """Move an open hold's time limit to `until`, at most 24 hours after its opening, and return the hold.

    Raises UnknownHold, HoldClosed, InvalidRequest.
    """
    _check_owner(wallet, hold)
    return holds.extend(wallet_id=wallet.pk, hold_id=hold.pk, until=until, now=now)


def capture(*, wallet: Wallet, hold: Hold, quantity: int, detail: Detail | None = None, now: datetime) -> Answer:
    """Spend what was really used, return the rest of the hold, and return the answer.

    More than was held takes the rest from what is available; what even that doesn't cover is the answer's `uncovered`
    and never collected. A repeat with the same quantity gets the first answer. Raises UnknownHold, HoldClosed,
    InvalidQuantity.
    """
    _check_owner(wallet, hold)
    check_detail(detail)
    return holds.capture(wallet_id=wallet.pk, hold=hold, quantity=quantity, detail=detail, now=now)


def release(*, wallet: Wallet, hold: Hold, now: datetime) -> Answer:
    """Return all credits of a hold: failed work costs nothing. Raises UnknownHold, HoldClosed if it was captured."""
    _check_owner(wallet, hold)
    return holds.release(wallet_id=wallet.pk, hold_id=hold.pk, now=now)


@dataclass(slots=True)
class Work:
    """Work under a hold: `quantity` may be used; say with `used()` what really was."""

    hold: Hold
    answer: Answer | None = None
    _used: int | None = None
    _detail: Detail | None = None

    @property
    def quantity(self) -> int:
        """How many base units may be used."""
        return self.hold.quantity

    def used(self, quantity: int, *, detail: Detail | None = None) -> None:
        """Say how many base units were really used; raises InvalidQuantity and InvalidRequest as `capture` would."""
        catalog.check_quantity(quantity)
        check_detail(detail)
        self._used = quantity
        self._detail = detail


@contextmanager
def holding(
    *,
    wallet: Wallet,
    feature: str,
    quantity: int,
    key: str,
    minimum: int | None = None,
    source: str = "app",
    priced_as: str | None = None,
    confirmed: bool = False,
    clock: Callable[[], datetime],
) -> Iterator[Work]:
    """Hold, yield the Work, then capture what it `used()`; release everything when the block raises.

    Work that doesn't say otherwise used what was held, except for tokens, where it must say. `clock` is asked for the
    time at both ends. Raises what `hold` and `capture` raise, InvalidRequest when the tokens used weren't named, and
    HoldClosed, before the block runs, when the key's hold was settled already: nobody would pay for the work.
    """
    opened = hold(
        wallet=wallet,
        feature=feature,
        quantity=quantity,
        key=key,
        minimum=minimum,
        source=source,
        priced_as=priced_as,
        confirmed=confirmed,
        now=clock(),
    )
    if opened.status != Hold.Status.OPEN:
        raise HoldClosed("The hold of this key is settled already: work that begins again takes a key of its own.")
    work = Work(opened)
    try:
        yield work
        if work._used is None and catalog.current().unit_of(feature) == Feature.Unit.TOKEN:
            raise InvalidRequest("Say with used() how many tokens the work took.")
    except BaseException:
        release(wallet=wallet, hold=opened, now=clock())
        raise
    used = opened.quantity if work._used is None else work._used
    work.answer = capture(wallet=wallet, hold=opened, quantity=used, detail=work._detail, now=clock())


def _wanted(item: Charge, now: datetime) -> charges.Wanted:
    catalog.check_quantity(item.quantity)
    asked = [item.feature, item.priced_as, item.quantity]
    request = checked(
        kind="charge",
        asked=asked,
        key=item.key,
        source=item.source,
        detail=item.detail,
        now=now,
        occurred_at=item.occurred_at,
        confirmed=item.confirmed,
    )
    return charges.Wanted(item.feature, item.priced_as, item.quantity, request)


_charge_all = charges.charge_many


def _check_owner(wallet: Wallet, hold: Hold) -> None:
    if hold.wallet_id != wallet.pk:
        raise UnknownHold("This wallet has no such hold.")
