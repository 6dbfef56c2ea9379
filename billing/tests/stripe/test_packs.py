"""Buying a pack: the credits are there the moment Stripe has the money, once, whatever is repeated or lost."""

from datetime import timedelta

import pytest
from django.conf import settings as django

from accounts.models import User
from billing import gateway
from billing.errors import NotForSale, StripeUnavailable, UnexpectedPayment
from billing.models import Checkout, Customer, Grant, Pack, Purchase, StripePrice
from billing.services import checkouts, customers, settlement, stripe_catalog
from billing.tests.people import books, sign_up
from billing.tests.stripe.shop import DECLINED_CARD, Shop
from sandbox.stripe.cards import CardDeclined


def posts(stripe: Shop, path: str) -> int:
    """Return how many POST requests to a path Stripe has had."""
    return sum(1 for request in stripe.wire.requests if (request.method, request.path) == ("POST", path))


def delete_customer(customer_id: str) -> None:
    """Delete a customer as somebody does in Stripe's dashboard."""
    gateway.client.client().v1.customers.delete(customer_id)


def test_a_pack_that_was_paid_is_granted_with_its_purchase_written_down(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, pack="pack-1000")

    assert checkout.status == Checkout.Status.COMPLETE
    assert books(alice.wallet) == [("grant", 100_000, 0, 0), ("grant", 1_000_000, 0, 0)]
    purchase = Purchase.objects.get()
    assert purchase.business_key == f"checkout_session:{checkout.stripe_session_id}" == purchase.grant.business_key
    assert (purchase.pack_id, purchase.cents, purchase.grant.expires_at) == ("pack-1000", 1_000, None)
    assert purchase.stripe_payment_intent_id == stripe.payment_of(checkout)


