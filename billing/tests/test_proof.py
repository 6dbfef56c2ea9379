"""No credit is created or lost (G1): the proof sees every kind of damage, and the entries alone rebuild everything."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

import pytest
from django.db import connection, transaction

from accounts.models import User
from billing import metering, sql
from billing.errors import InsufficientCredits
from billing.gateway.facts import SessionFacts
from billing.models import (
    Checkout,
    Grant,
    LedgerEntry,
    Pack,
    Refund,
    StripePrice,
    StripeSubscription,
    Subscription,
    Wallet,
)
from billing.selectors.returns import Span
from billing.services import proof, purchases, refunds, returns
from billing.tests.people import give, sign_up

DAMAGE = {
    "available is the sum of its entries": "UPDATE billing_wallet SET available = available + 1",
    "held is the sum of its entries": "UPDATE billing_wallet SET held = held + 1",
    "available is what is left of its open grants": """UPDATE billing_grant SET remaining = remaining - 1
        WHERE source = 'purchase'""",
    "held is the sum of its open holds": "UPDATE billing_hold SET amount = amount + 1 WHERE status = 'open'",
    "the sequence has no gap": "DELETE FROM billing_ledgerentry WHERE kind = 'charge' AND cost = 0",
    "every entry says what was available after it": """UPDATE billing_ledgerentry
        SET available_after = available_after + 1 WHERE sequence = 2""",
    "the books never go back in time": """UPDATE billing_ledgerentry SET posted_at = posted_at - interval '1 year'
        WHERE sequence = 3""",
    "a grant's remaining is the sum of its shares": """UPDATE billing_entryshare SET left_change = left_change - 1
        WHERE id = (SELECT min(id) FROM billing_entryshare)""",
    "a started grant gave its whole amount, once": "UPDATE billing_grant SET amount = amount + 1 WHERE remaining > 0",
    "a grant is left + held + gone": """UPDATE billing_entryshare SET
        left_change = -held_change, held_change = -left_change WHERE left_change <> 0 AND held_change <> 0""",
    "only the head's remaining stands on the wallet": """UPDATE billing_grant SET remaining = NULL
        WHERE source = 'purchase'""",
    "an entry with several grants has shares that add up": """DELETE FROM billing_entryshare
        WHERE id = (SELECT max(id) FROM billing_entryshare)""",
    "what holds keep of a hold's entries is its amount while it is open, else nothing": """UPDATE billing_hold
        SET status = 'open', closed_at = NULL WHERE status = 'captured'""",
    "a charge costs what its price says": """UPDATE billing_ledgerentry SET quantity = quantity + 1000
        WHERE kind = 'charge' AND feature_id = 'gpt-4o'""",
    "what was used was paid for, but for what is uncovered": """UPDATE billing_ledgerentry SET uncovered = 1
        WHERE kind = 'capture'""",
    "a workflow costs the sum of its lines": """DELETE FROM billing_usageline WHERE position = 1""",
    "a line costs what its price says": """UPDATE billing_usageline SET quantity = quantity + 1000
        WHERE feature_id = 'gpt-4o'""",
    "daily usage is what its entries used": "UPDATE billing_dailyusage SET uses = uses + 1 WHERE feature_id = 'gpt-4o'",
    "every entry names rows that exist": "DELETE FROM billing_feature WHERE code = 'gpt-4o'",
    "every grant for money has its payment": "DELETE FROM billing_purchase WHERE cents = 0",
    "every payment has the grant it paid for": "UPDATE billing_purchase SET business_key = business_key || '?'",
    "what was taken back of a grant is the sum of its claw-backs": """UPDATE billing_grant
        SET taken_back = taken_back - 1 WHERE taken_back > 0""",
    "refunds and disputes ask back their part of a grant": "UPDATE billing_refund SET status = 'failed'",
    "nothing is left of a grant while more is asked back": """UPDATE billing_grant
        SET clawback_target = clawback_target + 1 WHERE clawback_target > 0""",
    "every paid Checkout of a pack has its purchase": "DELETE FROM billing_purchase WHERE stripe_session_id <> ''",
    "a pack gave what its price sold": "UPDATE billing_stripeprice SET amount = amount - 1",
    "what was paid is granted once, to one wallet": "UPDATE billing_purchase SET stripe_session_id = 'cs_1'",
    "what goes back goes back to the wallet that paid": "UPDATE billing_refund SET stripe_payment_intent_id = 'pi_?'",
    "a plan is paid for by its own wallet": "UPDATE billing_stripesubscription SET wallet_id = -1",
    "what was returned is what its grant gave": "UPDATE billing_walletreturn SET amount = amount - 1",
    "every grant that returns charges names them": """UPDATE billing_walletreturn
        SET status = 'nothing', grant_id = NULL, amount = 0, charges = 0""",
    "no more is returned of a charge than was paid for it, to whom paid it": """UPDATE billing_returnedcharge
        SET amount = amount + 1""",
    "every hold names a wallet that exists": "UPDATE billing_hold SET wallet_id = -1 WHERE status = 'open'",
}


@contextmanager
def damage(statement: str) -> Iterator[None]:
    """Change the books behind their guards' back, and take it back afterwards."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement)
            assert cursor.rowcount, "a damage that hits no row proves nothing"
            cursor.execute("SET LOCAL session_replication_role = origin")
        yield
        transaction.set_rollback(True)


