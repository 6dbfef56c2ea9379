"""Why a balance was what it was: what the entries say up to any place is what each entry says by itself."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings

from accounts.models import User
from billing import metering
from billing.models import LedgerEntry, Wallet
from billing.selectors import staff_balance
from billing.selectors.sequences import last_sequences
from billing.selectors.staff_balance import Answer
from billing.services import clawbacks, departures, settlement, subscriptions
from billing.services.ledger import shares_of
from billing.tests.lives import Life, Step, steps, undone
from billing.tests.people import give, planless_wallet, sign_up

SECOND = timedelta(seconds=1)


def check(wallet: Wallet, answer: Answer, entries: list[LedgerEntry]) -> None:
    """Compare an answer with what the entries up to its own come to, added up one by one."""
    assert answer.entry is not None
    assert answer.entry == entries[-1]
    assert answer.closing.available == answer.entry.available_after == sum(each.available_change for each in entries)
    assert answer.closing.held == sum(each.held_change for each in entries)
    assert answer.adds_up
    lines = [answer.opening, *answer.steps]
    for column in ("entries", "available", "held", "posted"):
        assert sum(getattr(line, column) for line in lines) == getattr(answer.closing, column), column
    in_cycle = [each for each in entries if each.cycle == answer.entry.cycle]
    assert answer.cycle_began == in_cycle[0]
    assert sum(step.entries for step in answer.steps) == len(in_cycle)

    left: dict[int, int] = {}
    held: dict[int, int] = {}
    for each in entries:
        for grant_id, share in shares_of(each).items():
            left[grant_id] = left.get(grant_id, 0) + share.left
            held[grant_id] = held.get(grant_id, 0) + share.held
    assert len(answer.parts) + len(answer.unlisted) + answer.emptied == len(left)
    told = {part.grant.pk: part for part in (*answer.parts, *answer.unlisted)}
    assert {pk for pk in left if left[pk] or held[pk]} <= set(told)
    for pk, part in told.items():
        assert (part.left, part.held, part.given) == (left[pk], held[pk], part.grant.amount)
        assert part.given == part.left + part.held + part.spent + part.expired + part.taken
        assert min(part.left, part.held, part.spent, part.expired, part.taken) >= 0
    assert sum(part.left for part in told.values()) == answer.closing.available


@pytest.mark.parametrize("examples", [15, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])])
def test_at_any_place_of_random_books_it_adds_up(db: None, now: datetime, examples: int) -> None:
    @settings(max_examples=examples)
    @given(steps)
    def compare(drawn: list[Step]) -> None:
        with undone():
            life = Life(sign_up("alice", at=now).wallet, now)
            life.run(drawn)
            entries = list(life.wallet.entries.order_by("sequence"))
            for number in {1, 2, len(entries) // 2, len(entries) - 1, len(entries)} - {0}:
                check(life.wallet, staff_balance.after_entry(life.wallet, number), entries[:number])
            for moment in {each.posted_at for each in entries[:: max(len(entries) // 3, 1)]}:
                by_then = [each for each in entries if each.posted_at <= moment]
                check(life.wallet, staff_balance.at_moment(life.wallet, moment), by_then)

    compare()


def test_any_moment_finds_the_last_entry_by_then(alice: User, now: datetime) -> None:
    for minute in range(0, 30, 3):
        for number in range(minute % 2 + 1):
            metering.charge(
                wallet=alice.wallet, feature="web-search", quantity=1, key=f"{minute} {number}",
                now=now + timedelta(minutes=minute),
            )  # fmt: skip
    posted = list(LedgerEntry.objects.order_by("sequence").values_list("posted_at", flat=True))
    moments = [now + timedelta(minutes=minute, seconds=second) for minute in range(-2, 40) for second in (0, 1)]
    found = last_sequences(alice.wallet, moments)
    assert found == [sum(each <= moment for each in posted) for moment in moments]


def test_nothing_was_there_before_the_sign_up(alice: User, now: datetime) -> None:
    answer = staff_balance.at_moment(alice.wallet, now - SECOND)
    assert (answer.entry, answer.closing.available, answer.parts, answer.before) == (None, 0, (), ())
    assert staff_balance.at_moment(planless_wallet(at=now), now + timedelta(days=1)).entry is None


def test_a_year_ahead_the_books_say_what_they_say_now(alice: User, now: datetime) -> None:
    ahead = staff_balance.at_moment(alice.wallet, now + timedelta(days=365))
    assert ahead.entry == alice.wallet.entries.latest("sequence")
    assert ahead.closing.available == 100_000


def test_what_was_due_by_then_and_written_down_later_is_told(alice: User, now: datetime) -> None:
    later = now + timedelta(days=45)
    settlement.settle(wallet_id=alice.wallet.pk, now=later)
    answer = staff_balance.at_moment(alice.wallet, now + timedelta(days=40))
    assert answer.closing.available == 100_000
    assert [entry.kind for entry in answer.later] == ["expiry", "grant"]
    assert staff_balance.at_moment(alice.wallet, later).later == ()


def test_a_capture_after_its_grant_expired_is_spent_credits_of_that_grant(alice: User, now: datetime) -> None:
    ends_at = now + timedelta(hours=1)
    promotion = give(alice.wallet, 30_000, now=now, source="promotional", expires_at=ends_at)
    hold = metering.hold(
        wallet=alice.wallet,
        feature="gpt-4o",
        quantity=10_000,
        minimum=10_000,
        key="h",
        lasts=timedelta(hours=2),
        now=now,
    )
    settlement.settle(wallet_id=alice.wallet.pk, now=ends_at)
    while_held = staff_balance.at_moment(alice.wallet, ends_at)
    assert while_held.closing.held == hold.amount == 50_000
    [kept] = [part for part in while_held.parts if part.grant == promotion]
    assert (kept.left, kept.held) == (0, 30_000)
    metering.capture(wallet=alice.wallet, hold=hold, quantity=4_000, now=ends_at + SECOND)
    answer = staff_balance.at_moment(alice.wallet, ends_at + SECOND)
    [spent] = [part for part in answer.parts if part.grant == promotion]
    assert (spent.spent, spent.expired, spent.left, spent.held) == (20_000, 10_000, 0, 0)
    assert answer.closing.held == 0
    check(alice.wallet, answer, list(alice.wallet.entries.order_by("sequence")))


def test_a_refund_takes_back_and_gives_again(alice: User, now: datetime) -> None:
    pack = give(alice.wallet, 50_000, now=now, cents=500, payment="pi_1")
    for target in (20_000, 5_000):
        with settlement.settled_books(alice.wallet.pk, now=now) as books:
            clawbacks.aim(books, grant=pack, target=target)
        answer = staff_balance.at_moment(alice.wallet, now)
        [part] = [part for part in answer.parts if part.grant == pack]
        assert (part.taken, part.left) == (target, 50_000 - target)
        check(alice.wallet, answer, list(alice.wallet.entries.order_by("sequence")))
    with settlement.settled_books(alice.wallet.pk, now=now) as books:
        clawbacks.aim(books, grant=pack, target=0)


def test_use_of_an_unlimited_wallet_burns_nothing(alice: User, now: datetime) -> None:
    give(alice.wallet, 7_000, now=now)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_000, key="a", now=now + SECOND)
    answer = staff_balance.at_moment(alice.wallet, now + SECOND)
    assert (answer.closing.available, answer.unburnt, answer.uncovered) == (7_000, 10_000, 0)


def test_the_books_answer_after_their_owner_has_left(alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now)
    departures.leave(wallet_id=alice.wallet.pk, now=now + SECOND)
    wallet = Wallet.objects.get(pk=alice.wallet.pk)
    answer = staff_balance.at_moment(wallet, now + SECOND)
    assert (answer.closing.available, answer.adds_up) == (87_735, True)


def test_it_asks_no_more_of_many_entries_than_of_few(alice: User, now: datetime) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            staff_balance.at_moment(alice.wallet, now + timedelta(hours=1))
        return len(captured)

    few = asked()
    for number in range(60):
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100, key=f"{number}", now=now)
    assert asked() == few <= 8


@pytest.mark.parametrize("number", [99, 10**18])
def test_a_number_beyond_the_last_means_the_last(alice: User, number: int) -> None:
    assert staff_balance.after_entry(alice.wallet, number).entry == alice.wallet.entries.latest("sequence")
