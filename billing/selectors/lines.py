"""Entries of the ledger in words: what each is, what was used, and what its change doesn't say by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Sum

from billing.models import Feature, Grant, LedgerEntry, UsageLine, Wallet
from billing.selectors import catalog
from billing.selectors.balance import SOURCE_LABELS
from billing.selectors.sources import APP, source_names
from billing.selectors.words import credits_words, quantity_words
from billing.units import format_credits

Kind = LedgerEntry.Kind

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
class Line:
    """An entry with its words: what it is, what was used, and what its change doesn't say by itself."""

    entry: LedgerEntry
    title: str
    notes: tuple[str, ...]
    icon: str

    @property
    def aside(self) -> str:
        """What to say beside the change: a cost that the change alone would hide."""
        entry = self.entry
        if entry.kind == Kind.CAPTURE and entry.held_change:
            return f"{format_credits(entry.cost)} used of {format_credits(-entry.held_change)} set aside"
        if entry.kind in {Kind.CHARGE, Kind.CAPTURE} and entry.cost and not entry.available_change:
            return f"worth {credits_words(entry.cost)}"
        return "free" if entry.kind == Kind.CHARGE and not entry.cost else ""


def lines_of(
    wallet: Wallet, entries: Sequence[LedgerEntry], *, model: str = "", names: Mapping[str, str] | None = None
) -> tuple[Line, ...]:
    """Return entries with their words; what used credits is called by its name, looked up unless `names` has it.

    With a `model`, workflow runs say how much of their cost was for steps that used it.
    """
    known = catalog.current()
    sources = {entry.source for entry in entries} - {"", APP}
    names = dict(names or {}) | source_names(wallet, sources - set(names or {}))
    parts = _cost_of_steps(entries, model, known) if model else {}
    return tuple(
        Line(
            entry,
            _title(entry, known),
            (*_notes(entry, known, names), *([parts[entry.pk]] if entry.pk in parts else [])),
            _icon(entry, known),
        )
        for entry in entries
    )


def _cost_of_steps(entries: Sequence[LedgerEntry], model: str, known: catalog.Catalog) -> dict[int, str]:
    """Return what workflow runs among the entries used a model for, in words."""
    runs = [entry.pk for entry in entries if entry.feature_id and _is_run(known.feature(entry.feature_id))]
    if not runs:
        return {}
    steps = UsageLine.objects.filter(entry__in=runs, feature=model).values("entry_id").annotate(total=Sum("cost"))
    name = known.feature(model).name
    return {step["entry_id"]: f"{format_credits(step['total'])} of it for {name}" for step in steps}


def _is_run(feature: Feature) -> bool:
    return feature.pricing == Feature.Pricing.NODES


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


def _notes(entry: LedgerEntry, known: catalog.Catalog, names: Mapping[str, str]) -> list[str]:
    notes: list[str] = []
    if entry.quantity is not None and entry.priced_as_id and not _is_run(known.feature(entry.priced_as_id)):
        quantity = quantity_words(entry.quantity, known.unit_of(entry.priced_as_id))
        notes.append(f"up to {quantity}" if entry.kind == Kind.HOLD else quantity)
    if entry.priced_as_id and entry.priced_as_id != entry.feature_id:
        notes.append(known.feature(entry.priced_as_id).name)
    if entry.source not in ("", APP):
        notes.append(names[entry.source])
    if entry.used_on and entry.used_on != entry.posted_on:
        notes.append(f"used on {entry.used_on.day} {entry.used_on:%b %Y}")
    return notes


def _icon(entry: LedgerEntry, known: catalog.Catalog) -> str:
    if entry.kind in KIND_ICONS:
        return KIND_ICONS[Kind(entry.kind)]
    return icon_of(known.feature(entry.feature_id)) if entry.feature_id else "circle"


def icon_of(feature: Feature) -> str:
    """Return the name of the icon that stands for a feature's unit."""
    return UNIT_ICONS[Feature.Unit(feature.unit)]
