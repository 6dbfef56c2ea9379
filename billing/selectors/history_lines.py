"""The lines of a history export's file: the entries that the history page finds, from the oldest to the newest."""

from typing import Any

from django.db.models import F, Max, Min

from billing.models import LedgerEntry
from billing.selectors import copying
from billing.selectors.columns import ENTRY_COLUMNS
from billing.selectors.entry_lines import QUERY, parameters
from billing.selectors.export_contents import Contents, Wanted
from billing.selectors.sequences import sequences_between, sequences_of_spans
from billing.selectors.spans import Span
from billing.selectors.strands import KIND_GROUPS
from billing.units import LARGEST_AMOUNT

EVERYTHING = range(1, LARGEST_AMOUNT)
#: So many are counted; a page says that there are more.
MOST_COUNTED = 100_000


def count(wanted: Wanted) -> int:
    """Return how many entries there are, or MOST_COUNTED where they are more and would have to be gone through."""
    is_by_day = wanted.span is not None and wanted.span.cycle is None
    if wanted.filters or is_by_day:
        return copying.counted(QUERY, _parameters(wanted), most=MOST_COUNTED)
    return len(_numbers(wanted)) if wanted.span else wanted.wallet.sequence


def contents(wanted: Wanted) -> Contents:
    """Return what a history export's file has in it."""
    return Contents(columns=ENTRY_COLUMNS, query=QUERY, parameters=_parameters(wanted))


def _parameters(wanted: Wanted) -> dict[str, Any]:
    span = wanted.span
    conditions: dict[str, Any] = {name: word for name, word in wanted.filters.items() if name != "kind"}
    if span is not None and span.cycle is not None:
        conditions["cycle"] = span.cycle
    elif span is not None:
        conditions |= {"first_day": span.first, "last_day": span.last}
    if wanted.kind:
        conditions["kinds"] = [str(kind) for kind in KIND_GROUPS[wanted.kind][1]]
    return dict(parameters(wanted.wallet, _numbers(wanted), **conditions))


def _numbers(wanted: Wanted) -> range:
    """Return sequence numbers between which all is that a span asks for."""
    span = wanted.span
    if span is None:
        return EVERYTHING
    if span.cycle is not None:
        return sequences_of_spans(wanted.wallet, [], cycle=span.cycle)[-1]
    return _with_imports(wanted, span, sequences_between(wanted.wallet, span.first, span.last))


def _with_imports(wanted: Wanted, span: Span, posted: range) -> range:
    """Widen a range of numbers to the usage that counts on a span's days and was posted on others (decision 28)."""
    imported = LedgerEntry.objects.filter(wallet=wanted.wallet, used_on__range=(span.first, span.last))
    ends = imported.exclude(used_on=F("posted_on")).aggregate(first=Min("sequence"), last=Max("sequence"))
    if ends["first"] is None:
        return posted
    if not posted:
        return range(ends["first"], ends["last"] + 1)
    return range(min(posted.start, ends["first"]), max(posted.stop, ends["last"] + 1))
