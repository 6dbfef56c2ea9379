"""Changing plans: paid cycles, contracts, and the way back to Free (decisions 12, 15, 16 and 18)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest, NoPlan
from billing.models import Grant, Plan, Subscription, Wallet
from billing.services import chatbots, settlement, subscriptions
from billing.tests.people import begin_paid_cycle, books, give

PAID_AT = datetime(2025, 3, 17, 14, 5, tzinfo=UTC)
RENEWS_AT = datetime(2025, 4, 17, 14, 5, tzinfo=UTC)
ENDS_AT = datetime(2025, 5, 17, 14, 5, tzinfo=UTC)
PRO = 5_000_000


def upgrade(wallet: Wallet) -> Subscription:
    """Pay for Alice's first month of Pro."""
    return begin_paid_cycle(
        wallet_id=wallet.pk, plan="pro", starts_at=PAID_AT, ends_at=RENEWS_AT, business_key="line:1", now=PAID_AT
    )


def renew(wallet: Wallet, *, now: datetime, key: str = "line:2") -> Subscription:
    """Pay for her second month."""
    return begin_paid_cycle(
        wallet_id=wallet.pk, plan="pro", starts_at=RENEWS_AT, ends_at=ENDS_AT, business_key=key, now=now
    )


def chat(wallet: Wallet, tokens: int, key: str, now: datetime) -> metering.Answer:
    return metering.charge(wallet=wallet, feature="gpt-4o", quantity=tokens, key=key, now=now)