def test_a_declined_card_buys_nothing_and_the_next_try_does(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    with pytest.raises(CardDeclined):
        stripe.engine.pay(checkout.stripe_session_id, card=DECLINED_CARD)
    stripe.deliver()
    assert alice.wallet.grants.count() == 1

    stripe.engine.pay(checkout.stripe_session_id)
    stripe.deliver()
    assert Purchase.objects.get().grant.amount == 1_000_000


def test_an_unpaid_session_grants_nothing_whoever_asks(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)

    assert checkouts.sync(checkout=checkout, now=stripe.now()).status == Checkout.Status.OPEN
    assert not Purchase.objects.exists()


def test_a_session_that_is_complete_but_not_paid_yet_grants_nothing_until_it_is(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.engine.pay_later(checkout.stripe_session_id)
    stripe.deliver()
    checkout.refresh_from_db()
    assert (checkout.status, Purchase.objects.count()) == (Checkout.Status.PROCESSING, 0)

    stripe.engine.settle(checkout.stripe_session_id)
    stripe.deliver()
    checkout.refresh_from_db()
    assert (checkout.status, Purchase.objects.count()) == (Checkout.Status.COMPLETE, 1)


def test_a_payment_on_its_way_that_fails_grants_nothing(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.engine.pay_later(checkout.stripe_session_id)
    stripe.deliver()
    stripe.engine.settle(checkout.stripe_session_id, succeeded=False)
    stripe.deliver()

    checkout.refresh_from_db()
    assert (checkout.status, Purchase.objects.count()) == (Checkout.Status.FAILED, 0)
    assert stripe.begin_pack(alice).pk != checkout.pk


def test_webhook_return_page_and_repair_grant_one_and_the_same(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    for _ in range(3):
        checkouts.sync(checkout=checkout, now=stripe.now())
    stripe.deliver(copies=2)
    stripe.reconcile()

    assert [entry[1] for entry in books(alice.wallet)] == [100_000, 1_000_000]


def test_a_double_click_leads_to_one_and_the_same_session(alice: User, stripe: Shop) -> None:
    first, second = stripe.begin_pack(alice), stripe.begin_pack(alice)

    assert first.pk == second.pk
    assert first.url == second.url
    assert posts(stripe, "/v1/checkout/sessions") == 1


def test_an_answer_that_was_lost_is_asked_for_again_and_opens_no_second_session(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    Checkout.objects.update(stripe_session_id=None, url="")

    again = stripe.begin_pack(alice)

    assert (again.pk, again.stripe_session_id) == (checkout.pk, checkout.stripe_session_id)


def test_two_packs_can_be_open_at_once_and_a_paid_one_can_be_bought_again(alice: User, stripe: Shop) -> None:
    small, large = stripe.begin_pack(alice), stripe.begin_pack(alice, pack="pack-5000")
    assert small.stripe_session_id != large.stripe_session_id
    stripe.engine.pay(small.stripe_session_id)

    another = stripe.begin_pack(alice)

    assert another.pk != small.pk
    assert Purchase.objects.get().stripe_session_id == small.stripe_session_id, "asking what became of it fulfils it"


def test_a_session_that_expired_is_replaced(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.advance(hours=25)

    another = stripe.begin_pack(alice)

    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.EXPIRED
    assert another.stripe_session_id != checkout.stripe_session_id


def test_a_price_that_changed_meanwhile_closes_the_old_session(alice: User, stripe: Shop) -> None:
    old = stripe.begin_pack(alice)
    Pack.objects.filter(pk="pack-1000").update(price_cents=1_200)
    stripe_catalog.sync(now=stripe.now())

    new = stripe.begin_pack(alice)

    assert stripe.engine.session(old.stripe_session_id)["status"] == "expired"
    assert (new.price.cents, StripePrice.objects.filter(pack_id="pack-1000").count()) == (1_200, 2)
    stripe.engine.pay(new.stripe_session_id)
    stripe.deliver()
    assert Purchase.objects.get().cents == 1_200


def test_who_paid_an_old_price_gets_what_it_sold(alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    Pack.objects.filter(pk="pack-1000").update(price_cents=1_200, amount=900_000)
    stripe_catalog.sync(now=stripe.now())
    stripe.engine.pay(checkout.stripe_session_id)
    stripe.deliver()

    purchase = Purchase.objects.get()
    assert (purchase.cents, purchase.grant.amount) == (1_000, 1_000_000)


@pytest.mark.parametrize("pack", ["pack-7", "pro"])
def test_what_is_not_in_the_catalog_is_not_for_sale(alice: User, stripe: Shop, pack: str) -> None:
    with pytest.raises(NotForSale, match="isn't sold here"):
        stripe.begin_pack(alice, pack=pack)


def test_a_pack_that_stripe_does_not_know_yet_says_what_staff_have_to_do(alice: User, stripe: Shop) -> None:
    Pack.objects.create(code="pack-9", name="9 credits", amount=9_000, price_cents=9, position=9)

    with pytest.raises(NotForSale, match="sync_stripe_catalog"):
        stripe.begin_pack(alice, pack="pack-9")


def test_one_customer_is_created_and_kept(alice: User, stripe: Shop) -> None:
    for _ in range(2):
        stripe.begin_pack(alice)
    stripe.begin_pack(alice, pack="pack-5000")

    assert posts(stripe, "/v1/customers") == 1
    customer = Customer.objects.get()
    assert stripe.engine.find(customer.stripe_customer_id)["email"] == "alice@example.com"
    assert stripe.engine.find(customer.stripe_customer_id)["metadata"] == {"wallet": str(alice.wallet.pk)}


def test_a_customer_that_was_deleted_at_stripe_is_replaced_and_its_payments_stay_known(
    alice: User, stripe: Shop
) -> None:
    paid = stripe.buy_pack(alice)
    former = Customer.objects.get().stripe_customer_id
    delete_customer(former)

    another = stripe.begin_pack(alice)

    present = Customer.objects.get().stripe_customer_id
    assert present not in {None, former}
    assert stripe.engine.session(another.stripe_session_id)["customer"] == present
    assert customers.wallet_id_of(former) == alice.wallet.pk
    stripe.engine.refund(stripe.payment_of(paid))
    stripe.deliver()
    assert books(alice.wallet)[-1] == ("clawback", -1_000_000, 0, 0)


def test_the_event_of_a_deleted_customer_is_followed_without_waiting_for_a_purchase(alice: User, stripe: Shop) -> None:
    stripe.begin_pack(alice)
    delete_customer(Customer.objects.get().stripe_customer_id)
    stripe.deliver()

    assert Customer.objects.get().stripe_customer_id is None


def test_everything_that_a_sale_makes_carries_our_ids_and_leads_back_here(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice)

    session = stripe.engine.session(checkout.stripe_session_id)
    ours = {"wallet": str(alice.wallet.pk), "checkout": str(checkout.pk), "thing": checkout.thing}
    assert session["client_reference_id"] == str(checkout.pk)
    assert session["metadata"] == ours == stripe.engine.find(stripe.payment_of(checkout))["metadata"]
    here = f"{django.SITE_URL}/settings/billing/checkout/{checkout.pk}/"
    assert session["success_url"] == f"{here}return/?session_id={{CHECKOUT_SESSION_ID}}"
    assert session["cancel_url"] == f"{here}cancelled/"


def test_money_from_nobody_we_know_is_not_granted_but_shown_to_staff(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    Customer.objects.update(stripe_customer_id="cus_somebody_else")

    with pytest.raises(UnexpectedPayment, match="none of our customers"):
        checkouts.sync(checkout=checkout, now=stripe.now())
    assert not Purchase.objects.exists()


def test_a_price_that_is_none_of_ours_is_never_granted_by_its_amount(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    StripePrice.objects.filter(pack_id="pack-1000").update(stripe_price_id="price_renamed")

    with pytest.raises(UnexpectedPayment, match="none of our packs"):
        checkouts.sync(checkout=checkout, now=stripe.now())
    assert not Grant.objects.filter(source="purchase").exists()


def test_stripe_down_sells_nothing_and_the_next_try_goes_on_where_it_stood(alice: User, stripe: Shop) -> None:
    for _ in range(3):
        stripe.wire.fail_next(500)
    with pytest.raises(StripeUnavailable):
        stripe.begin_pack(alice)
    waiting = Checkout.objects.get()

    assert stripe.begin_pack(alice).pk == waiting.pk


def test_packs_outlive_resets(alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)

    wallet = settlement.settle(wallet_id=alice.wallet.pk, now=stripe.now() + timedelta(days=400))

    assert wallet.available == 1_100_000


def test_two_customers_packs_stay_apart(alice: User, stripe: Shop) -> None:
    berta = sign_up("berta", at=stripe.now())
    stripe.buy_pack(alice)
    stripe.buy_pack(berta, pack="pack-5000")

    assert [entry[1] for entry in books(alice.wallet)] == [100_000, 1_000_000]
    assert [entry[1] for entry in books(berta.wallet)] == [100_000, 5_000_000]