def use_a_bit_of_everything(wallet: Wallet, now: datetime) -> None:
    give(wallet, 50_000, now=now)
    give(wallet, 1_000, now=now, key="refunded", cents=1_000, payment="pi_1")
    Refund.objects.create(
        wallet=wallet,
        stripe_refund_id="re_1",
        stripe_payment_intent_id="pi_1",
        cents=500,
        status=Refund.Status.SUCCEEDED,
        requested_at=now,
    )
    refunds.follow_returned_money(wallet_id=wallet.pk, payment_intent_id="pi_1", now=now)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=2_453, key="chat", now=now)
    metering.charge(wallet=wallet, feature="analytics", quantity=1, key="report", now=now)
    nodes = [
        metering.Node(name="look it up", feature="web-search", quantity=2),
        metering.Node(name="if it is good"),
        metering.Node(name="write", feature="gpt-4o", quantity=4_000),
    ]
    metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="run", now=now)
    wide = metering.hold(wallet=wallet, feature="dall-e-3-standard", quantity=2, key="images", now=now)
    metering.capture(wallet=wallet, hold=wide, quantity=1, now=now)
    metering.hold(wallet=wallet, feature="gpt-4o", quantity=3_000, key="talk", now=now)
    return_searches(wallet, now)
    pay_through_stripe(wallet, now)


def return_searches(wallet: Wallet, now: datetime) -> None:
    """Give back what was paid for searches."""
    span = Span("web-search", now - timedelta(hours=1), now + timedelta(seconds=1))
    later = now + timedelta(seconds=1)
    terms = {"reason": "They found nothing", "is_reason_shown": False, "expires_at": None}
    asked = returns.begin(span=span, actor=wallet.owner, key="return", now=later, **terms)
    returns.go_on(return_id=asked.pk, clock=lambda: later)


def pay_through_stripe(wallet: Wallet, now: datetime) -> None:
    """Buy a pack through Checkout, and let a subscription at Stripe pay for the plan."""
    tomorrow = now + timedelta(days=1)
    price = StripePrice.objects.create(
        stripe_price_id="price_1", lookup_key="pack_1", pack=Pack.objects.first(), cents=900, amount=7_000, added_at=now
    )
    checkout = Checkout.objects.create(
        wallet=wallet,
        price=price,
        thing=price.lookup_key,
        status=Checkout.Status.COMPLETE,
        stripe_session_id="cs_1",
        created_at=now,
        expires_at=tomorrow,
    )
    session = SessionFacts(
        id="cs_1",
        mode="payment",
        status="complete",
        payment_status="paid",
        url="",
        expires_at=tomorrow,
        created_at=now,
        customer_id="cus_1",
        client_reference_id=str(checkout.pk),
        payment_intent_id="pi_2",
        subscription_id="",
        currency="usd",
        total_cents=900,
        price_ids=(price.stripe_price_id,),
    )
    purchases.fulfil_packs(wallet_id=wallet.pk, session=session, now=now)
    payer = StripeSubscription.objects.create(wallet=wallet, stripe_subscription_id="sub_1", status="active")
    Subscription.objects.filter(wallet=wallet).update(stripe_subscription=payer)


def rules(wallet_id: int | None = None) -> set[str]:
    return {difference.rule for difference in proof.prove(wallet_id=wallet_id)}


def test_whole_books_have_no_difference(alice: User, now: datetime) -> None:
    use_a_bit_of_everything(alice.wallet, now)
    assert proof.prove() == []


@pytest.mark.parametrize("rule", DAMAGE)
def test_the_proof_names_the_rule_that_a_damage_broke(rule: str, alice: User, now: datetime) -> None:
    use_a_bit_of_everything(alice.wallet, now)
    with damage(DAMAGE[rule]):
        assert rule in rules()


def test_no_rule_of_the_proof_is_left_without_its_damage() -> None:
    select = r"SELECT '((?:[^']|'')+)'(?: AS rule)?, "
    assert {rule.replace("''", "'") for rule in re.findall(select, sql.read("proof"))} == set(DAMAGE)


def test_credits_returned_to_another_grant_than_they_were_held_of_are_seen(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    give(wallet, 50_000, now=now, source="promotional", expires_at=now + timedelta(days=5))
    held = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="image", now=now)
    metering.charge(wallet=wallet, feature="flux-pro", quantity=3, key="more images", now=now)
    metering.release(wallet=wallet, hold=held, now=now)
    with damage("""
        WITH free AS (SELECT id FROM billing_grant WHERE source = 'allowance'),
            released AS (
                UPDATE billing_ledgerentry SET grant_id = free.id FROM free WHERE kind = 'release' RETURNING 1),
            emptied AS (UPDATE billing_grant SET remaining = 0 WHERE source = 'promotional' RETURNING 1),
            headed AS (UPDATE billing_grant SET remaining = NULL WHERE source = 'allowance' RETURNING 1)
        UPDATE billing_wallet SET head_grant_id = free.id, head_left = available FROM free
    """):
        assert rules() == {"a grant is left + held + gone"}


