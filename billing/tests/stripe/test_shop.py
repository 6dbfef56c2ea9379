"""What a customer does at Stripe arrives in our books."""

from accounts.models import User
from billing.models import Subscription
from billing.tests.people import FREE_ALLOWANCE
from billing.tests.stripe.shop import Shop

PACK, PRO = 1_000_000, 5_000_000


def test_a_pack_is_bought(stripe: Shop, alice: User) -> None:
    checkout = stripe.buy_pack(alice)

    alice.wallet.refresh_from_db()
    assert alice.wallet.available == FREE_ALLOWANCE + PACK
    assert checkout.status == "complete"


def test_a_plan_is_subscribed_to_and_renewed(stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    subscription = Subscription.objects.get(wallet=alice.wallet)
    assert (subscription.plan_id, subscription.status) == ("pro", "active")

    stripe.renew(alice)
    stripe.deliver()

    alice.wallet.refresh_from_db()
    assert alice.wallet.available == PRO
    assert len(stripe.purchases_of(alice)) == 2
