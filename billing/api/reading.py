"""Reading a wallet: its balance, what it used, and its books."""

from datetime import date, datetime

from django.utils import timezone
from ninja import Query, Router

from billing.api.answers import (
    BalanceAnswer,
    Cycle,
    Entries,
    EntryAnswer,
    Portion,
    Price,
    Receipt,
    ShareAnswer,
    StepAnswer,
    Usage,
    UsageLine,
    UsageTotals,
    optional_credits,
)
from billing.api.callers import ApiRequest, Scope, wallet_of
from billing.api.document import refuses
from billing.api.paging import cursor_at, place_at
from billing.api.problems import BROKEN_CURSOR, UNKNOWN_ENTRY, Refused
from billing.api.schemas import EntriesQuery, ListQuery, Number
from billing.api.spans import check_features, check_names, span_of
from billing.models import LedgerEntry, Wallet
from billing.selectors import balance as balances
from billing.selectors import catalog, daily_usage, history, receipts, spans
from billing.selectors.daily_usage import Place
from billing.selectors.sources import source_names
from billing.selectors.strands import Filters
from billing.selectors.usage_sums import Filters as UsageFilters
from billing.services.wallets import settled
from billing.units import LARGEST_AMOUNT, plain_credits

router = Router(tags=["Wallet"])
USAGE_PLACE = (str, int, str, str, str)


def _wallet(request: ApiRequest, now: datetime) -> Wallet:
    """Return the wallet to read, with what time alone has changed."""
    return settled(wallet_of(request, Scope.READ), now=now)


@router.get(
    "/balance",
    response=BalanceAnswer,
    operation_id="read_balance",
    openapi_extra=refuses(scope=Scope.READ, names_wallet=True),
)
def read_balance(request: ApiRequest) -> BalanceAnswer:
    """Say what the wallet has: what can be spent, where it comes from, until when."""
    found = balances.current(_wallet(request, timezone.now()))
    wallet = found.wallet
    return BalanceAnswer(
        wallet=wallet.pk,
        available=plain_credits(wallet.available),
        held=plain_credits(wallet.held),
        posted=plain_credits(wallet.posted),
        state=found.state,
        unlimited=wallet.unlimited,
        suspended=wallet.suspended_at is not None,
        monthly_credits=optional_credits(found.allowance),
        confirm_above=optional_credits(wallet.confirm_above),
        portions=[
            Portion(source=portion.source, left=plain_credits(portion.left), expires_at=portion.expires_at)
            for portion in found.portions
        ],
        cycle=Cycle(number=wallet.cycle, starts_at=wallet.cycle_started_at, ends_at=wallet.cycle_ends_at),
        sequence=wallet.sequence,
    )


@router.get(
    "/usage",
    response=Usage,
    by_alias=True,
    operation_id="list_usage",
    openapi_extra=refuses(BROKEN_CURSOR, scope=Scope.READ, names_wallet=True),
)
def list_usage(request: ApiRequest, query: Query[ListQuery]) -> Usage:
    """List what was used, a line for each day, feature, model and source; without a span, in this cycle."""
    check_names(request, ListQuery)
    check_features(query)
    now = timezone.now()
    wallet = _wallet(request, now)
    today = spans.today_of(wallet, now=now)
    span = span_of(query, wallet, default=spans.CYCLE, now=now) or spans.custom(today, today)
    filters = UsageFilters(query.feature or "", query.model or "", query.source or "")
    before = _usage_place(query.cursor) if query.cursor is not None else None
    page = daily_usage.page(wallet, span, filters, before=before, count=query.limit)
    names, known = source_names(wallet, {line.source for line in page.lines}), catalog.current()
    items = [
        UsageLine(
            day=line.used_on,
            cycle=line.cycle,
            feature=line.feature_id,
            priced_as=line.priced_as_id,
            source=line.source,
            source_name=names[line.source],
            quantity=line.quantity,
            unit=known.unit_of(line.priced_as_id),
            uses=line.uses,
            cost=plain_credits(line.cost),
        )
        for line in page.lines
    ]
    return Usage(
        first=span.first,
        last=span.last,
        cycle=span.cycle,
        totals=UsageTotals(uses=page.totals.uses, cost=plain_credits(page.totals.cost)),
        items=items,
        next_cursor=_usage_cursor(daily_usage.place_of(page.lines[-1])) if page.has_more else None,
    )


@router.get(
    "/entries",
    response=Entries,
    operation_id="list_entries",
    openapi_extra=refuses(BROKEN_CURSOR, scope=Scope.READ, names_wallet=True),
)
def list_entries(request: ApiRequest, query: Query[EntriesQuery]) -> Entries:
    """List the lines of the wallet's books, newest first; without a span, of all time."""
    check_names(request, EntriesQuery)
    check_features(query)
    now = timezone.now()
    wallet = _wallet(request, now)
    filters = Filters(
        kind=query.kind or "",
        feature=query.feature or "",
        model=query.model or "",
        source=query.source or "",
        span=span_of(query, wallet, default="", now=now),
    )
    before = _entry_place(query.cursor) if query.cursor is not None else None
    found = history.entries(wallet, filters, before=before, count=query.limit + 1)
    shown = found[: query.limit]
    names = source_names(wallet, {entry.source for entry in shown} - {""})
    return Entries(
        items=[EntryAnswer(**EntryAnswer.facts_of(entry, source_name=names.get(entry.source, ""))) for entry in shown],
        next_cursor=cursor_at([shown[-1].sequence]) if len(found) > query.limit else None,
    )


@router.get(
    "/entries/{int:sequence}",
    response=Receipt,
    operation_id="read_entry",
    openapi_extra=refuses(UNKNOWN_ENTRY, scope=Scope.READ, names_wallet=True),
)
def read_entry(request: ApiRequest, sequence: Number) -> Receipt:
    """Return one entry in full: what it cost and why, and which credits paid."""
    wallet = _wallet(request, timezone.now())
    receipt = receipts.receipt(wallet, sequence)
    if receipt is None:
        raise Refused(UNKNOWN_ENTRY)
    return Receipt(
        **EntryAnswer.facts_of(receipt.entry, source_name=receipt.source),
        title=receipt.line.title,
        available_before=plain_credits(receipt.available_before),
        price=Price.of(receipt.price) if receipt.price else None,
        shares=[ShareAnswer.of(share) for share in receipt.shares],
        steps=[StepAnswer.of(step) for step in receipt.steps],
        entries_of_hold=[line.entry.sequence for line in receipt.story],
    )


def entry_address(entry: LedgerEntry | int) -> str:
    """Return where an entry can be read."""
    return f"/api/v1/entries/{entry if isinstance(entry, int) else entry.sequence}"


def _entry_place(cursor: str) -> int:
    [sequence] = place_at(cursor, [int])
    if not isinstance(sequence, int) or not 1 <= sequence <= LARGEST_AMOUNT:
        raise Refused(BROKEN_CURSOR)
    return sequence


def _usage_cursor(place: Place) -> str:
    day, cycle, feature, priced_as, source = place
    return cursor_at([day.isoformat(), cycle, feature, priced_as, source])


def _usage_place(cursor: str) -> Place:
    day, cycle, feature, priced_as, source = place_at(cursor, USAGE_PLACE)
    try:
        return date.fromisoformat(str(day)), int(cycle), str(feature), str(priced_as), str(source)
    except ValueError:
        raise Refused(BROKEN_CURSOR) from None
