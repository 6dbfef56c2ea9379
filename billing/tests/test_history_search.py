"""What the history finds is what reading every entry would find: each match once, in order, a page at a time."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import LedgerEntry, UsageLine, Wallet
from billing.selectors import history, spans
from billing.selectors.history_search import Place, Search
from billing.selectors.spans import Span
from billing.selectors.strands import KIND_GROUPS, Filters, strands_of
from billing.tests.lives import Life, Step, steps, undone
from billing.tests.people import give, sign_up

ONE_DAY = timedelta(days=1)
LATE = datetime(2025, 3, 10, 18, 30, tzinfo=UTC)


class Books:
    """All of a wallet's entries, read one by one."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self.entries = list(LedgerEntry.objects.filter(wallet=wallet).order_by("-sequence"))
        self.steps_of: dict[int, set[str | None]] = defaultdict(set)
        for line in UsageLine.objects.filter(entry__wallet=wallet):
            self.steps_of[line.entry_id].add(line.feature_id)

    def matching(self, filters: Filters) -> list[LedgerEntry]:
        """Return the entries that the filters describe, newest first."""
        return [
            entry
            for entry in self.entries
            if (not filters.kind or entry.kind in KIND_GROUPS[filters.kind][1])
            and filters.feature in ("", entry.feature_id)
            and (filters.model in ("", entry.priced_as_id) or filters.model in self.steps_of[entry.pk])
            and filters.source in ("", entry.source)
            and _is_within(entry, filters.span)
        ]


def _is_within(entry: LedgerEntry, span: Span | None) -> bool:
    if span is None:
        return True
    if span.cycle is not None:
        return entry.cycle == span.cycle
    return span.first <= (entry.used_on or entry.posted_on) <= span.last


def find(wallet: Wallet, filters: Filters, place: Place) -> list[int]:
    return Search(wallet, filters, place, history.used_by(wallet, filters, place)).numbers()


def downwards(wallet: Wallet, filters: Filters, *, count: int) -> list[int]:
    """Turn all pages from the newest to the oldest."""
    found: list[int] = []
    while numbers := find(wallet, filters, Place(count, before=found[-1] if found else None)):
        found += numbers
    return found


def upwards(wallet: Wallet, filters: Filters, *, count: int) -> list[int]:
    """Turn all pages from the oldest to the newest."""
    found: list[int] = []
    while numbers := find(wallet, filters, Place(count, after=found[-1] if found else 0)):
        found += numbers
    return found


def check(books: Books, filters: Filters, *, count: int = 20) -> None:
    """Compare what is found, both ways, and what all of it comes to."""
    expected = books.matching(filters)
    numbers = [entry.sequence for entry in expected]
    assert downwards(books.wallet, filters, count=count) == numbers
    assert upwards(books.wallet, filters, count=count + 3) == numbers[::-1]
    page = history.page(books.wallet, filters)
    assert page.count in (None, len(expected))
    if page.used is not None and not filters.model:
        used = [entry for entry in expected if entry.kind in KIND_GROUPS["usage"][1]]
        assert (page.used.uses, page.used.cost) == (len(used), sum(entry.cost for entry in used))


days = st.builds(
    lambda start, length: spans.custom(LATE.date() + ONE_DAY * start, LATE.date() + ONE_DAY * (start + length)),
    st.integers(-400, 90),
    st.sampled_from([0, 0, 1, 7, 60, 400]),
)
filters_drawn = st.builds(
    Filters,
    kind=st.sampled_from(["", "", "usage", *KIND_GROUPS]),
    feature=st.sampled_from(["", "", "gpt-4o", "flux-pro", "chatbot-message", "workflow-execution", "analytics"]),
    model=st.sampled_from(["", "", "", "gpt-4o", "gpt-4o-mini", "flux-pro", "workflow-execution"]),
    source=st.sampled_from(["", "", "", "app", "chatbot:7", "workflow:report", "nobody"]),
    span=st.none() | days | st.sampled_from([Span("", LATE.date(), LATE.date(), cycle) for cycle in (1, 2, 3)]),
)


def test_random_lives_are_found_by_random_filters(db: None) -> None:
    """Imports, holds, workflows, chatbots, resets and changes of plan, with another wallet's entries between."""

    @settings(max_examples=20)
    @given(
        drawn=steps,
        zone=st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Auckland"]),
        asked=st.lists(filters_drawn, min_size=4, max_size=8),
    )
    def look(drawn: list[Step], zone: str, asked: list[Filters]) -> None:
        with undone():
            person, other = (sign_up(name, at=LATE, time_zone=zone) for name in ("alice", "bob"))
            give(person.wallet, 50_000_000, now=LATE)
            life = Life(person.wallet, LATE, beat=lambda since, until: give(other.wallet, 1, now=until, key=str(until)))
            life.run(drawn)
            books = Books(life.wallet)
            for filters in [Filters(), *asked]:
                check(books, filters, count=7)

    look()


