"""A history export has the entries that the history page lists, whatever its filters."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import Wallet
from billing.selectors import exports, history, spans
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What, from_json
from billing.selectors.strands import KIND_GROUPS, Filters
from billing.tests.exports.reading import as_exported, from_csv, with_moments
from billing.tests.lives import FEATURES, Life, Step, steps
from billing.tests.people import sign_up

START = datetime(2025, 3, 29, 22, 30, tzinfo=UTC)
filters_drawn = st.tuples(
    st.sampled_from(["", "", *KIND_GROUPS]),
    st.sampled_from(["", "", *FEATURES, "chatbot-message", "workflow-execution"]),
    st.sampled_from(["", "", "gpt-4o", "flux-pro", "workflow-execution"]),
    st.sampled_from(["", "", "app", "chatbot:7", "workflow:report"]),
)
days_drawn = st.one_of(st.none(), st.integers(1, 2), st.tuples(st.integers(-40, 60), st.integers(0, 40)))


def listed(wallet: Wallet, filters: Filters) -> list[int]:
    """Return the numbers of all entries that the pages of the history list, oldest first."""
    numbers: list[int] = []
    before = None
    while True:
        page = history.page(wallet, filters, before=before)
        numbers += [line.entry.sequence for line in page.lines]
        before = page.older
        if before is None:
            return numbers[::-1]


@given(drawn=steps, asked=st.lists(st.tuples(filters_drawn, days_drawn), min_size=4, max_size=4))
@settings(max_examples=30)
@pytest.mark.django_db
def test_a_file_has_what_the_pages_list(drawn: list[Step], asked: list) -> None:
    with transaction.atomic():
        wallet = sign_up("lived", at=START, time_zone="Asia/Kathmandu").wallet
        life = Life(wallet, START)
        life.run(drawn)
        for words, days in asked:
            span = None
            if isinstance(days, int):
                span = spans.of_cycle(wallet, days, now=life.now)
            elif days is not None:
                first = date(2025, 3, 30) + timedelta(days=days[0])
                span = spans.custom(first, first + timedelta(days=days[1]))
            wanted = Wanted(wallet, What.HISTORY, span, *words)
            numbers = listed(wallet, Filters(*words, span=span))
            expected = as_exported(wallet, wallet.entries.filter(sequence__in=numbers).order_by("sequence"))
            assert with_moments(from_csv(exports.stream(wanted, Format.CSV))) == expected
            assert exports.size(wanted, Format.CSV).lines == len(numbers)
            assert from_json(wallet, wanted.what, wanted.as_json).parameters == wanted.parameters
        transaction.set_rollback(True)