def test_the_damage_of_one_wallet_is_not_found_in_another(alice: User, bob: User, now: datetime) -> None:
    with damage("UPDATE billing_wallet SET available = available + 1 WHERE id = (SELECT min(id) FROM billing_wallet)"):
        assert rules(bob.wallet.pk) == set()
        assert "available is the sum of its entries" in rules(alice.wallet.pk)


def test_a_difference_reads_as_a_sentence(alice: User) -> None:
    with damage("UPDATE billing_wallet SET available = available + 1"):
        found = [str(difference) for difference in proof.prove()]
    assert f"wallet {alice.wallet.pk}: available is the sum of its entries (expected 100000, found 100001)" in found


def test_a_wallet_that_nobody_settled_is_a_warning_not_a_difference(alice: User) -> None:
    assert proof.overdue() == {"wallets with something due": 1}, "her first cycle ended in April 2025"
    assert proof.prove() == []


def live_at_random(wallet: Wallet, now: datetime, *, steps: int, seed: int) -> datetime:
    """Use credits in every way for some weeks, and return when it ended."""
    choice = Random(seed)
    features = ["gpt-4o", "o1-preview", "flux-pro", "video-generation", "analytics", "web-search"]
    holds = []
    for step in range(steps):
        now += timedelta(minutes=choice.randrange(600))
        feature, quantity = choice.choice(features), choice.randint(1, 3)
        try:
            match choice.randrange(6):
                case 0:
                    expires_at = choice.choice([None, now + timedelta(days=choice.randint(1, 20))])
                    give(wallet, choice.randint(1, 40_000), now=now, key=f"grant {step}", expires_at=expires_at)
                case 1:
                    holds.append(
                        metering.hold(wallet=wallet, feature=feature, quantity=quantity, key=f"hold {step}", now=now)
                    )
                case 2 if holds:
                    metering.capture(wallet=wallet, hold=holds.pop(), quantity=quantity, now=now)
                case 3 if holds:
                    metering.release(wallet=wallet, hold=holds.pop(), now=now)
                case 4:
                    nodes = [metering.Node(feature=feature, quantity=quantity), metering.Node(name="done")]
                    metering.charge_workflow(wallet=wallet, workflow="w", nodes=nodes, key=f"run {step}", now=now)
                case _:
                    metering.charge(wallet=wallet, feature=feature, quantity=quantity, key=f"use {step}", now=now)
        except InsufficientCredits:
            continue
    wallet.refresh_from_db()
    return now


@pytest.mark.parametrize("seed", range(3))
def test_the_entries_alone_rebuild_balance_holds_grants_and_daily_usage(alice: User, now: datetime, seed: int) -> None:
    wallet = alice.wallet
    live_at_random(wallet, now, steps=80, seed=seed)
    available = held = 0
    left: Counter[int] = Counter()
    usage: Counter[tuple[object, ...]] = Counter()
    for number, entry in enumerate(wallet.entries.order_by("sequence"), start=1):
        assert entry.sequence == number
        available += entry.available_change
        held += entry.held_change
        assert (entry.available_after, min(available, held, 0)) == (available, 0)
        if entry.grant_id:
            left[entry.grant_id] += entry.available_change
        for share in entry.shares.all():
            left[share.grant_id] += share.left_change
        if entry.kind in (LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.CAPTURE):
            day = (entry.used_on, entry.cycle, entry.feature_id)
            usage[*day, "uses"] += 1
            usage[*day, "cost"] += entry.cost
    assert (available, held) == (wallet.available, wallet.held)
    for grant in Grant.objects.filter(wallet=wallet):
        assert left[grant.pk] == (wallet.head_left if grant.pk == wallet.head_grant_id else grant.remaining)
    kept: Counter[tuple[object, ...]] = Counter()
    for row in wallet.daily_usage.all():
        kept[row.used_on, row.cycle, row.feature_id, "uses"] += row.uses
        kept[row.used_on, row.cycle, row.feature_id, "cost"] += row.cost
    assert +kept == +usage


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_a_million_entries_add_up(db: None, now: datetime) -> None:
    for person in range(20):
        wallet = sign_up(f"person{person}", at=now).wallet
        give(wallet, 10**9, now=now)
        for batch in range(100):
            items = [
                metering.Charge(feature="gpt-4o-mini", quantity=1 + number % 7, key=f"{batch}:{number}")
                for number in range(500)
            ]
            answers = metering.charge_many(wallet=wallet, charges=items, now=now + timedelta(minutes=batch))
            assert all(isinstance(answer, metering.Answer) for answer in answers)
    assert LedgerEntry.objects.count() >= 1_000_000
    assert proof.prove() == []
