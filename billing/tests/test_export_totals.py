"""What a page says in all, a file adds up to, the totals a day do, and so do the entries, in any time zone."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import LedgerEntry, Wallet
from billing.selectors import exports, spans, usage_report
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import Span
from billing.selectors.usage_sums import GROUPINGS, Filters
from billing.services import proof
from billing.tests.exports.reading import Row, from_csv, in_credits
from billing.tests.lives import FEATURES, Life, Step, steps
from billing.tests.people import sign_up

ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia"]
#: Hours before clocks go forward or back in Berlin and on Lord Howe, and an hour before New Year in Nepal.
MOMENTS = [
    datetime(2025, 3, 29, 22, 30, tzinfo=UTC),
    datetime(2025, 10, 25, 22, 30, tzinfo=UTC),
    datetime(2025, 4, 5, 13, 30, tzinfo=UTC),
    datetime(2025, 12, 31, 17, 15, tzinfo=UTC),
]
filters_drawn = st.builds(
    Filters,
    feature=st.sampled_from(["", "", *FEATURES, "chatbot-message", "workflow-execution"]),
    model=st.sampled_from(["", "", "gpt-4o", "flux-pro", "workflow-execution"]),
    source=st.sampled_from(["", "", "app", "chatbot:7", "workflow:report", "nobody"]),
)
words_drawn = st.sampled_from([word for word in spans.CHOICES if word != spans.CUSTOM])
days_drawn = st.tuples(st.integers(-400, 400), st.integers(0, 60))
asked_drawn = st.lists(st.tuples(filters_drawn, st.one_of(words_drawn, days_drawn)), min_size=3, max_size=3)


def span_of(wallet: Wallet, asked: str | tuple[int, int], *, now: datetime) -> Span:
    """Return the span of a word, or of days that begin so many days from now and go on."""
    if isinstance(asked, str):
        return spans.chosen(wallet, asked, now=now) or spans.custom(date(2025, 1, 1), date(2025, 12, 31))
    first = spans.today_of(wallet, now=now) + timedelta(days=asked[0])
    return spans.custom(first, first + timedelta(days=asked[1]))


def usage_entries(wallet: Wallet, span: Span, filters: Filters) -> list[LedgerEntry]:
    """Return the entries that a span and filters ask for, one by one."""
    used = wallet.entries.filter(kind__in=["charge", "capture"]).order_by("sequence")
    found = []
    for entry in used:
        is_run = entry.feature_id == "workflow-execution"
        in_span = entry.cycle == span.cycle if span.cycle is not None else span.first <= entry.used_on <= span.last
        words = {
            "feature": entry.feature_id,
            "model": entry.feature_id if is_run else entry.priced_as_id,
            "source": entry.source,
        }
        if in_span and all(words[name] == word for name, word in filters.parameters.items()):
            found.append(entry)
    return found


def totals(rows: list[Row], by: str) -> dict[str, tuple[int, int]]:
    """Return what the rows of a file add up to, by the code of a column: uses and millicredits."""
    uses: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for row in rows:
        uses[row[by] or ""] += int(row["uses"])
        cost[row[by] or ""] += int(row["credits"] * 1_000)
    return {key: (uses[key], cost[key]) for key in uses}


@given(
    drawn=steps,
    zone=st.sampled_from(ZONES),
    start=st.sampled_from(MOMENTS),
    by=st.sampled_from(list(GROUPINGS)),
    asked=asked_drawn,
)
@settings(max_examples=40)
@pytest.mark.django_db
def test_the_page_the_file_the_days_and_the_entries_agree(
    drawn: list[Step],
    zone: str,
    start: datetime,
    by: str,
    asked: list[tuple[Filters, str | tuple[int, int]]],
) -> None:
    with transaction.atomic():
        wallet = sign_up("lived", at=start, time_zone=zone).wallet
        life = Life(wallet, start)
        life.run(drawn)
        assert proof.prove(wallet_id=wallet.pk) == []
        for filters, of_span in [*asked, (Filters(), spans.CYCLE)]:
            span = span_of(wallet, of_span, now=life.now)
            page = usage_report.report(wallet, span, by=by, asked_step="", filters=filters, now=life.now)
            wanted = Wanted(wallet, What.USAGE, span, **filters.parameters)
            *rows, total = from_csv(exports.stream(wanted, Format.CSV))
            entries = usage_entries(wallet, span, filters)
            assert (total["uses"], total["credits"]) == (page.totals.uses, in_credits(page.totals.cost))
            assert (page.totals.uses, page.totals.cost) == (len(entries), sum(entry.cost for entry in entries))
            of_page = {row.key: (row.totals.uses, row.totals.cost) for row in page.rows if not row.is_gone}
            assert totals(rows, by) == of_page
            assert exports.size(wanted, Format.CSV).lines == len(rows)
            assert exports.size(replace(wanted, what=What.STATEMENT), Format.CSV).lines <= wallet.sequence
        transaction.set_rollback(True)
