"""What a filtered history consists of: strands, each of which one index has in the order of the books.

A page merges the newest entries of each strand, so that it reads some dozens of entries at any depth. Where no index
has a strand's entries alone, such as those of one feature *and* one source, it is sparse: the totals a day say on which
days there are any (selectors/used_days.py), and only those are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from billing.models import Feature, LedgerEntry
from billing.selectors import catalog
from billing.selectors.sources import APP
from billing.selectors.spans import Span

Kind = LedgerEntry.Kind
USAGE, SET_ASIDE = "usage", "set-aside"

#: What the kinds filter offers: its word in the address, its label, the kinds of entries it shows.
KIND_GROUPS: dict[str, tuple[str, tuple[Kind, ...]]] = {
    USAGE: ("Usage", (Kind.CHARGE, Kind.CAPTURE)),
    "added": ("Added", (Kind.GRANT,)),
    SET_ASIDE: ("Set aside", (Kind.HOLD, Kind.RELEASE)),
    "expired": ("Expired", (Kind.EXPIRY,)),
    "adjusted": ("Adjusted", (Kind.ADJUSTMENT, Kind.CLAWBACK)),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to show; an empty field shows all. `kind` is a word of KIND_GROUPS.

    A `model` also finds the workflow runs that used it in one of their steps. A span of days goes by the day that usage
    counts on, and for all else by the day of posting; a cycle by what belongs to it.
    """

    kind: str = ""
    feature: str = ""
    model: str = ""
    source: str = ""
    span: Span | None = None

    def __bool__(self) -> bool:
        return bool(self.kind or self.is_narrowed or self.span)

    @property
    def is_narrowed(self) -> bool:
        """Whether only usage, and what is set aside for it, can match."""
        return bool(self.feature or self.model or self.source)

    @property
    def has_usage(self) -> bool:
        """Whether usage can match."""
        return self.kind in ("", USAGE)

    @property
    def cycle(self) -> int | None:
        """The cycle whose entries are asked for."""
        return self.span.cycle if self.span else None

    @property
    def is_by_day(self) -> bool:
        """Whether the day decides."""
        return self.span is not None and self.span.cycle is None


@dataclass(frozen=True, slots=True)
class Strand:
    """Entries for which all of this holds; empty is no condition. `kind` is a kind, or `usage` or `set-aside`.

    `priced_as` finds only what is priced as something else than its feature, `step` runs with a step of this feature.
    """

    kind: str = ""
    feature: str = ""
    priced_as: str = ""
    source: str = ""
    step: str = ""
    is_sparse: bool = False

    @property
    def has_usage(self) -> bool:
        """Whether it can have usage, which may count on another day than that of its posting."""
        return self.kind in ("", USAGE)


def strands_of(filters: Filters) -> list[Strand]:
    """Return the strands that have what the filters ask for, each entry in one of them."""
    if filters.is_narrowed:
        return list(_narrowed(filters))
    kinds = KIND_GROUPS[filters.kind][1] if filters.kind not in ("", USAGE) else (filters.kind,)
    return [Strand(kind) for kind in kinds]


def _narrowed(filters: Filters) -> Iterator[Strand]:
    for strand in _of_what(filters):
        conditions = [strand.feature, strand.priced_as, "" if strand.source == APP else strand.source]
        has_index = sum(map(bool, conditions)) == 1 and strand.source != APP and not strand.step
        if has_index and not filters.kind:
            yield strand
            continue
        if filters.has_usage:
            yield replace(strand, kind=USAGE, is_sparse=True)
        if filters.kind in ("", SET_ASIDE) and not strand.step:
            yield from _set_aside(strand)


def _of_what(filters: Filters) -> Iterator[Strand]:
    """Yield a strand for each way to match feature, model and source."""
    feature, model, source = filters.feature, filters.model, filters.source
    if not model or feature in ("", model):
        yield Strand(feature=feature or model, source=source)
    if not model or model in runs():
        return
    if feature != model and feature not in runs():
        yield Strand(feature=feature, priced_as=model, source=source)
    for run in runs():
        if feature in ("", run):
            yield Strand(feature=run, source=source, step=model)


def _set_aside(strand: Strand) -> Iterator[Strand]:
    """Yield strands of what was set aside; that of the app has an index for each feature alone."""
    is_alone = strand.source == APP and not (strand.feature or strand.priced_as)
    features = _codes(Feature.Pricing.OWN, Feature.Pricing.MODEL) if is_alone else [strand.feature]
    for feature in features:
        yield replace(strand, kind=SET_ASIDE, feature=feature)


def runs() -> list[str]:
    """Return the features that are the sum of their nodes: workflow runs."""
    return _codes(Feature.Pricing.NODES)


def _codes(*pricings: Feature.Pricing) -> list[str]:
    return [code for code, feature in catalog.current().features.items() if feature.pricing in pricings]
