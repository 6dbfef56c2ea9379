"""Spans of days: what the words of an address mean in the owner's calendar, and what a span is compared with."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict

from accounts.models import User
from billing.models import Wallet
from billing.selectors import spans
from billing.services.settlement import settle
from billing.tests.people import sign_up
from billing.views.addresses import Reader

pytestmark = pytest.mark.django_db


def read(wallet: Wallet, address: str, *, now: datetime, default: str = "cycle") -> tuple[spans.Span | None, list[str]]:
    reader = Reader(QueryDict(address))
    return reader.span(wallet, default=default, now=now), reader.ignored


def in_the_second_cycle(user: User, now: datetime) -> tuple[Wallet, datetime]:
    """Let a month pass: Alice's second cycle began on 10 April, and it is the 14th."""
    later = now + timedelta(days=35)
    settle(wallet_id=user.wallet.pk, now=later)
    user.wallet.refresh_from_db()
    return user.wallet, later


def test_seven_days_end_today(alice: User, now: datetime) -> None:
    span = spans.chosen(alice.wallet, "7d", now=now)
    assert (span.first, span.last, span.days) == (date(2025, 3, 4), date(2025, 3, 10), 7)


def test_twelve_months_begin_a_day_after_this_one_a_year_ago(alice: User, now: datetime) -> None:
    span = spans.chosen(alice.wallet, "12m", now=datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert (span.first, span.last) == (date(2023, 3, 1), date(2024, 2, 29))


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Asia/Kathmandu", date(2025, 3, 11)), ("UTC", date(2025, 3, 10)), ("Pacific/Honolulu", date(2025, 3, 10))],
)
def test_today_is_the_owner_s(db: None, now: datetime, zone: str, day: date) -> None:
    late = now.replace(hour=20)
    user = sign_up("kiran", at=now, time_zone=zone)
    span = spans.chosen(user.wallet, "7d", now=late)
    assert span.last == day


def test_this_cycle_is_whole_and_the_last_one_is_known_by_its_allowance(alice: User, now: datetime) -> None:
    wallet, later = in_the_second_cycle(alice, now)
    this, last = spans.chosen(wallet, "cycle", now=later), spans.chosen(wallet, "last-cycle", now=later)
    assert (this.cycle, this.first, this.last) == (2, date(2025, 4, 10), date(2025, 5, 9))
    assert (last.cycle, last.first, last.last) == (1, date(2025, 3, 10), date(2025, 4, 9))
    assert (this.label, last.label) == ("This cycle", "Last cycle")


def test_a_first_cycle_has_none_before_it(alice: User, now: datetime) -> None:
    assert spans.chosen(alice.wallet, "last-cycle", now=now) is None
    assert spans.before(alice.wallet, spans.chosen(alice.wallet, "cycle", now=now), now=now) is None


def test_a_running_cycle_is_compared_with_as_many_days_of_the_last(alice: User, now: datetime) -> None:
    wallet, later = in_the_second_cycle(alice, now)
    earlier = spans.before(wallet, spans.chosen(wallet, "cycle", now=later), now=later)
    assert (earlier.cycle, earlier.first, earlier.last, earlier.is_part) == (
        1,
        date(2025, 3, 10),
        date(2025, 3, 14),
        True,
    )


def test_days_are_compared_with_as_many_days_before_them(alice: User, now: datetime) -> None:
    earlier = spans.before(alice.wallet, spans.chosen(alice.wallet, "7d", now=now), now=now)
    assert (earlier.first, earlier.last) == (date(2025, 2, 25), date(2025, 3, 3))


def test_a_span_of_the_first_day_of_all_has_none_before_it(alice: User, now: datetime) -> None:
    first = spans.custom(spans.FIRST_DAY, spans.FIRST_DAY)
    assert spans.before(alice.wallet, first, now=now) is None
    second = spans.custom(date(2000, 1, 2), date(2000, 1, 9))
    assert spans.before(alice.wallet, second, now=now).first == spans.FIRST_DAY


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("from=2025-02-01&to=2025-02-28", date(2025, 2, 1), date(2025, 2, 28)),
        ("span=custom&from=2025-02-01&to=2025-02-01", date(2025, 2, 1), date(2025, 2, 1)),
        ("from=2025-02-01", date(2025, 2, 1), date(2025, 3, 10)),
        ("to=2025-02-01", spans.FIRST_DAY, date(2025, 2, 1)),
        ("from=2025-04-01", date(2025, 4, 1), date(2025, 4, 1)),
        ("from=2000-01-01&to=2999-12-31", date(2000, 1, 1), date(2999, 12, 31)),
    ],
)
def test_an_address_names_its_days(alice: User, now: datetime, address: str, first: date, last: date) -> None:
    span, ignored = read(alice.wallet, address, now=now)
    assert (span.word, span.first, span.last, ignored) == ("custom", first, last, [])


@pytest.mark.parametrize(
    ("address", "ignored"),
    [
        ("span=fortnight", ["span “fortnight”"]),
        ("span=last-cycle", ["span “last-cycle”"]),
        ("span=custom", ["span “custom”"]),
        ("cycle=7", ["cycle “7”"]),
        ("cycle=0", ["cycle “0”"]),
        ("cycle=٣", ["cycle “٣”"]),
        ("from=2025-03-05&to=2025-03-01", ["from “2025-03-05”", "to “2025-03-01”"]),
        ("from=0000-01-01", ["from “0000-01-01”"]),
        ("from=1999-12-31", ["from “1999-12-31”"]),
        ("to=2025-02-30", ["to “2025-02-30”"]),
        ("to=9999-12-31", ["to “9999-12-31”"]),
        ("to=20250230", ["to “20250230”"]),
        ("from=%00%0A", ["from “”"]),
        (f"span={'x' * 10_000}", [f"span “{'x' * 40}”"]),
    ],
)
def test_what_makes_no_sense_is_left_out_and_told(alice: User, now: datetime, address: str, ignored: list[str]) -> None:
    span, told = read(alice.wallet, address, now=now)
    assert (span.word, span.cycle) == ("cycle", 1)
    assert set(ignored) <= set(told)


def test_a_span_leads_back_to_itself(alice: User, now: datetime) -> None:
    wallet, later = in_the_second_cycle(alice, now)
    for word in spans.CHOICES:
        span = spans.chosen(wallet, word, now=later) or spans.custom(date(2025, 1, 1), date(2025, 1, 31))
        for parameters in (span.parameters, span.fixed_parameters):
            query = QueryDict(mutable=True)
            query.update(parameters)
            found, ignored = read(wallet, query.urlencode(), now=later)
            assert (found.first, found.last, found.cycle, ignored) == (span.first, span.last, span.cycle, [])


def test_without_a_default_a_page_shows_everything(alice: User, now: datetime) -> None:
    assert read(alice.wallet, "", now=now, default="") == (None, [])