def test_at_payment_the_free_allowance_ends_and_the_five_thousand_begin(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    chat(wallet, 2_000, "a", now)
    subscription = upgrade(wallet)
    assert books(wallet, after=2) == [("expiry", -90_000, 0, 0), ("grant", PRO, 0, 0)]
    assert (subscription.plan_id, subscription.status, subscription.started_at) == ("pro", "active", PAID_AT)
    assert (subscription.anchor_at, subscription.period_ends_at) == (PAID_AT, RENEWS_AT)
    assert (wallet.available, wallet.cycle, wallet.cycle_ends_at) == (PRO, 2, RENEWS_AT)
    assert (wallet.low_below, wallet.very_low_below) == (1_000_000, 250_000)


def test_a_cycle_paid_for_once_begins_once(alice: User) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    upgrade(wallet)
    assert books(wallet) == [("grant", 100_000, 0, 0), ("expiry", -100_000, 0, 0), ("grant", PRO, 0, 0)]
    assert wallet.cycle == 2


def test_packs_survive_an_upgrade_a_renewal_and_the_way_back(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    pack = give(wallet, 1_000_000, now=now)
    upgrade(wallet)
    renew(wallet, now=RENEWS_AT + timedelta(hours=1))
    subscriptions.return_to_free(wallet_id=wallet.pk, now=ENDS_AT)
    wallet.refresh_from_db()
    assert wallet.available == 1_100_000
    pack.refresh_from_db()
    assert (pack.remaining, pack.closed_at) == (1_000_000, None)


def test_usage_between_the_end_of_a_period_and_its_payment_draws_on_the_old_allowance(alice: User) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    chat(wallet, 2_000, "in the gap", RENEWS_AT + timedelta(minutes=30))
    wallet.refresh_from_db()
    assert (wallet.available, wallet.cycle) == (PRO - 10_000, 2), "it counts to the old cycle"
    renew(wallet, now=RENEWS_AT + timedelta(hours=1))
    assert books(wallet, after=3) == [
        ("charge", -10_000, 0, 10_000),
        ("expiry", -PRO + 10_000, 0, 0),
        ("grant", PRO, 0, 0),
    ]
    assert (wallet.cycle, wallet.cycle_started_at, wallet.cycle_ends_at) == (3, RENEWS_AT, ENDS_AT)
    assert not wallet.notices.exists()


def test_an_unpaid_renewal_keeps_the_old_allowance_for_a_day_and_no_longer(alice: User) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    settlement.settle(wallet_id=wallet.pk, now=RENEWS_AT + timedelta(hours=23, minutes=59))
    wallet.refresh_from_db()
    assert (wallet.available, wallet.next_due_at) == (PRO, RENEWS_AT + timedelta(hours=24))
    settlement.settle(wallet_id=wallet.pk, now=RENEWS_AT + timedelta(days=3))
    wallet.refresh_from_db()
    assert wallet.available == 0
    entry = wallet.entries.latest("sequence")
    assert (entry.kind, entry.effective_at) == ("expiry", RENEWS_AT + timedelta(hours=24))


def test_a_subscription_that_is_cancelling_gets_no_day_more_and_becomes_free_without_a_word(alice: User) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    Subscription.objects.filter(wallet=wallet).update(status=Subscription.Status.CANCELLING)
    settlement.settle(wallet_id=wallet.pk, now=RENEWS_AT + timedelta(days=3))
    wallet.refresh_from_db()
    assert (wallet.available, wallet.cycle_started_at) == (100_000, RENEWS_AT)
    assert books(wallet, after=3) == [("expiry", -PRO, 0, 0), ("grant", 100_000, 0, 0)]
    free = Subscription.objects.get(wallet=wallet)
    assert (free.plan_id, free.status, free.anchor_at) == ("free", "active", RENEWS_AT)


def test_a_payment_after_that_day_begins_the_cycle_all_the_same(alice: User) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    Subscription.objects.filter(wallet=wallet).update(status=Subscription.Status.PAST_DUE)
    subscription = renew(wallet, now=RENEWS_AT + timedelta(days=4))
    wallet.refresh_from_db()
    assert (wallet.available, wallet.cycle_ends_at) == (PRO, ENDS_AT)
    assert (subscription.status, subscription.anchor_at) == ("active", PAID_AT)


def test_a_payment_that_was_overtaken_by_the_next_one_only_grants_its_credits(alice: User) -> None:
    wallet = alice.wallet
    later = ENDS_AT + timedelta(days=31)
    upgrade(wallet)
    begin_paid_cycle(
        wallet_id=wallet.pk, plan="pro", starts_at=ENDS_AT, ends_at=later, business_key="line:3", now=ENDS_AT
    )
    subscription = renew(wallet, now=ENDS_AT + timedelta(minutes=1))
    assert (subscription.period_started_at, subscription.period_ends_at) == (ENDS_AT, later)
    assert Grant.objects.filter(wallet=wallet, business_key="line:2").count() == 1
    wallet = settlement.settle(wallet_id=wallet.pk, now=ENDS_AT + timedelta(minutes=2))
    assert (wallet.available, wallet.cycle) == (PRO, 3)


def test_a_hold_of_the_old_allowance_is_still_spent_from_it_after_the_change(alice: User) -> None:
    wallet = alice.wallet
    hold = metering.hold(wallet=wallet, feature="gpt-4o", quantity=4_000, key="h", now=PAID_AT)
    upgrade(wallet)
    metering.capture(wallet=wallet, hold=hold, quantity=3_000, now=PAID_AT + timedelta(minutes=1))
    assert books(wallet, after=2) == [
        ("expiry", -80_000, 0, 0),
        ("grant", PRO, 0, 0),
        ("capture", 5_000, -20_000, 15_000),
        ("expiry", -5_000, 0, 0),
    ]


def test_an_unlimited_contract_records_usage_and_burns_nothing(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    pack = give(wallet, 1_000_000, now=now)
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
    answer = chat(wallet, 9_000_000, "much", now)
    wallet.refresh_from_db()
    assert (answer.cost, wallet.unlimited, wallet.available) == (45_000_000, True, 1_000_000)
    subscriptions.return_to_free(wallet_id=wallet.pk, now=now + timedelta(days=3))
    wallet.refresh_from_db()
    assert (wallet.unlimited, wallet.available) == (False, 1_100_000)
    chat(wallet, 22_000, "from the allowance, then the pack", now + timedelta(days=3))
    pack.refresh_from_db()
    wallet.refresh_from_db()
    assert (wallet.available, wallet.head_grant_id) == (990_000, pack.pk)


def test_a_contracts_cycles_follow_the_calendar(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
    wallet = settlement.settle(wallet_id=wallet.pk, now=now + timedelta(days=70))
    assert wallet.cycle == 4
    assert wallet.cycle_started_at == datetime(2025, 5, 10, tzinfo=UTC)
    assert books(wallet) == [("grant", 100_000, 0, 0), ("expiry", -100_000, 0, 0)]


def test_a_contract_with_an_allowance_of_its_own_is_reset_each_month(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=70_000_000, now=now)
    chat(wallet, 1_000_000, "a", now)
    wallet = settlement.settle(wallet_id=wallet.pk, now=now + timedelta(days=31))
    assert (wallet.unlimited, wallet.available, wallet.low_below) == (False, 70_000_000, 14_000_000)


def test_a_plan_that_staff_make_unlimited_is_so_from_the_next_cycle_on(alice: User, now: datetime) -> None:
    Plan.objects.filter(pk="free").update(allowance=None)
    assert not settlement.settle(wallet_id=alice.wallet.pk, now=now + timedelta(days=1)).unlimited
    wallet = settlement.settle(wallet_id=alice.wallet.pk, now=now + timedelta(days=31))
    assert (wallet.unlimited, wallet.available) == (True, 0)


def test_a_plan_that_staff_limit_is_so_from_the_next_cycle_on(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
    Plan.objects.filter(pk="enterprise").update(allowance=100_000)
    assert settlement.settle(wallet_id=wallet.pk, now=now + timedelta(days=1)).unlimited
    wallet = settlement.settle(wallet_id=wallet.pk, now=now + timedelta(days=31))
    assert (wallet.unlimited, wallet.available) == (False, 100_000)


def test_saying_the_same_contract_again_changes_nothing_and_another_one_begins_anew(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    for _ in range(2):
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=70_000_000, now=now)
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=90_000_000, now=now + timedelta(days=1))
    assert [change for _, change, _, _ in books(wallet)] == [100_000, -100_000, 70_000_000, -70_000_000, 90_000_000]


def test_who_is_on_free_stays_there_and_who_returns_the_same_day_starts_a_new_cycle(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    subscriptions.return_to_free(wallet_id=wallet.pk, now=now)
    assert books(wallet) == [("grant", 100_000, 0, 0)]
    subscriptions.begin_contract(wallet_id=wallet.pk, allowance=None, now=now)
    subscriptions.return_to_free(wallet_id=wallet.pk, now=now)
    assert [change for _, change, _, _ in books(wallet)] == [100_000, -100_000, 100_000]


def test_chatbots_above_a_smaller_plans_limit_pause_newest_first_and_resume_on_upgrade(
    alice: User, now: datetime
) -> None:
    wallet = alice.wallet
    upgrade(wallet)
    for number in range(3):
        created_at = PAID_AT + timedelta(minutes=number)
        chatbots.create(wallet_id=wallet.pk, name=f"Helper {number}", model="gpt-4o-mini", now=created_at)
    subscriptions.return_to_free(wallet_id=wallet.pk, now=RENEWS_AT)
    assert [bot.name for bot in wallet.chatbots.filter(paused_at=None)] == ["Helper 0"]
    renew(wallet, now=RENEWS_AT + timedelta(hours=1))
    assert wallet.chatbots.filter(paused_at=None).count() == 3


def test_what_cannot_be_sold_is_refused(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    month = {"starts_at": now, "ends_at": now + timedelta(days=30), "business_key": "x", "now": now}
    for plan in ("free", "enterprise"):
        with pytest.raises(NoPlan):
            begin_paid_cycle(wallet_id=wallet.pk, plan=plan, **month)
    with pytest.raises(InvalidRequest):
        begin_paid_cycle(wallet_id=wallet.pk, plan="pro", **month | {"ends_at": now})
    with pytest.raises(InvalidRequest):
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=-1, now=now)
    assert books(wallet) == [("grant", 100_000, 0, 0)]
