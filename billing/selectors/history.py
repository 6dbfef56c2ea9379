"""The ledger as a list for people: newest first, a page at a time, at any depth equally fast."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.models import DailyUsage, Feature, LedgerEntry, Wallet
from billing.selectors import catalog
from billing.selectors.history_search import Place, Search
from billing.selectors.lines import Line, lines_of
from billing.selectors.sources import APP, source_names
from billing.selectors.strands import Filters
from billing.selectors.used_days import UsedDays, used_days

PAGE_SIZE = 40


@dataclass(frozen=True, slots=True)
class Page:
    """One page of lines, newest first. `older` and `newer` are where the neighbouring pages begin, if there are any.

    `used` is what all usage comes to that the filters find, or None without filters and where no usage can match.
    `count` is how many entries there are in all, or None where that isn't known without counting them.
    """

    lines: tuple[Line, ...]
    older: int | None
    newer: int | None
    used: UsedDays | None = None
    count: int | None = None


def page(
    wallet: Wallet,
    filters: Filters,
    *,
    before: int | None = None,
    after: int | None = None,
    names: Mapping[str, str] | None = None,
) -> Page:
    """Return the lines just before a sequence number, or just after one, or the newest.

    `names` are those of sources, as far as the caller knows them.
    """
    place = Place(PAGE_SIZE + 1, before=before, after=after)
    used = used_by(wallet, filters, place)
    search = Search(wallet, filters, place, used)
    found = search.numbers()
    if place.is_upwards and len(found) <= PAGE_SIZE:
        place = Place(PAGE_SIZE + 1)
        found = Search(wallet, filters, place, used).numbers()
    shown = sorted(found[:PAGE_SIZE], reverse=True)
    has_older = place.is_upwards or len(found) > PAGE_SIZE
    return Page(
        lines=_lines(wallet, shown, filters, names or {}),
        older=shown[-1] if shown and has_older else None,
        newer=shown[0] if shown and place.cursor is not None else None,
        used=used,
        count=_count(wallet, filters, search.posted),
    )


def entries(wallet: Wallet, filters: Filters, *, before: int | None, count: int) -> list[LedgerEntry]:
    """Return at most `count` entries that the filters find, newest first, all older than number `before`."""
    place = Place(count, before=before)
    numbers = Search(wallet, filters, place, used_by(wallet, filters, place)).numbers()
    return list(LedgerEntry.objects.filter(wallet=wallet, sequence__in=numbers).order_by("-sequence"))


def used_by(wallet: Wallet, filters: Filters, place: Place) -> UsedDays | None:
    """Return the days of the filters' usage, or None where no usage can match or nobody needs to know them."""
    if not filters.has_usage or not (filters.is_narrowed or filters.span):
        return None
    return used_days(wallet, filters, cursor=place.cursor)


def neighbours(wallet: Wallet, filters: Filters, sequence: int) -> tuple[int | None, int | None]:
    """Return the numbers of the next older and the next newer entry that the filters find."""
    if not filters:
        return (sequence - 1 if sequence > 1 else None, sequence + 1 if sequence < wallet.sequence else None)
    places = Place(1, before=sequence), Place(1, after=sequence)
    used = used_by(wallet, filters, places[0])
    older, newer = (Search(wallet, filters, place, used).numbers() for place in places)
    return older[0] if older else None, newer[0] if newer else None


def recent(wallet: Wallet, count: int) -> tuple[Line, ...]:
    """Return the newest lines."""
    entries = LedgerEntry.objects.filter(wallet=wallet).select_related("grant").order_by("-sequence")
    return lines_of(wallet, list(entries[:count]))


def features_to_choose() -> list[Feature]:
    """Return every feature, for the filter."""
    return sorted(catalog.current().features.values(), key=lambda feature: feature.position)


def models_to_choose() -> list[Feature]:
    """Return what usage can be priced as, for the filter."""
    return [feature for feature in features_to_choose() if feature.pricing != Feature.Pricing.MODEL]


def sources_to_choose(wallet: Wallet) -> dict[str, str]:
    """Return the names of what has used the wallet's credits, by the words that addresses have for them."""
    sources = DailyUsage.objects.filter(wallet=wallet).values_list("source", flat=True).distinct()
    return dict(sorted(source_names(wallet, sources).items(), key=lambda named: (named[0] != APP, named[1].lower())))


def _lines(wallet: Wallet, numbers: list[int], filters: Filters, names: Mapping[str, str]) -> tuple[Line, ...]:
    entries = LedgerEntry.objects.filter(wallet=wallet, sequence__in=numbers).select_related("grant")
    return lines_of(wallet, list(entries.order_by("-sequence")), model=filters.model, names=names)


def _count(wallet: Wallet, filters: Filters, posted: range) -> int | None:
    """Return how many entries there are in all, where their numbers tell."""
    if filters.kind or filters.is_narrowed or filters.is_by_day:
        return None
    return len(posted) if filters.span else wallet.sequence
