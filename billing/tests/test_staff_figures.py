"""Staff's figures are the books': each is what adding up every row, one by one, comes to."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from billing import metering, tasks
from billing.models import DailyCredits, DailyFigures, Grant, LedgerEntry, Message, Plan, Purchase
from billing.selectors import queues, staff_figures
from billing.selectors.staff_figures import Figures
from billing.selectors.staff_liability import liability
from billing.selectors.staff_plans import plans
from billing.services import departures, figures, leaving, outbox
from billing.services.ledger import shares_of
from billing.tests.lives import Life, Step, steps, undone
from billing.tests.people import begin_paid_cycle, give, sign_up
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop, stripe

__all__ = ["stripe"]

ONE_DAY = timedelta(days=1)
packs = st.lists(st.tuples(st.integers(0, 25), st.integers(1, 90_000), st.integers(1, 5_000)), max_size=3)


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def naive_days() -> dict[str, Counter[date]]:
    """Go through every row there is, and count what it is on its day."""
    found: dict[str, Counter[date]] = {measure: Counter() for measure in staff_figures.MEASURES}
    purchases = {purchase.grant_id: purchase for purchase in Purchase.objects.all()}
    for entry in LedgerEntry.objects.all():
        day = day_of(entry.posted_at)
        found["used"][day] += entry.cost
        if entry.kind == "expiry":
            found["expired"][day] -= entry.available_change + entry.held_change
        if entry.kind == "grant" and entry.grant_id in purchases:
            found["sold"][day] += entry.available_change
    for purchase in purchases.values():
        found["paid"][day_of(purchase.fulfilled_at)] += purchase.cents
    for message in Message.objects.filter(kind="payment_failed"):
        found["failed_payments"][day_of(message.raised_at)] += 1
    for user in User.objects.all():
        found["sign_ups"][day_of(user.joined_at)] += 1
    return found


def naive_worth() -> dict[str, tuple[int, int]]:
    """Return what is left and held of each kind of credits, grant by grant, and its worth in whole cents."""
    outstanding: Counter[int] = Counter()
    for entry in LedgerEntry.objects.all():
        for grant_id, share in shares_of(entry).items():
            outstanding[grant_id] += share.left + share.held
    sums: dict[str, list[Fraction]] = {}
    for grant in Grant.objects.select_related("purchase__plan"):
        purchase = getattr(grant, "purchase", None)
        word, unit = grant.source, Fraction(0)
        if grant.source == "purchase":
            word, unit = "bought", Fraction(purchase.cents, grant.amount)
        elif grant.source == "allowance":
            word = "paid_plans" if purchase else "other_months"
            unit = Fraction(purchase.plan.price_cents, purchase.plan.allowance) if purchase else Fraction(0)
        of = sums.setdefault(word, [Fraction(0), Fraction(0)])
        of[0] += outstanding[grant.pk]
        of[1] += outstanding[grant.pk] * unit
    return {word: (int(left), int(worth + Fraction(1, 2))) for word, (left, worth) in sums.items()}


def check(found: Figures) -> None:
    """Compare figures, and each of their columns, with what the rows come to."""
    naive, span = naive_days(), found.span

    def total(measure: str, first: date, last: date) -> int:
        return sum(amount for day, amount in naive[measure].items() if first <= day <= last)

    for measure in staff_figures.MEASURES:
        trend = found.trends[measure]
        assert trend.total == sum(trend.amounts) == total(measure, span.first, span.last), measure
        assert trend.change.before == total(measure, *span.before), measure
        for period, amount in zip(found.periods, trend.amounts, strict=True):
            assert amount == total(measure, period.first, period.last), measure
    assert found.pack_cents + found.plan_cents == found.trends["paid"].total
    owed = liability(found.lots)
    told = {line.word: (line.outstanding, line.cents) for line in owed.lines if line.outstanding}
    assert told == {word: pair for word, pair in naive_worth().items() if pair[0]}


@pytest.mark.parametrize("examples", [10, pytest.param(400, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])])
def test_the_figures_of_random_books_are_what_every_row_says(db: None, now: datetime, examples: int) -> None:
    @settings(max_examples=examples)
    @given(steps, packs, st.integers(0, 25), st.sampled_from(list(staff_figures.CHOICES)))
    def compare(drawn: list[Step], bought: list[tuple[int, int, int]], closes_at: int, word: str) -> None:
        with undone():
            life = Life(sign_up("alice", at=now).wallet, now)
            for number, step in enumerate(drawn):
                life.run([step])
                for place, amount, cents in bought:
                    if place == number:
                        give(life.wallet, amount, now=life.now, cents=cents, key=f"pack {amount} {cents}")
                if number == closes_at:
                    figures.close_days(now=life.now)
            check(staff_figures.figures(staff_figures.chosen(word, now=life.now)))
            figures.close_days(now=life.now + ONE_DAY)
            check(staff_figures.figures(staff_figures.chosen(word, now=life.now)))

    compare()


def test_sales_plans_and_failed_payments_through_stripe(stripe: Shop, now: datetime) -> None:
    alice, paul = sign_up("alice", at=stripe.now()), sign_up("paul", at=stripe.now())
    stripe.subscribe(alice)
    stripe.subscribe(paul, card=FAILS_LATER_CARD)
    stripe.buy_pack(alice)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=stripe.now())
    for _ in range(34):
        stripe.advance(days=1)
        stripe.deliver()
    for word in staff_figures.CHOICES:
        check(staff_figures.figures(staff_figures.chosen(word, now=stripe.now())))
    found = staff_figures.figures(staff_figures.chosen("90d", now=stripe.now()))
    assert found.trends["failed_payments"].total == 1
    assert found.plan_cents == 3 * 29_00
    on = plans()
    assert (on.paying, on.monthly_cents, on.past_due_cents, on.past_due) == (2, 2 * 29_00, 29_00, 1)
    assert {count.plan.pk: count.active for count in on.counts}["pro"] == 2
    assert on.contracts == 0


def test_closing_a_day_twice_or_late_or_anew_writes_the_same(alice: User, bob: User, now: datetime) -> None:
    for day in range(40):
        use(alice, day, now)
    until = now + ONE_DAY * 40

    def written() -> list[object]:
        return [
            list(DailyFigures.objects.order_by("day").values()),
            list(
                DailyCredits.objects.order_by("day", "source", "plan", "cents").values(
                    "day", "source", "spent", "given"
                )
            ),
        ]

    assert figures.close_days(now=until) == 40
    once = written()
    assert figures.close_days(now=until) == 3
    assert figures.close_days(now=until, since=date(2000, 1, 1)) == 40
    assert written() == once
    DailyFigures.objects.all().delete()
    DailyCredits.objects.all().delete()
    for day in range(0, 41, 7):
        figures.close_days(now=now + ONE_DAY * day)
    figures.close_days(now=until)
    assert written() == once


@pytest.mark.parametrize("closed", [0, 10])
def test_writing_the_last_days_anew_leaves_none_out_before_them(alice: User, now: datetime, closed: int) -> None:
    for day in range(40):
        use(alice, day, now)
    figures.close_days(now=now + ONE_DAY * closed)
    until = now + ONE_DAY * 40
    figures.close_days(now=until, since=(until - ONE_DAY * 2).date())
    days = list(DailyFigures.objects.order_by("day").values_list("day", "used"))
    assert [day for day, _ in days] == [now.date() + ONE_DAY * day for day in range(40)]
    assert all(used for _, used in days)


def test_a_day_that_is_closed_while_the_page_is_read_counts_once(alice: User, now: datetime) -> None:
    use(alice, 0, now)
    use(alice, 1, now)
    figures.close_days(now=now + ONE_DAY)
    until = now + ONE_DAY * 2
    in_time = staff_figures.figures(staff_figures.chosen("30d", now=until))
    asked: list[str] = []

    def close_after_the_first(execute: Any, query: str, *rest: Any) -> Any:
        answer = execute(query, *rest)
        asked.append(query)
        if len(asked) == 1:
            assert figures.close_days(now=until) > 1
        return answer

    with connection.execute_wrapper(close_after_the_first):
        found = staff_figures.figures(staff_figures.chosen("30d", now=until))
    check(found)
    assert found.trends["used"].total == in_time.trends["used"].total


def use(user: User, day: int, now: datetime) -> None:
    metering.charge(
        wallet=user.wallet, feature="gpt-4o-mini", quantity=100 + day, key=f"day {day}", now=now + ONE_DAY * day
    )


def test_a_day_is_closed_half_an_hour_after_it_ended(alice: User, now: datetime) -> None:
    midnight = datetime(2025, 3, 11, tzinfo=UTC)
    assert figures.close_days(now=midnight + timedelta(minutes=29)) == 0
    assert figures.close_days(now=midnight + timedelta(minutes=30)) == 1
    assert [row.day for row in DailyFigures.objects.all()] == [date(2025, 3, 10)]


def test_nothing_is_closed_of_books_that_are_empty(db: None, now: datetime) -> None:
    assert figures.close_days(now=now) == 0
    found = staff_figures.figures(staff_figures.chosen("30d", now=now))
    assert [trend.total for trend in found.trends.values()] == [0] * 6
    assert liability(found.lots).outstanding == 0


def test_who_has_left_stays_counted(alice: User, now: datetime) -> None:
    Message.objects.create(wallet=alice.wallet, kind="payment_failed", key="p", raised_at=now, mail="failed")
    figures.close_days(now=now + ONE_DAY)
    departures.leave(wallet_id=alice.wallet.pk, now=now + ONE_DAY)
    Message.objects.all().delete()
    alice.delete()
    figures.close_days(now=now + ONE_DAY, since=now.date())
    written = DailyFigures.objects.get(day=now.date())
    assert (written.sign_ups, written.failed_payments) == (1, 1)
    owed = liability(staff_figures.figures(staff_figures.chosen("7d", now=now)).lots)
    assert owed.outstanding == 100_000


def test_who_left_on_the_day_of_their_sign_up_is_counted(alice: User, bob: User, now: datetime) -> None:
    for user in (alice, bob):
        leaving.delete_account(user_id=user.pk, now=now + timedelta(hours=1))
    again = sign_up("alice", at=now + timedelta(hours=2))  # within the Free month that she has had
    found = staff_figures.figures(staff_figures.chosen("7d", now=now + timedelta(hours=3)))
    assert found.trends["sign_ups"].total == 3
    figures.close_days(now=now + ONE_DAY)
    leaving.delete_account(user_id=again.pk, now=now + ONE_DAY)
    figures.close_days(now=now + ONE_DAY * 2)
    assert list(DailyFigures.objects.exclude(sign_ups=0).values_list("day", "sign_ups")) == [(now.date(), 3)]


def test_the_task_and_the_command_close_days(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.close_days() > 300
    call_command("close_days", "--since", "2025-03-10")
    assert "days written." in capsys.readouterr().out


def test_a_contract_and_a_plan_without_a_card_bring_in_nothing_a_month(alice: User, bob: User, now: datetime) -> None:
    begin_paid_cycle(
        wallet_id=alice.wallet.pk, plan="pro", starts_at=now, ends_at=now + ONE_DAY * 30, business_key="i", now=now
    )
    assert (plans().monthly_cents, plans().active) == (0, 2)
    assert Plan.objects.filter(price_cents=None).exists()


@pytest.mark.parametrize("word", ["", "nonsense", "30d", "٣", "12m\x00"])
def test_any_word_is_a_span(word: str, now: datetime) -> None:
    span = staff_figures.chosen(word, now=now)
    assert (span.word, span.days, span.last) == ("30d", 30, now.date())


def test_queues_tell_their_oldest(alice: User, now: datetime) -> None:
    found = {queue.word: queue for queue in queues.read()}
    assert list(found) == list(queues.QUEUES)
    assert found["reset"].state == queues.BAD  # Alice's month of 2025 is long over by the database's clock
    assert found["event"].state == queues.GOOD
    Message.objects.create(wallet=alice.wallet, kind="welcome", key="welcome", raised_at=now, mail="failed")
    mail = next(queue for queue in queues.read() if queue.word == "mail")
    assert (mail.state, mail.given_up, mail.oldest_at) == (queues.WARNING, 1, None)


def test_a_mail_that_is_tried_again_and_again_has_waited_from_its_beginning(alice: User) -> None:
    at = timezone.now() - timedelta(hours=2)
    outbox.tell(wallet=alice.wallet, kind=Message.Kind.WELCOME, key="welcome", now=at)
    Message.objects.update(attempts=4, error="away", next_attempt_at=timezone.now() + timedelta(minutes=27))
    mail = next(queue for queue in queues.read() if queue.word == "mail")
    assert (mail.state, mail.given_up, mail.oldest_at) == (queues.BAD, 0, at)
