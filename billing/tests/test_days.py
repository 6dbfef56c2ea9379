"""Usage counts on the user's local day; days never go back; a change of zone affects later days only (decision 28)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.models import User
from accounts.time_zones import known_time_zones
from billing import metering
from billing.models import FeaturePrice, Wallet
from billing.tests.people import give, left, sign_up

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def chat(person: User, now: datetime, key: str, occurred_at: datetime | None = None) -> None:
    wallet = Wallet.objects.get(owner=person)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=100, key=key, occurred_at=occurred_at, now=now)


def move(person: User, time_zone: str) -> None:
    person.time_zone = time_zone
    person.save()


def days(person: User) -> list[tuple[date, date]]:
    """Return (posted_on, used_on) of each charge."""
    entries = person.wallet.entries.filter(kind__in=["charge", "capture"]).order_by("sequence")
    return list(entries.values_list("posted_on", "used_on"))


def usage(person: User) -> dict[date, int]:
    return dict(person.wallet.daily_usage.order_by("used_on").values_list("used_on", "uses"))


@pytest.fixture
def kiri(db: None) -> User:
    """She lives in Auckland, thirteen hours ahead in March."""
    return sign_up("kiri", at=at("2025-03-10T09:30"), time_zone="Pacific/Auckland")


def test_a_day_begins_at_midnight_where_its_owner_lives(kiri: User) -> None:
    chat(kiri, at("2025-03-10T10:59:59"), "before midnight")
    chat(kiri, at("2025-03-10T11:00:00"), "after midnight")
    assert usage(kiri) == {date(2025, 3, 10): 1, date(2025, 3, 11): 1}


def test_the_day_the_clocks_change_has_twenty_three_hours(db: None) -> None:
    person = sign_up("lena", at=at("2025-03-29T12:00"), time_zone="Europe/Berlin")
    chat(person, at("2025-03-29T22:59:59"), "the last second of the 29th")
    chat(person, at("2025-03-29T23:00:00"), "the first of the 30th")
    chat(person, at("2025-03-30T21:59:59"), "the last of the 30th, in summer time")
    chat(person, at("2025-03-30T22:00:00"), "the first of the 31st")
    assert usage(person) == {date(2025, 3, 29): 1, date(2025, 3, 30): 2, date(2025, 3, 31): 1}


def test_a_change_of_zone_at_midnight_affects_later_days_only(kiri: User) -> None:
    chat(kiri, at("2025-03-11T10:59"), "23:59 on the 11th in Auckland")
    move(kiri, "Australia/Perth")
    chat(kiri, at("2025-03-11T11:00"), "19:00 on the 11th in Perth")
    chat(kiri, at("2025-03-11T16:00"), "0:00 on the 12th in Perth")
    assert usage(kiri) == {date(2025, 3, 11): 2, date(2025, 3, 12): 1}


def test_who_travels_west_over_midnight_stays_on_the_day_that_had_begun(kiri: User) -> None:
    chat(kiri, at("2025-03-10T11:30"), "0:30 on the 11th in Auckland")
    move(kiri, "America/Los_Angeles")
    chat(kiri, at("2025-03-10T12:00"), "5:00 on the 10th in Los Angeles")
    chat(kiri, at("2025-03-12T12:00"), "5:00 on the 12th in Los Angeles")
    eleventh, twelfth = date(2025, 3, 11), date(2025, 3, 12)
    assert days(kiri) == [(eleventh, eleventh), (eleventh, eleventh), (twelfth, twelfth)]


def test_who_travels_east_skips_ahead(kiri: User) -> None:
    move(kiri, "America/Los_Angeles")
    chat(kiri, at("2025-03-11T06:00"), "23:00 on the 10th in Los Angeles")
    move(kiri, "Pacific/Auckland")
    chat(kiri, at("2025-03-11T11:00"), "0:00 on the 12th in Auckland")
    assert usage(kiri) == {date(2025, 3, 10): 1, date(2025, 3, 12): 1}


def test_yesterday_s_usage_stays_where_it_was(kiri: User) -> None:
    chat(kiri, at("2025-03-10T11:30"), "on the 11th in Auckland")
    before = usage(kiri)
    move(kiri, "America/Los_Angeles")
    assert usage(kiri) == before == {date(2025, 3, 11): 1}


class TestImports:
    """`occurred_at` sets only the day that usage counts on."""

    def test_usage_counts_on_the_day_it_occurred(self, alice: User, now: datetime) -> None:
        chat(alice, now, "imported", occurred_at=at("2025-02-14T12:00"))
        assert days(alice) == [(now.date(), date(2025, 2, 14))]
        assert usage(alice) == {date(2025, 2, 14): 1}

    def test_in_the_zone_the_wallet_has_now(self, kiri: User) -> None:
        chat(kiri, at("2025-03-10T09:30"), "imported", occurred_at=at("2025-02-14T12:00"))
        assert usage(kiri) == {date(2025, 2, 15): 1}

    def test_credits_cycle_and_entry_are_those_of_posting(self, alice: User, now: datetime) -> None:
        chat(alice, now + 40 * DAY, "imported", occurred_at=now)
        entry = alice.wallet.entries.get(kind="charge")
        assert (entry.cycle, entry.posted_at, entry.effective_at) == (2, now + 40 * DAY, now + 40 * DAY)
        assert entry.grant.effective_at == at("2025-04-10T00:00")

    def test_so_is_the_price(self, alice: User, now: datetime) -> None:
        FeaturePrice.objects.create(feature_id="gpt-4o", millicredits=1, per=1, starts_at=now - HOUR)
        chat(alice, now, "imported", occurred_at=now - DAY)
        assert alice.wallet.entries.get(kind="charge").cost == 100

    def test_an_import_never_moves_the_posting_day_back(self, alice: User, now: datetime) -> None:
        chat(alice, now, "imported", occurred_at=now - 300 * DAY)
        chat(alice, now, "live")
        assert [posted_on for posted_on, _ in days(alice)] == [now.date()] * 2

    def test_many_imports_in_one_call_each_have_their_day(self, alice: User, now: datetime) -> None:
        items = [
            metering.Charge(feature="gpt-4o", quantity=100, key=f"{number}", occurred_at=now - number * 12 * HOUR)
            for number in range(4)
        ]
        metering.charge_many(wallet=alice.wallet, charges=items, now=now)
        assert usage(alice) == {date(2025, 3, 8): 1, date(2025, 3, 9): 2, date(2025, 3, 10): 1}

    def test_the_same_moment_written_in_another_zone_is_the_same_day(self, alice: User, now: datetime) -> None:
        tokyo = datetime.fromisoformat("2025-02-15T08:59:00+09:00")
        chat(alice, now, "imported", occurred_at=tokyo)
        assert usage(alice) == {date(2025, 2, 14): 1}


def test_a_capture_counts_on_the_day_it_ends(alice: User) -> None:
    evening = at("2025-03-10T23:50")
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=100, key="talk", now=evening)
    metering.capture(wallet=alice.wallet, hold=held, quantity=100, now=evening + 11 * timedelta(minutes=1))
    assert usage(alice) == {date(2025, 3, 11): 1}


def test_one_local_day_may_belong_to_two_cycles(alice: User, now: datetime) -> None:
    person = sign_up("noor", at=now, time_zone="America/Los_Angeles")
    chat(person, at("2025-04-09T23:00"), "in the first cycle")
    chat(person, at("2025-04-10T01:00"), "in the second")
    rows = person.wallet.daily_usage.order_by("cycle").values_list("used_on", "cycle", "uses")
    assert list(rows) == [(date(2025, 4, 9), 1, 1), (date(2025, 4, 9), 2, 1)]


def test_grants_by_hand_do_not_care_for_zones(kiri: User) -> None:
    promo = give(
        kiri.wallet, 9_000, now=at("2025-03-10T09:30"), source="promotional", expires_at=at("2025-03-11T00:00")
    )
    chat(kiri, at("2025-03-10T23:59"), "a minute before its end in UTC")
    assert left(promo) == 8_500


def test_the_database_and_python_agree_on_every_zone_that_can_be_chosen(db: None) -> None:
    """The quick way counts days in SQL, the plain way in Python."""
    moments = [at(f"2025-{month}-15T22:30") for month in ("01", "05", "07", "11")]
    zones = sorted(known_time_zones())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT moment AT TIME ZONE zone FROM unnest(%s::text[]) zone, unnest(%s::timestamptz[]) moment"
            ' ORDER BY zone COLLATE "C", moment',
            [zones, moments],
        )
        found = [local for (local,) in cursor.fetchall()]
    assert found == [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones for moment in moments]
