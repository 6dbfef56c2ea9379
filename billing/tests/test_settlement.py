"""What time alone changes is settled on first touch, in order, with the time it was due (decisions 13 and 14)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest, NoPlan, UnknownWallet
from billing.models import Hold, Subscription, Wallet
from billing.services import settlement
from billing.tests.people import books, give, left, planless_wallet, sign_up

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def settle(wallet: Wallet, now: datetime) -> Wallet:
    settlement.settle(wallet_id=wallet.pk, now=now)
    wallet.refresh_from_db()
    return wallet


def test_unused_credits_do_not_roll_over(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    wallet = settle(alice.wallet, midnight(2025, 4, 10))
    assert books(wallet, after=2) == [("expiry", -80_000, 0, 0), ("grant", 100_000, 0, 0)]
    assert (wallet.available, wallet.cycle) == (100_000, 2)
    assert (wallet.cycle_started_at, wallet.cycle_ends_at) == (midnight(2025, 4, 10), midnight(2025, 5, 10))
    assert wallet.next_due_at == midnight(2025, 5, 10)


def test_a_microsecond_earlier_nothing_happens(alice: User) -> None:
    wallet = settle(alice.wallet, midnight(2025, 4, 10) - timedelta(microseconds=1))
    assert books(wallet) == [("grant", 100_000, 0, 0)]


def test_first_touch_settles_before_anything_else(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=4, key="images", now=now)
    late = midnight(2025, 4, 10) + timedelta(hours=7)
    answer = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key="more images", now=late)
    assert answer.available == 0
    entries = list(alice.wallet.entries.filter(sequence__gt=2).order_by("sequence"))
    assert [entry.kind for entry in entries] == ["expiry", "grant", "charge"]
    assert [entry.effective_at for entry in entries] == [midnight(2025, 4, 10)] * 2 + [late]
    assert {entry.posted_at for entry in entries} == {late}
    assert [entry.cycle for entry in entries] == [1, 2, 2]


def test_packs_survive_every_reset(alice: User, now: datetime) -> None:
    pack = give(alice.wallet, 50_000, now=now)
    wallet = settle(alice.wallet, midnight(2026, 4, 10))
    assert (wallet.available, left(pack)) == (150_000, 50_000)


def test_forty_days_away_miss_one_period_which_is_issued_and_stands(alice: User, now: datetime) -> None:
    wallet = settle(alice.wallet, now + 40 * DAY)
    assert books(wallet, after=1) == [("expiry", -100_000, 0, 0), ("grant", 100_000, 0, 0)]


def test_fourteen_months_away_every_missed_period_is_issued_and_expired(alice: User, now: datetime) -> None:
    wallet = settle(alice.wallet, midnight(2026, 5, 10))
    assert books(wallet, after=1) == [("expiry", -100_000, 0, 0), ("grant", 100_000, 0, 0)] * 14
    granted = wallet.grants.order_by("effective_at").values_list("effective_at", "expires_at")
    starts = (
        [now]
        + [midnight(2025, month, 10) for month in range(4, 13)]
        + [midnight(2026, month, 10) for month in range(1, 6)]
    )
    assert list(granted) == list(zip(starts, [*starts[1:], midnight(2026, 6, 10)], strict=True))
    assert wallet.cycle == 15
    subscription = Subscription.objects.get(wallet=wallet)
    assert (subscription.period, subscription.period_ends_at) == (14, midnight(2026, 6, 10))


def test_a_sign_up_on_the_last_of_january_resets_on_each_month_s_last_day(db: None) -> None:
    person = sign_up("jan", at=datetime(2024, 1, 31, 23, 59, tzinfo=UTC))
    settle(person.wallet, midnight(2024, 7, 1))
    ends = [grant.expires_at.date().isoformat() for grant in person.wallet.grants.order_by("id")]
    assert ends == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30", "2024-07-31"]


def test_settling_twice_changes_nothing_more(alice: User) -> None:
    first = books(settle(alice.wallet, midnight(2025, 6, 1)))
    assert books(settle(alice.wallet, midnight(2025, 6, 1))) == first
    assert books(settle(alice.wallet, midnight(2025, 6, 1) + HOUR)) == first


def test_at_the_same_moment_a_hold_ends_before_a_grant_ends_before_another_starts(alice: User, now: datetime) -> None:
    moment = now + HOUR
    give(alice.wallet, 30_000, now=now, source="promotional", key="ends", expires_at=moment)
    give(alice.wallet, 40_000, now=now, source="promotional", key="starts", starts_at=moment, expires_at=moment + DAY)
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", lasts=HOUR, now=now)
    wallet = settle(alice.wallet, moment)
    assert books(wallet, after=3) == [
        ("release", 20_000, -20_000, 0),
        ("expiry", -30_000, 0, 0),
        ("grant", 40_000, 0, 0),
    ]
    assert {entry.effective_at for entry in wallet.entries.filter(sequence__gt=3)} == {moment}


def test_of_equals_the_first_written_is_settled_first(alice: User, now: datetime) -> None:
    moment = now + HOUR
    grants = [
        give(alice.wallet, 1_000 * number, now=now, source="promotional", key=key, expires_at=moment)
        for number, key in enumerate("zya", start=1)
    ]
    settle(alice.wallet, moment)
    expired = alice.wallet.entries.filter(kind="expiry").order_by("sequence").values_list("grant", flat=True)
    assert list(expired) == [grant.pk for grant in grants]


def test_a_hold_opened_later_but_ending_sooner_is_settled_first(alice: User, now: datetime) -> None:
    long = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="long", lasts=2 * HOUR, now=now)
    short = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="short", lasts=HOUR, now=now)
    assert Wallet.objects.get(owner=alice).next_due_at == now + HOUR
    settle(alice.wallet, now + 3 * HOUR)
    released = alice.wallet.entries.filter(kind="release").order_by("sequence").values_list("hold", "effective_at")
    assert list(released) == [(short.pk, now + HOUR), (long.pk, now + 2 * HOUR)]


def test_a_grant_that_came_and_went_while_nobody_looked_leaves_both_entries(alice: User, now: datetime) -> None:
    give(alice.wallet, 9_000, now=now, source="promotional", starts_at=now + DAY, expires_at=now + 2 * DAY)
    wallet = settle(alice.wallet, now + 3 * DAY)
    assert books(wallet, after=1) == [("grant", 9_000, 0, 0), ("expiry", -9_000, 0, 0)]
    assert list(wallet.entries.filter(sequence__gt=1).values_list("effective_at", flat=True).order_by("sequence")) == [
        now + DAY,
        now + 2 * DAY,
    ]


def test_next_due_is_the_earliest_thing_that_time_will_change(alice: User, now: datetime) -> None:
    assert alice.wallet.next_due_at == midnight(2025, 4, 10)
    give(alice.wallet, 9_000, now=now, starts_at=now + 3 * DAY)
    assert alice.wallet.next_due_at == now + 3 * DAY
    give(alice.wallet, 9_000, now=now, source="promotional", expires_at=now + 2 * DAY)
    assert alice.wallet.next_due_at == now + 2 * DAY
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    alice.wallet.refresh_from_db()
    assert alice.wallet.next_due_at == now + 15 * MINUTE
    assert settle(alice.wallet, now + HOUR).next_due_at == now + 2 * DAY


def test_a_suspended_wallet_is_settled_like_any_other(alice: User, now: datetime) -> None:
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
    Wallet.objects.filter(owner=alice).update(suspended_at=now)
    wallet = settle(alice.wallet, midnight(2025, 4, 10))
    assert [kind for kind, *_ in books(wallet, after=2)] == ["release", "expiry", "grant"]
    assert wallet.suspended_at == now


def test_an_unlimited_wallet_is_settled_and_not_warned(alice: User) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    wallet = settle(alice.wallet, midnight(2025, 4, 10))
    assert books(wallet, after=1) == [("expiry", -100_000, 0, 0), ("grant", 100_000, 0, 0)]
    assert not wallet.notices.exists()


def test_a_plan_without_an_allowance_only_begins_its_cycles(alice: User) -> None:
    Subscription.objects.filter(wallet__owner=alice).update(allowance=0)
    wallet = settle(alice.wallet, midnight(2025, 5, 10))
    assert books(wallet, after=1) == [("expiry", -100_000, 0, 0)]
    assert (wallet.cycle, wallet.low_below, wallet.very_low_below) == (3, 0, 0)


def test_a_hold_over_the_end_of_a_cycle_keeps_what_it_set_aside(alice: User, now: datetime) -> None:
    evening = midnight(2025, 4, 9) + 23 * HOUR
    held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=2, key="images", lasts=2 * HOUR, now=evening)
    answer = metering.capture(wallet=alice.wallet, hold=held, quantity=1, now=evening + 90 * MINUTE)
    assert (answer.cost, answer.available) == (20_000, 120_000)
    assert books(alice.wallet, after=2) == [
        ("expiry", -60_000, 0, 0),
        ("grant", 100_000, 0, 0),
        ("capture", 20_000, -40_000, 20_000),
        ("expiry", -20_000, 0, 0),
    ]
    assert alice.wallet.available == 100_000
    assert alice.wallet.entries.get(kind="capture").cycle == 2


def test_clocks_of_two_machines_may_differ_by_five_minutes(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="1", now=now + HOUR)
    back = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="2", now=now + HOUR - 5 * MINUTE)
    assert back.posted_at == now + HOUR, "the later of now and the last posting"


@pytest.mark.parametrize("act", ["charge", "many", "hold", "capture", "release", "workflow", "settle"])
def test_a_clock_that_is_further_back_is_refused(alice: User, now: datetime, act: str) -> None:
    held = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=9, key="held", lasts=DAY, now=now)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="1", now=now + HOUR)
    past = now + HOUR - 5 * MINUTE - timedelta(microseconds=1)
    item = metering.Charge(feature="gpt-4o", quantity=1, key="2")
    acts = {
        "charge": lambda: metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="2", now=past),
        "many": lambda: _raise_first(metering.charge_many(wallet=alice.wallet, charges=[item], now=past)),
        "hold": lambda: metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="2", now=past),
        "capture": lambda: metering.capture(wallet=alice.wallet, hold=held, quantity=1, now=past),
        "release": lambda: metering.release(wallet=alice.wallet, hold=held, now=past),
        "workflow": lambda: metering.charge_workflow(
            wallet=alice.wallet, workflow="w", nodes=[metering.Node(name="free")], key="2", now=past
        ),
        "settle": lambda: settlement.settle(wallet_id=alice.wallet.pk, now=past),
    }
    with pytest.raises(InvalidRequest, match="five minutes"):
        acts[act]()
    assert len(books(alice.wallet)) == 3
    assert Hold.objects.get().status == Hold.Status.OPEN


def _raise_first(answers: list[object]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer


def test_a_wallet_that_does_not_exist_is_unknown(db: None, now: datetime) -> None:
    with pytest.raises(UnknownWallet):
        settlement.settle(wallet_id=404_404, now=now)


def test_a_wallet_on_no_plan_is_not_settled(db: None, now: datetime) -> None:
    wallet = planless_wallet(at=now)
    with pytest.raises(NoPlan):
        settlement.settle(wallet_id=wallet.pk, now=now + 60 * DAY)
    assert not wallet.entries.exists()
