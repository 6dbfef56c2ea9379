"""The plan follows what is paid at Stripe: begun, renewed, failed, cancelled, given up (decisions 15 to 17)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import gateway, metering
from billing.errors import AlreadySubscribed, InvalidRequest, UnexpectedPayment
from billing.gateway.facts import InvoiceFacts, LineFacts, SubscriptionFacts
from billing.models import Customer, Grant, Plan, Purchase, StripePrice, StripeSubscription, Subscription
from billing.services import checkouts, paid_subscriptions, settlement, subscriptions
from billing.tests.people import books
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop

PRO = 5_000_000
MARCH, APRIL, MAY = (datetime(2025, month, 10, 9, 30, tzinfo=UTC) for month in (3, 4, 5))


def plan_of(user: User) -> tuple[str, str]:
    subscription = Subscription.objects.get(wallet=user.wallet)
    return subscription.plan_id, subscription.status


def stripe_update(stripe: Shop, user: User, **params: object) -> None:
    """Change the user's subscription as the portal or somebody in Stripe's dashboard does."""
    gateway.client.client().v1.subscriptions.update(stripe.subscription_of(user).stripe_subscription_id, params)


def test_at_payment_the_free_allowance_ends_and_the_plans_begins(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    stripe.subscribe(alice)

    assert plan_of(alice) == ("pro", "active")
    assert books(alice.wallet)[2:] == [("expiry", -100_000, 0, 0), ("grant", PRO, 0, 0)]
    purchase = Purchase.objects.get(plan_id="pro")
    assert (purchase.cents, purchase.grant.expires_at) == (2_900, APRIL)
    assert purchase.business_key.startswith("invoice_line:il_")
    assert purchase.stripe_payment_intent_id.startswith("pi_")


def test_whatever_of_it_is_told_first_or_twice_the_plan_begins_once(alice: User, stripe: Shop) -> None:
    checkout = stripe.subscribe(alice, deliver=False)
    events = stripe.take_events()
    checkouts.sync(checkout=checkout, now=stripe.now())
    stripe.deliver(events[::-1], copies=2)
    stripe.reconcile()

    assert [entry[1] for entry in books(alice.wallet)] == [100_000, -100_000, PRO]


def test_a_renewal_begins_the_next_cycle_and_leaves_packs_alone(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    stripe.subscribe(alice)
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=20_000, key="chat", now=stripe.now())
    stripe.renew(alice)
    stripe.deliver()

    assert books(alice.wallet, after=5) == [("expiry", 100_000 - PRO, 0, 0), ("grant", PRO, 0, 0)]
    alice.wallet.refresh_from_db()
    assert (alice.wallet.available, alice.wallet.cycle_ends_at) == (1_000_000 + PRO, MAY)


def test_in_the_hour_before_stripe_collects_the_old_allowance_is_still_there(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.renew(alice, hours=0.5)
    stripe.deliver()

    wallet = settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now())
    assert (wallet.available, wallet.cycle) == (PRO, 2)


def test_a_failed_renewal_brings_no_allowance_and_no_loss_of_packs(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice, hours=2)
    stripe.deliver()
    assert plan_of(alice) == ("pro", "past_due")

    stripe.advance(days=1.5)
    wallet = settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now())
    assert wallet.available == 1_000_000


def test_a_card_that_was_mended_pays_and_the_plan_goes_on(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice, hours=2)
    stripe.deliver()
    stripe.engine.set_card(Customer.objects.get().stripe_customer_id, "4242424242424242")
    stripe.advance(days=4)
    stripe.deliver()

    assert plan_of(alice) == ("pro", "active")
    assert Grant.objects.filter(wallet=alice.wallet, business_key__startswith="invoice_line:").count() == 2


def test_when_stripe_gives_up_the_plan_becomes_free_and_packs_stay(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice, hours=2)
    stripe.deliver()
    stripe.advance(days=40)
    stripe.deliver()

    assert plan_of(alice) == ("free", "active")
    assert settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now()).available == 1_100_000
    assert Subscription.objects.get(wallet=alice.wallet).stripe_subscription is None


@pytest.mark.parametrize("way", ["cancel_at_period_end", "cancel_at"])
def test_a_plan_that_is_cancelled_lasts_until_its_period_ends(alice: User, stripe: Shop, way: str) -> None:
    stripe.subscribe(alice)
    stripe_update(stripe, alice, **{way: True if way == "cancel_at_period_end" else int(APRIL.timestamp())})
    stripe.deliver()
    assert plan_of(alice) == ("pro", "cancelling")

    stripe.advance_to(APRIL + timedelta(minutes=5))
    stripe.deliver()
    assert plan_of(alice) == ("free", "active")
    assert books(alice.wallet, after=3) == [("expiry", -PRO, 0, 0), ("grant", 100_000, 0, 0)]


def test_a_cancellation_can_be_taken_back(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe_update(stripe, alice, cancel_at_period_end=True)
    stripe.deliver()
    stripe_update(stripe, alice, cancel_at_period_end=False)
    stripe.deliver()
    assert plan_of(alice) == ("pro", "active")

    stripe.renew(alice)
    stripe.deliver()
    assert plan_of(alice) == ("pro", "active")


def test_a_subscription_that_ended_can_be_begun_again(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    gateway.client.client().v1.subscriptions.cancel(stripe.subscription_of(alice).stripe_subscription_id)
    stripe.deliver()
    assert plan_of(alice) == ("free", "active")

    stripe.advance(days=3)
    stripe.subscribe(alice)
    assert plan_of(alice) == ("pro", "active")
    assert StripeSubscription.objects.filter(wallet=alice.wallet).count() == 2


def test_late_news_of_an_ended_subscription_does_not_disturb_the_present_one(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    ended = stripe.subscription_of(alice).stripe_subscription_id
    gateway.client.client().v1.subscriptions.cancel(ended)
    late = stripe.take_events()
    paid_subscriptions.sync(stripe_subscription_id=ended, now=stripe.now())
    stripe.subscribe(alice)
    before = books(alice.wallet)

    stripe.deliver(late)

    assert plan_of(alice) == ("pro", "active")
    assert books(alice.wallet) == before


def test_a_look_that_began_earlier_overwrites_nothing(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    name = stripe.subscription_of(alice).stripe_subscription_id
    early = paid_subscriptions.fetch(name, now=stripe.now())
    stripe.advance(minutes=1)
    stripe_update(stripe, alice, cancel_at_period_end=True)
    stripe.deliver()

    paid_subscriptions.apply(early, now=stripe.now())

    assert plan_of(alice) == ("pro", "cancelling")


def test_two_renewals_that_were_missed_are_made_up_for_in_their_order(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.renew(alice)
    stripe.advance(days=31)
    stripe.take_events()

    stripe.reconcile()

    alice.wallet.refresh_from_db()
    assert (alice.wallet.available, alice.wallet.cycle, alice.wallet.cycle_ends_at) == (
        PRO,
        4,
        MAY + timedelta(days=31),
    )
    assert Purchase.objects.filter(plan_id="pro").count() == 3


def test_who_pays_already_is_sent_to_the_portal_instead(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)

    with pytest.raises(AlreadySubscribed):
        checkouts.begin_plan(wallet=alice.wallet, plan="pro", now=stripe.now())


def test_a_plan_that_was_paid_a_moment_ago_is_not_sold_again(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)

    with pytest.raises(AlreadySubscribed):
        checkouts.begin_plan(wallet=alice.wallet, plan="pro", now=stripe.now())
    assert plan_of(alice) == ("pro", "active")


def test_a_contract_has_to_wait_until_nothing_is_collected_any_more(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)

    with pytest.raises(InvalidRequest, match="still pays for Pro"):
        subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=stripe.now())


def test_a_payment_that_comes_to_a_contract_only_adds_its_credits(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=7_000, now=stripe.now())
    stripe.deliver()

    assert plan_of(alice) == ("enterprise", "active")
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 7_000 + PRO


def test_a_status_that_stripe_invents_changes_no_plan(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    row = stripe.subscription_of(alice)
    facts = SubscriptionFacts(
        row.stripe_subscription_id, "hibernating", Customer.objects.get().stripe_customer_id, "", None, None, None
    )

    paid_subscriptions.apply(paid_subscriptions.Fetched(stripe.now(), facts, ()), now=stripe.now())

    assert plan_of(alice) == ("pro", "active")


REASONS = ["subscription_create", "subscription_cycle", "subscription_update", "subscription_threshold", "manual"]
LINES = {
    "plan": ("pro", False, True),
    "proration": ("pro", True, False),
    "nothing": ("", False, False),
}


@pytest.mark.parametrize("status", ["paid", "open", "draft", "void", "uncollectible"])
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("reason", REASONS)
def test_only_a_paid_line_that_buys_a_period_grants_whatever_the_invoice_was_made_for(
    alice: User, stripe: Shop, reason: str, line: str, status: str
) -> None:
    what, is_proration, grants = LINES[line]
    sold = StripePrice.objects.get(plan_id="pro").stripe_price_id
    Customer.objects.create(wallet=alice.wallet, stripe_customer_id="cus_1", created_at=MARCH)
    lines = (LineFacts("il_1", sold if what else "", is_proration, 1, MARCH, APRIL),)
    invoice = InvoiceFacts(
        "in_1", "A-1", status, reason, "cus_1", "sub_1", "usd", 2_900, 2_900, MARCH, MARCH, "", lines, "pi_1"
    )
    facts = SubscriptionFacts("sub_1", "active", "cus_1", sold, MARCH, APRIL, None)
    paid = tuple(each for each in (invoice,) if each.is_paid)

    for _ in range(2):
        paid_subscriptions.apply(paid_subscriptions.Fetched(MARCH, facts, paid), now=MARCH)

    is_granted = grants and status == "paid"
    assert Purchase.objects.count() == (1 if is_granted else 0)
    assert plan_of(alice)[0] == ("pro" if is_granted else "free")


@pytest.mark.parametrize(("currency", "price"), [("eur", ""), ("usd", "price_of_somebody_else")])
def test_what_we_do_not_sell_grants_nothing_and_says_so(alice: User, stripe: Shop, currency: str, price: str) -> None:
    sold = StripePrice.objects.get(plan_id="pro").stripe_price_id
    Customer.objects.create(wallet=alice.wallet, stripe_customer_id="cus_1", created_at=MARCH)
    lines = (LineFacts("il_1", price or sold, False, 1, MARCH, APRIL),)
    invoice = InvoiceFacts(
        "in_1", "", "paid", "manual", "cus_1", "sub_1", currency, 2_900, 2_900, MARCH, MARCH, "", lines, "pi_1"
    )
    facts = SubscriptionFacts("sub_1", "active", "cus_1", sold, MARCH, APRIL, None)

    with pytest.raises(UnexpectedPayment):
        paid_subscriptions.apply(paid_subscriptions.Fetched(MARCH, facts, (invoice,)), now=MARCH)
    assert (Purchase.objects.count(), plan_of(alice)) == (0, ("free", "active"))


def test_an_upgrade_in_mid_period_prorates_money_and_no_credits(alice: User, stripe: Shop) -> None:
    """A larger plan that is switched to at Stripe grants with its next full period."""
    Plan.objects.filter(pk="pro").update(price_cents=2_900)
    stripe.subscribe(alice)
    item = stripe.engine.find(stripe.subscription_of(alice).stripe_subscription_id)["items"]["data"][0]["id"]
    stripe.advance(days=10)
    stripe_update(stripe, alice, items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice")
    stripe.deliver()

    assert Purchase.objects.filter(plan_id="pro").count() == 1
