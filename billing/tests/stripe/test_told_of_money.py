"""What people are told about their money: receipts, failed payments, and the end of a plan."""

from accounts.models import User
from billing.models import Message, Purchase
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop


def kinds(user: User) -> list[str]:
    return list(Message.objects.filter(wallet=user.wallet).order_by("pk").values_list("kind", flat=True))


def test_a_pack_is_receipted_once(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    stripe.reconcile()

    message = Message.objects.get(wallet=alice.wallet)
    assert (message.kind, message.facts) == ("pack_receipt", {"purchase": Purchase.objects.get().pk})


def test_a_failed_payment_is_told_once_however_often_stripe_tries(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice, hours=2)
    stripe.deliver()
    stripe.advance(days=4)
    stripe.deliver()
    assert kinds(alice) == ["plan_started", "payment_failed", "low_credits"], "the allowance is gone after a day"

    stripe.advance(days=40)
    stripe.deliver()
    assert kinds(alice) == ["plan_started", "payment_failed", "low_credits", "plan_ended"]


def test_a_cancellation_and_its_end_are_told(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    subscription = stripe.subscription_of(alice).stripe_subscription_id
    for is_cancelling in (True, False, True):
        stripe.advance(minutes=1)
        stripe.engine.set_cancel_at_period_end(subscription, is_cancelling)
        stripe.deliver()
    stripe.advance(days=40)
    stripe.deliver()

    changes = Message.objects.filter(wallet=alice.wallet, kind="plan_changed").order_by("pk")
    assert [message.facts["change"] for message in changes] == ["cancelling", "resumed", "cancelling"]
    assert kinds(alice)[-1] == "plan_ended"
