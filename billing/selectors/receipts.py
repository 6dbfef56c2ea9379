"""One ledger entry, explained: the sum in words, the price it was made at, who paid, and what came before."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import FeaturePrice, Grant, LedgerEntry, Purchase, UsageLine, Wallet
from billing.selectors import catalog
from billing.selectors.balance import SOURCE_LABELS
from billing.selectors.lines import Line, lines_of
from billing.selectors.sources import source_names
from billing.selectors.words import price_words, quantity_words
from billing.units import cost_of

Kind = LedgerEntry.Kind
USAGE = (Kind.CHARGE, Kind.CAPTURE)
PAID_FOR = (Kind.GRANT, Kind.CLAWBACK)
BOUGHT = (Grant.Source.PURCHASE, Grant.Source.ALLOWANCE)


@dataclass(frozen=True, slots=True)
class GrantShare:
    """What the entry did to one grant, in millicredits: `change` to what is left, `held` to what holds keep of it."""

    label: str
    expires_at: datetime | None
    change: int
    held: int

    @property
    def spent(self) -> int:
        """What left this grant for good."""
        return -(self.change + self.held)


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a workflow run with its words; `cost` in millicredits."""

    name: str
    feature: str
    quantity: str
    price: str
    cost: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything a receipt page says. `sum_parts` are input and output, where the caller told them apart.

    `purchase` is what was paid for credits that were added or taken back; `source` is what used credits, by its name.
    """

    line: Line
    feature: str
    model: str
    source: str
    quantity: str
    sum_parts: str
    price: FeaturePrice | None
    price_in_words: str
    is_rounded: bool
    shares: tuple[GrantShare, ...]
    steps: tuple[Step, ...]
    story: tuple[Line, ...]
    purchase: Purchase | None = None

    @property
    def entry(self) -> LedgerEntry:
        """The entry that this is the receipt of."""
        return self.line.entry

    @property
    def is_usage(self) -> bool:
        """Whether something was used, in contrast to credits that only moved."""
        return self.entry.kind in USAGE

    @property
    def is_imported(self) -> bool:
        """Whether its usage counts on another day than that of its posting (decision 28)."""
        return self.entry.used_on not in (None, self.entry.posted_on)

    @property
    def available_before(self) -> int:
        """What could be spent just before, in millicredits."""
        return self.entry.available_after - self.entry.available_change

    @property
    def is_recorded_only(self) -> bool:
        """Whether it was used on an unlimited wallet: priced, but nothing was taken."""
        entry = self.entry
        covered = entry.cost - entry.uncovered
        return self.is_usage and covered > 0 and entry.available_change + entry.held_change == 0


def receipt(wallet: Wallet, sequence: int) -> Receipt | None:
    """Return the receipt of one of the wallet's entries, or None when it has no such entry."""
    entry = (
        LedgerEntry.objects.filter(wallet=wallet, sequence=sequence).select_related("grant", "hold", "price").first()
    )
    if entry is None:
        return None
    known = catalog.current()
    unit = known.unit_of(entry.priced_as_id) if entry.priced_as_id else ""
    return Receipt(
        line=lines_of(wallet, [entry])[0],
        feature=known.feature(entry.feature_id).name if entry.feature_id else "",
        model=_model(entry, known),
        source=_source(wallet, entry),
        quantity=quantity_words(entry.quantity, unit) if entry.quantity is not None else "",
        sum_parts=_sum_parts(entry),
        price=entry.price,
        price_in_words=price_words(entry.price, unit) if entry.price else "",
        is_rounded=_is_rounded(entry),
        shares=_shares(entry),
        steps=_steps(entry, known) if entry.kind == Kind.CHARGE and entry.price_id is None else (),
        story=_story(wallet, entry),
        purchase=_purchase(entry),
    )


def _model(entry: LedgerEntry, known: catalog.Catalog) -> str:
    is_own = entry.priced_as_id is None or entry.priced_as_id == entry.feature_id
    return "" if is_own or entry.priced_as_id is None else known.feature(entry.priced_as_id).name


def _source(wallet: Wallet, entry: LedgerEntry) -> str:
    """Return what used it, by its name; nothing where nothing was used."""
    return source_names(wallet, [entry.source])[entry.source] if entry.source else ""


def _sum_parts(entry: LedgerEntry) -> str:
    """Return "1,842 in + 611 out" when the entry's detail tells and really adds up to its quantity."""
    detail = entry.detail or {}
    into, out = detail.get("input_tokens"), detail.get("output_tokens")
    if not isinstance(into, int) or not isinstance(out, int) or into + out != entry.quantity:
        return ""
    return f"{into:,} in + {out:,} out"


def _is_rounded(entry: LedgerEntry) -> bool:
    if entry.price is None or entry.quantity is None:
        return False
    exact = entry.quantity * entry.price.millicredits
    return (
        exact != cost_of(entry.quantity, millicredits=entry.price.millicredits, per=entry.price.per) * entry.price.per
    )


def _purchase(entry: LedgerEntry) -> Purchase | None:
    if entry.kind not in PAID_FOR or entry.grant is None or entry.grant.source not in BOUGHT:
        return None
    return Purchase.objects.filter(grant=entry.grant).select_related("pack", "plan").first()


def _shares(entry: LedgerEntry) -> tuple[GrantShare, ...]:
    if entry.grant is not None:
        return (_share(entry.grant, entry.available_change, entry.held_change),)
    shares = entry.shares.select_related("grant").order_by("id")
    return tuple(_share(share.grant, share.left_change, share.held_change) for share in shares)


def _share(grant: Grant, change: int, held: int) -> GrantShare:
    return GrantShare(SOURCE_LABELS[Grant.Source(grant.source)], grant.expires_at, change, held)


def _steps(entry: LedgerEntry, known: catalog.Catalog) -> tuple[Step, ...]:
    return tuple(_step(line, known) for line in UsageLine.objects.filter(entry=entry).select_related("price"))


def _step(line: UsageLine, known: catalog.Catalog) -> Step:
    if line.feature_id is None or line.quantity is None or line.price is None:
        return Step(line.name or f"Step {line.position}", "", "", "", 0)
    unit = known.unit_of(line.feature_id)
    return Step(
        name=line.name or f"Step {line.position}",
        feature=known.feature(line.feature_id).name,
        quantity=quantity_words(line.quantity, unit),
        price=price_words(line.price, unit),
        cost=line.cost,
    )


def _story(wallet: Wallet, entry: LedgerEntry) -> tuple[Line, ...]:
    """Return all entries of the same hold in order: set aside, then settled or returned."""
    if entry.hold_id is None:
        return ()
    entries = LedgerEntry.objects.filter(wallet=wallet, hold_id=entry.hold_id).select_related("grant")
    return lines_of(wallet, list(entries.order_by("sequence")))
