"""Whatever somebody looks at, the figures, the columns, the rows, the days' totals and the entries are one sum."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import DailyUsage, LedgerEntry, Wallet
from billing.selectors.spans import Span
from billing.selectors.usage_report import Report, report
from billing.selectors.usage_rows import Totals
from billing.tests.lives import FEATURES, Life, Step, steps
from billing.tests.people import give, sign_up
from billing.views.usage_address import UsageAddress

ZONES = ["UTC", "Asia/Kathmandu", "America/New_York", "Europe/Berlin", "Pacific/Apia"]
#: Just before clocks change in New York, in Berlin, and back in both; and before a leap day.
BEGINNINGS = [
    datetime(2025, 3, 8, 21, 30, tzinfo=UTC),
    datetime(2025, 3, 29, 22, 50, tzinfo=UTC),
    datetime(2025, 10, 25, 18, 20, tzinfo=UTC),
    datetime(2024, 2, 28, 18, 10, tzinfo=UTC),
]
FEATURES_SHOWN = ["", "", *FEATURES, "chatbot-message", "workflow-execution"]

days = st.integers(-40, 120)
spans = st.one_of(
    st.sampled_from([{}, {"span": "cycle"}, {"span": "last-cycle"}, {"span": "7d"}, {"span": "90d"}, {"span": "12m"}]),
    st.builds(lambda cycle: {"cycle": str(cycle)}, st.integers(0, 5)),
    st.builds(lambda first, last: {"first": first, "last": last}, days, days),
    st.just({"from": "2000-01-01", "to": "2999-12-31"}),
)
choices = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["feature", "model", "source"]),
        "per": st.sampled_from(["", "day", "week", "month"]),
        "feature": st.sampled_from(FEATURES_SHOWN),
        "model": st.sampled_from(FEATURES_SHOWN),
        "source": st.sampled_from(["", "", "app", "chatbot:7", "workflow:report", "nobody"]),
    }
)


@contextmanager
def undone() -> Iterator[None]:
    """Undo what an example did."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def asked(wallet: Wallet, span: dict[str, object], chosen: dict[str, str], start: datetime, now: datetime) -> Report:
    """Return what the page shows for an address; days count from the start of the wallet's life."""
    query = QueryDict(mutable=True)
    names = {"first": "from", "last": "to"}
    for name, value in (span | chosen).items():
        day = start.date() + timedelta(days=value) if isinstance(value, int) else None
        query[names.get(name, name)] = day.isoformat() if day else str(value)
    address = UsageAddress(query, wallet, now=now)
    return report(wallet, address.span, by=address.by, asked_step=address.asked_step, filters=address.filters, now=now)


def in_span(wallet: Wallet, span: Span, chosen: dict[str, str]) -> list[LedgerEntry]:
    """Return the entries of a span that the filters let through, by reading every entry."""
    return [
        entry
        for entry in LedgerEntry.objects.filter(wallet=wallet, kind__in=["charge", "capture"])
        if (span.first <= entry.used_on <= span.last if span.cycle is None else entry.cycle == span.cycle)
        and (not span.is_part or entry.used_on <= span.last)
        and chosen["feature"] in ("", entry.feature_id)
        and chosen["model"] in ("", entry.priced_as_id)
        and chosen["source"] in ("", entry.source)
    ]


def summed(entries: Iterable[LedgerEntry]) -> Totals:
    """Return how many entries there are, and what they cost."""
    found = list(entries)
    return Totals(len(found), sum(entry.cost for entry in found))


def key_of(entry: LedgerEntry, by: str) -> str:
    """Return which row an entry belongs to."""
    return {"feature": entry.feature_id, "model": entry.priced_as_id, "source": entry.source}[by]


def check(wallet: Wallet, found: Report, chosen: dict[str, str]) -> None:
    """Compare a page with the entries in every way it can be looked at."""
    span, by = found.question.span, found.question.by
    entries = in_span(wallet, span, chosen)
    assert found.totals == summed(entries)
    assert (found.further, found.further_rows) == (Totals(), 0)
    assert sum(row.totals.cost for row in found.rows) == found.totals.cost
    assert sum(row.totals.uses for row in found.rows) == found.totals.uses
    for row in found.rows:
        assert row.totals == summed(entry for entry in entries if key_of(entry, by) == row.key)
        assert not row.parts or row.left_out == 0
    assert sum(column.cost for column in found.columns) + found.outside == found.totals.cost
    for column in found.columns:
        assert column.cost == sum(entry.cost for entry in entries if column.first <= entry.used_on <= column.last)
    outside = [entry.cost for entry in entries if not span.first <= entry.used_on <= span.last]
    assert found.outside == sum(outside)
    before = found.question.before
    assert found.earlier == (summed(in_span(wallet, before, chosen)) if before else None)


@pytest.mark.django_db
def test_all_ways_to_look_at_usage_are_one_sum() -> None:
    """Over random lives, zones and filters, with imports, holds, workflows, chatbots, resets and changes of plan."""

    @settings(max_examples=40)
    @given(
        drawn=steps,
        zone=st.sampled_from(ZONES),
        start=st.sampled_from(BEGINNINGS),
        looks=st.lists(st.tuples(spans, choices), min_size=3, max_size=6),
    )
    def look(
        drawn: list[Step], zone: str, start: datetime, looks: list[tuple[dict[str, object], dict[str, str]]]
    ) -> None:
        with undone():
            person = sign_up("alice", at=start, time_zone=zone)
            give(person.wallet, 50_000_000, now=start)
            life = Life(person.wallet, start)
            life.run(drawn)
            total = sum(DailyUsage.objects.filter(wallet=life.wallet).values_list("cost", flat=True))
            for span, chosen in looks:
                check(life.wallet, asked(life.wallet, span, chosen, start, life.now), chosen)
            everything = {"by": "model", "per": "", "feature": "", "model": "", "source": ""}
            ever = {"from": "2000-01-01", "to": "2999-12-31"}
            assert asked(life.wallet, ever, everything, start, life.now).totals.cost == total

    look()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", date(2025, 3, 9)),
        ("America/New_York", date(2025, 11, 2)),
        ("Europe/Berlin", date(2025, 3, 30)),
        ("Europe/Berlin", date(2025, 10, 26)),
        ("Asia/Kathmandu", date(2025, 7, 1)),
    ],
)
def test_every_hour_of_a_long_or_short_day_is_in_one_column(zone: str, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    person = sign_up("dora", at=start, time_zone=zone)
    life = Life(person.wallet, start)
    life.run([("charge", 1, "gpt-4o-mini", 1 + number) for number in range(96)])
    chosen = {"by": "feature", "per": "day", "feature": "", "model": "", "source": ""}
    found = asked(life.wallet, {"span": "7d"}, chosen, start, life.now)
    check(life.wallet, found, chosen)
    assert found.outside == 0