@pytest.fixture
def busy(alice: User, now: datetime) -> Wallet:
    """Alice chats on most of thirty days, in the app and by a key, through a chatbot and in workflows, and imports."""
    wallet = alice.wallet
    give(wallet, 90_000_000, now=now)
    for number in range(120):
        moment = now + timedelta(hours=6 * number)
        source = ["app", "api_key:1", "chatbot:7"][number % 3]
        match number % 5:
            case 0:
                node = metering.Node(feature=["gpt-4o", "web-search"][number % 2], quantity=10)
                metering.charge_workflow(wallet=wallet, workflow="w", nodes=[node], key=str(number), now=moment)
            case 1:
                held = metering.hold(
                    wallet=wallet, feature="gpt-4o", quantity=50, key=str(number), source=source, now=moment
                )
                settle = metering.release if number % 2 else metering.capture
                settle(wallet=wallet, hold=held, now=moment, **({} if number % 2 else {"quantity": 20}))
            case 2:
                metering.charge(
                    wallet=wallet,
                    feature="chatbot-message",
                    priced_as=["gpt-4o", "gpt-4o-mini"][number % 2],
                    quantity=30,
                    source=source,
                    key=str(number),
                    now=moment,
                )
            case _:
                metering.charge(
                    wallet=wallet,
                    feature=["gpt-4o", "web-search", "gpt-4o-mini"][number % 3],
                    quantity=7,
                    source=source,
                    key=str(number),
                    occurred_at=now - ONE_DAY * (number % 90) if number % 10 == 3 else None,
                    now=moment,
                )
    wallet.refresh_from_db()
    return wallet


@pytest.mark.parametrize("kind", ["", "usage", "set-aside"])
@pytest.mark.parametrize("span", ["", "days", "cycle"])
def test_every_combination_of_filters_is_found(busy: Wallet, now: datetime, kind: str, span: str) -> None:
    chosen = {
        "": None,
        "days": spans.custom(now.date() + ONE_DAY * 3, now.date() + ONE_DAY * 24),
        "cycle": Span("", now.date(), now.date(), 1),
    }[span]
    books = Books(busy)
    for feature in ("", "gpt-4o", "chatbot-message", "workflow-execution"):
        for model in ("", "gpt-4o", "web-search"):
            for source in ("", "app", "chatbot:7"):
                check(books, Filters(kind, feature, model, source, chosen))


def test_a_feature_that_was_imported_in_bulk_is_found_behind_the_import(alice: User, now: datetime) -> None:
    """The days' totals promise 60 entries on one day, but they were posted on another: the search goes on."""
    wallet = alice.wallet
    give(wallet, 90_000_000, now=now)

    def search(key: str, **when: datetime) -> None:
        metering.charge(wallet=wallet, feature="web-search", quantity=1, key=key, source="api_key:1", **when)

    search("early", now=now)
    search("later", now=now + ONE_DAY * 2)
    for number in range(60):
        search(f"imported {number}", occurred_at=now + ONE_DAY * 3, now=now + ONE_DAY * 5)
    search("last", now=now + ONE_DAY * 6)
    wallet.refresh_from_db()
    books = Books(wallet)
    for filters in (Filters("usage", "web-search"), Filters(feature="web-search", source="api_key:1")):
        check(books, filters)
    third = spans.custom(now.date() + ONE_DAY * 3, now.date() + ONE_DAY * 3)
    check(books, Filters(span=third))
    assert history.page(wallet, Filters(span=third)).used.uses == 60


@pytest.mark.parametrize("place", [{}, {"before": 100}, {"after": 60}, {"before": 10**18}, {"after": 10**18}])
def test_no_page_asks_much(
    busy: Wallet, now: datetime, place: dict[str, int], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    span = spans.custom(now.date(), now.date() + ONE_DAY * 30)
    for filters in (
        Filters(),
        Filters(model="gpt-4o"),
        Filters("usage", source="chatbot:7", span=span),
        Filters(feature="gpt-4o", source="app"),
    ):
        history.page(busy, filters)
        with django_assert_max_num_queries(8):
            history.page(busy, filters, **place)


def test_neighbours_are_the_next_ones_that_match(busy: Wallet) -> None:
    filters = Filters(feature="gpt-4o", source="app")
    numbers = [entry.sequence for entry in Books(busy).matching(filters)]
    for position in (0, 1, len(numbers) // 2, len(numbers) - 1):
        older, newer = history.neighbours(busy, filters, numbers[position])
        assert older == (numbers[position + 1] if position + 1 < len(numbers) else None)
        assert newer == (numbers[position - 1] if position else None)
    assert history.neighbours(busy, Filters(), 1) == (None, 2)
    assert history.neighbours(busy, Filters(), busy.sequence) == (busy.sequence - 1, None)


def test_each_entry_is_in_one_strand(db: None) -> None:
    for feature in ("", "gpt-4o", "workflow-execution", "chatbot-message"):
        for model in ("", "gpt-4o", "workflow-execution"):
            for source in ("", "app", "chatbot:7"):
                strands = strands_of(Filters("", feature, model, source))
                assert len(set(strands)) == len(strands)


def test_a_wallet_without_usage_finds_none(alice: User) -> None:
    assert downwards(alice.wallet, Filters(), count=5) == [1]
    assert downwards(alice.wallet, Filters("usage", "gpt-4o", "", "app"), count=5) == []
    assert history.page(alice.wallet, Filters(feature="gpt-4o")).used.rows == ()


def test_nobody_else_s_entries_are_found(busy: Wallet, bob: User, now: datetime) -> None:
    bob.wallet.refresh_from_db()
    assert downwards(bob.wallet, Filters(), count=5) == [1]
    for filters in (Filters(feature="gpt-4o"), Filters(source="app"), Filters(model="gpt-4o", kind="usage")):
        assert downwards(bob.wallet, filters, count=5) == []
