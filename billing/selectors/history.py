"""The ledger as a list for people: newest first, a page at a time, at any depth equally fast."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from billing.models import Feature, Grant, LedgerEntry, Wallet
from billing.selectors import catalog
from billing.selectors.balance import SOURCE_LABELS
from billing.selectors.sources import CHATBOT_SOURCE, chatbot_names
from billing.selectors.words import credits_words, quantity_words
from billing.units import format_credits

PAGE_SIZE = 40
Kind = LedgerEntry.Kind

#: What the kinds filter offers: its word in the address, its label, the kinds of entries it shows.
KIND_GROUPS: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "usage": ("Usage", (Kind.CHARGE, Kind.CAPTURE)),
    "added": ("Added", (Kind.GRANT,)),
    "set-aside": ("Set aside", (Kind.HOLD, Kind.RELEASE)),
    "expired": ("Expired", (Kind.EXPIRY,)),
    "adjusted": ("Adjusted", (Kind.ADJUSTMENT, Kind.CLAWBACK)),
}
UNIT_ICONS = {
    Feature.Unit.TOKEN: "message-square",
    Feature.Unit.IMAGE: "image",
    Feature.Unit.SEARCH: "search",
    Feature.Unit.DOCUMENT: "file-text",
    Feature.Unit.SECOND: "video",
    Feature.Unit.RUN: "workflow",
    Feature.Unit.MESSAGE: "bot",
    Feature.Unit.SESSION: "graduation-cap",
    Feature.Unit.REPORT: "chart-line",
}
KIND_ICONS = {
    Kind.GRANT: "plus",
    Kind.HOLD: "lock",
    Kind.RELEASE: "undo-2",
    Kind.EXPIRY: "calendar-x",
    Kind.CLAWBACK: "minus",
    Kind.ADJUSTMENT: "sliders-horizontal",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to show; an empty field shows all. `kind` is a word of KIND_GROUPS."""

    kind: str = ""
    feature: str = ""
    cycle: int | None = None

    def __bool__(self) -> bool:
        return bool(self.kind or self.feature or self.cycle is not None)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its words: what it is, what was used, and what its change doesn't say by itself."""

    entry: LedgerEntry
    title: str
    note: str
    icon: str

    @property
    def aside(self) -> str:
        """What to say beside the change: a cost that the change alone would hide."""
        entry = self.entry
        if entry.kind == Kind.CAPTURE:
            return f"{format_credits(entry.cost)} used of {format_credits(-entry.held_change)} set aside"
        if entry.kind == Kind.CHARGE and entry.cost and not entry.available_change:
            return f"worth {credits_words(entry.cost)}"
        return "free" if entry.kind == Kind.CHARGE and not entry.cost else ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of lines, newest first. `older` and `newer` are where the neighbouring pages begin, if there are any."""

    lines: tuple[Line, ...]
    older: int | None
    newer: int | None


def page(wallet: Wallet, filters: Filters, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the lines just before a sequence number, or just after one, or the newest."""
    entries = _matching(wallet, filters)
    if after is not None and before is None:
        found = list(entries.filter(sequence__gt=after).order_by("sequence")[: PAGE_SIZE + 1])
        if len(found) <= PAGE_SIZE:
            return page(wallet, filters)
        shown = found[:PAGE_SIZE][::-1]
        return Page(lines_of(wallet, shown), older=shown[-1].sequence, newer=shown[0].sequence)
    if before is not None:
        entries = entries.filter(sequence__lt=before)
    found = list(entries.order_by("-sequence")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return Page(
        lines_of(wallet, shown),
        older=shown[-1].sequence if len(found) > PAGE_SIZE else None,
        newer=shown[0].sequence if before is not None and shown else None,
    )


def recent(wallet: Wallet, count: int) -> tuple[Line, ...]:
    """Return the newest lines."""
    return lines_of(wallet, list(_matching(wallet, Filters()).order_by("-sequence")[:count]))


def lines_of(wallet: Wallet, entries: Sequence[LedgerEntry]) -> tuple[Line, ...]:
    """Return entries with their words; chatbots and workflows are called by their names."""
    known = catalog.current()
    bots = chatbot_names(wallet, (entry.source for entry in entries))
    return tuple(
        Line(entry, _title(entry, known), _note(entry, known, bots.get(entry.source)), _icon(entry, known))
        for entry in entries
    )


def features_to_choose() -> list[Feature]:
    """Return every feature, for the filter."""
    return sorted(catalog.current().features.values(), key=lambda feature: feature.position)


def _matching(wallet: Wallet, filters: Filters) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(wallet=wallet).select_related("grant")
    if filters.kind:
        entries = entries.filter(kind__in=KIND_GROUPS[filters.kind][1])
    if filters.feature:
        entries = entries.filter(feature_id=filters.feature)
    if filters.cycle is not None:
        entries = entries.filter(cycle=filters.cycle)
    return entries


def _title(entry: LedgerEntry, known: catalog.Catalog) -> str:
    name = known.feature(entry.feature_id).name if entry.feature_id else ""
    source = SOURCE_LABELS.get(Grant.Source(entry.grant.source), "Credits") if entry.grant else "Credits"
    match entry.kind:
        case Kind.HOLD:
            return f"Set aside for {name}"
        case Kind.RELEASE:
            return f"Returned from {name}"
        case Kind.GRANT:
            return source
        case Kind.EXPIRY:
            return f"{source} expired"
        case Kind.ADJUSTMENT:
            return source if entry.available_change > 0 else "Taken by CleverAI"
        case Kind.CLAWBACK:
            return "Given back: payment restored" if entry.available_change > 0 else "Taken back: payment returned"
    return name


def _note(entry: LedgerEntry, known: catalog.Catalog, bot: str | None) -> str:
    detail = entry.detail or {}
    parts: list[str] = []
    if entry.quantity is not None and entry.priced_as_id and "workflow" not in detail:
        quantity = quantity_words(entry.quantity, known.unit_of(entry.priced_as_id))
        parts.append(f"up to {quantity}" if entry.kind == Kind.HOLD else quantity)
    if entry.priced_as_id and entry.priced_as_id != entry.feature_id:
        parts.append(known.feature(entry.priced_as_id).name)
    if bot or entry.source.startswith(CHATBOT_SOURCE):
        parts.append(bot or "a former chatbot")
    if "workflow" in detail:
        parts.append(str(detail["workflow"]))
    return " · ".join(parts)


def _icon(entry: LedgerEntry, known: catalog.Catalog) -> str:
    if entry.kind in KIND_ICONS:
        return KIND_ICONS[Kind(entry.kind)]
    return icon_of(known.feature(entry.feature_id)) if entry.feature_id else "circle"


def icon_of(feature: Feature) -> str:
    """Return the name of the icon that stands for a feature's unit."""
    return UNIT_ICONS[Feature.Unit(feature.unit)]
