"""Two subscriptions at Stripe for one wallet: what each was paid for stays, whichever of them renews or ends first."""

from datetime import timedelta

import pytest

from accounts.models import User
from billing import gateway
from billing.models import Customer, Grant, ReconciliationRun, StripePrice, Subscription
from billing.services import proof, settlement, subscriptions
from billing.tests.people import FREE_ALLOWANCE, left
from billing.tests.stripe.shop import FAILS_LATER_CARD, GOOD_CARD, Shop

PRO = 5_000_000


@pytest.fixture
def second(alice: User, stripe: Shop) -> str:
    """Alice pays for Pro, and since ten days later for Pro a second time, by staff's mistake; the second's id."""
    stripe.subscribe(alice)
    stripe.advance(days=10)
    return pay_again(stripe)


def pay_again(stripe: Shop) -> str:
    """Subscribe the one customer once more, as staff can in Stripe's dashboard."""
    customer_id = str(Customer.objects.get().stripe_customer_id)
    stripe.engine.set_card(customer_id, GOOD_CARD)
    sale = {
        "customer": customer_id,
        "items": [{"price": StripePrice.objects.get(plan_id="pro").stripe_price_id}],
    }
    return gateway.client.client().v1.subscriptions.create(sale).id


def plan_of(user: User) -> tuple[str, str, str]:
    subscription = Subscription.objects.select_related("stripe_subscription").get(wallet=user.wallet)
    payer = subscription.stripe_subscription
    return subscription.plan_id, subscription.status, payer.stripe_subscription_id if payer else ""


def available(user: User, stripe: Shop) -> int:
    return settlement.settle(wallet_id=user.wallet.pk, now=stripe.now()).available


def test_the_renewal_of_one_leaves_alone_what_the_other_was_paid_for(alice: User, stripe: Shop, second: str) -> None:
    stripe.deliver()
    assert available(alice, stripe) == 2 * PRO

    stripe.advance(days=21.2)
    stripe.deliver()
    assert available(alice, stripe) == 2 * PRO
    assert Grant.objects.filter(wallet=alice.wallet, closed_at=None).count() == 2

    stripe.advance(days=11)
    stripe.deliver()
    assert available(alice, stripe) == 2 * PRO
    assert proof.prove() == []


def test_reconciliation_tells_staff_who_pays_twice_until_one_of_them_ends(
    alice: User, stripe: Shop, second: str
) -> None:
    stripe.deliver()
    first = plan_of(alice)[2]
    stripe.reconcile()
    (finding,) = ReconciliationRun.objects.latest("pk").findings
    assert finding == f"Wallet {alice.wallet.pk} pays for several subscriptions at once: {first}, {second}."

    stripe.cancel_now(second)
    stripe.deliver()
    stripe.reconcile()
    assert ReconciliationRun.objects.latest("pk").findings == []


def test_when_the_one_that_pays_for_the_plan_ends_the_other_does(alice: User, stripe: Shop, second: str) -> None:
    stripe.deliver()
    first = plan_of(alice)[2]
    assert first != second
    stripe.cancel_now(first)
    stripe.deliver()

    assert plan_of(alice) == ("pro", "active", second)
    assert available(alice, stripe) == PRO
    alice.wallet.refresh_from_db()
    assert alice.wallet.cycle_ends_at == stripe.subscription_of(alice).current_period_ends_at

    stripe.advance(days=32)
    stripe.deliver()
    assert plan_of(alice) == ("pro", "active", second)
    assert available(alice, stripe) == PRO
    stripe.cancel_now(second)
    stripe.deliver()
    assert plan_of(alice) == ("free", "active", "")
    assert available(alice, stripe) == FREE_ALLOWANCE


def test_a_plan_that_ended_by_the_calendar_goes_on_with_who_still_pays(alice: User, stripe: Shop, second: str) -> None:
    stripe.deliver()
    stripe.engine.set_cancel_at_period_end(plan_of(alice)[2], True)
    stripe.deliver()
    assert plan_of(alice)[1] == "cancelling"

    stripe.advance(days=22)
    settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now())
    stripe.deliver()

    assert plan_of(alice) == ("pro", "active", second)
    assert available(alice, stripe) == PRO


def test_whichever_end_or_beginning_is_told_first_the_plan_is_who_still_pays(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    first = plan_of(alice)[2]
    stripe.advance(days=10)
    stripe.cancel_now(first)
    ended = stripe.take_events()
    second = pay_again(stripe)
    begun = stripe.take_events()

    stripe.deliver(begun)
    assert plan_of(alice) == ("pro", "active", first)
    stripe.deliver(ended)

    assert plan_of(alice) == ("pro", "active", second)
    assert available(alice, stripe) == PRO


def test_one_that_is_not_paid_any_more_takes_no_plan_over(alice: User, stripe: Shop, second: str) -> None:
    stripe.deliver()
    first = plan_of(alice)[2]
    stripe.engine.set_card(str(Customer.objects.get().stripe_customer_id), FAILS_LATER_CARD)
    stripe.advance_to(stripe.subscription_of(alice).current_period_ends_at + timedelta(hours=2))
    stripe.deliver()
    assert stripe.subscription_of(alice).status == "past_due"
    stripe.cancel_now(first)
    stripe.deliver()

    assert plan_of(alice) == ("free", "active", "")
    assert available(alice, stripe) == FREE_ALLOWANCE


def test_what_was_paid_beside_a_contract_outlives_a_change_of_the_contract(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    stripe.advance(hours=1)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=7_000, now=stripe.now())
    stripe.deliver()
    paid = Grant.objects.get(wallet=alice.wallet, business_key__startswith="invoice_line:")
    stripe.cancel_now(stripe.subscription_of(alice).stripe_subscription_id)
    stripe.deliver()

    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=9_000, now=stripe.now())

    assert left(paid) == PRO
    assert available(alice, stripe) == 9_000 + PRO
