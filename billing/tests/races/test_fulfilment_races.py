"""G9: webhook, return page and reconciler at the same moment are one grant; so are two clicks one session.

Packs, plans, renewals, clicks and what goes back are 200 races and more together.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import gateway, tasks
from billing.models import Checkout, Customer, Grant, Purchase, Refund, StripeEvent, StripeSubscription
from billing.services import checkouts, paid_subscriptions, refunds
from billing.tests.people import FREE_ALLOWANCE, sign_up
from billing.tests.races.together import Crowd
from billing.tests.stripe.shop import Shop

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

LONG = [pytest.mark.long, pytest.mark.timeout(7_200)]
PACK, PRO = 1_000_000, 5_000_000
WORKERS = range(2, 17)
RETRIES = 30


@pytest.fixture(autouse=True)
def _patience(stripe: Shop) -> Iterator[None]:
    """Try again until the request under way is over, each at a moment of its own: many here share one key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway.client, "RETRIES", RETRIES)
        gateway.client.client.cache_clear()  # there is one already that gives up earlier
        stripe.http._sleep_time_seconds = lambda *_: random.uniform(0.05, 0.4)
        yield


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """As many workers as the largest race has."""
    with Crowd(max(WORKERS)) as found:
        yield found


def told_by_webhooks(shop: Shop) -> list[Callable[[], object]]:
    """Return one worker for each event since the last time: it is posted, and then handled."""

    def tell(event: dict[str, object]) -> None:
        assert shop.post(event).status_code == 200
        tasks.handle_stripe_event(StripeEvent.objects.get(stripe_event_id=event["id"]).pk)

    return [partial(tell, event) for event in shop.take_events() if event["type"] in shop.types]


def open_pack(shop: Shop, customer: User) -> Checkout:
    """Open a Checkout as the request of a click does: with a user of its own."""
    return shop.begin_pack(User.objects.get(pk=customer.pk))


def return_page(customer: User, checkout: Checkout) -> Callable[[], object]:
    """Return a worker that opens the page on which a customer comes back from Stripe."""
    browser = Client()
    browser.force_login(customer)
    address = reverse("billing:checkout_return", args=[checkout.pk])

    def visit() -> None:
        assert browser.get(address).status_code == 200

    return visit


def together(crowd: Crowd, workers: list[Callable[[], object]], *, number: int) -> None:
    """Let so many workers go at once, each kind as often as the others."""
    crowd.run_together(lambda work: work(), list(islice(cycle(workers), number)))
    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()


@pytest.mark.parametrize("races", [140, pytest.param(5_000, marks=LONG)])
def test_a_pack_told_of_by_many_at_once_is_granted_once(stripe: Shop, crowd: Crowd, alice: User, races: int) -> None:
    for race, number in enumerate(islice(cycle(WORKERS), races), start=1):
        checkout = stripe.buy_pack(alice, deliver=False)
        session_id = str(checkout.stripe_session_id)
        sync = partial(checkouts.sync_session, session_id=session_id, now=stripe.now())

        together(crowd, [*told_by_webhooks(stripe), return_page(alice, checkout), sync], number=number)

        key = f"checkout_session:{session_id}"
        assert Purchase.objects.filter(business_key=key).count() == 1
        assert Grant.objects.filter(business_key=key).count() == 1
        alice.wallet.refresh_from_db()
        assert alice.wallet.available == FREE_ALLOWANCE + race * PACK
    assert alice.wallet.entries.count() == 1 + races


@pytest.mark.parametrize("races", [20, pytest.param(500, marks=LONG)])
def test_a_plan_told_of_by_many_at_once_begins_once(stripe: Shop, crowd: Crowd, races: int) -> None:
    for race, number in enumerate(islice(cycle(WORKERS), races)):
        customer = sign_up(f"customer{race}", at=stripe.now())
        checkout = stripe.subscribe(customer, deliver=False)
        workers = [*told_by_webhooks(stripe), return_page(customer, checkout)]
        assert len(workers) >= 4, "session, subscription, invoice and the page"

        together(crowd, workers, number=max(number, len(workers)))

        assert Purchase.objects.filter(wallet=customer.wallet).count() == 1
        customer.wallet.refresh_from_db()
        assert (customer.wallet.available, customer.wallet.cycle) == (PRO, 2)
        assert StripeSubscription.objects.filter(wallet=customer.wallet).count() == 1


def test_a_renewal_told_of_by_many_at_once_is_one_reset(stripe: Shop, crowd: Crowd, alice: User) -> None:
    stripe.subscribe(alice)
    for renewal in range(1, 11):
        subscription_id = stripe.renew(alice).stripe_subscription_id
        sync = partial(paid_subscriptions.sync, stripe_subscription_id=subscription_id, now=stripe.now())

        together(crowd, [*told_by_webhooks(stripe), sync], number=8)

        alice.wallet.refresh_from_db()
        assert (alice.wallet.available, alice.wallet.cycle) == (PRO, 2 + renewal)
        assert Purchase.objects.filter(wallet=alice.wallet).count() == 1 + renewal


def test_many_clicks_at_once_open_one_session_for_one_customer(stripe: Shop, crowd: Crowd) -> None:
    for race, number in enumerate(islice(cycle(WORKERS), 15)):
        customer = sign_up(f"customer{race}", at=stripe.now())
        wallet = customer.wallet

        opened = crowd.run_together(partial(open_pack, stripe), [customer] * number)

        assert len({checkout.stripe_session_id for checkout in opened}) == 1
        assert Checkout.objects.filter(wallet=wallet).count() == 1
        known_as = Customer.objects.get(wallet=wallet).stripe_customer_id
        assert [each["id"] for each in stripe.engine.all("customer", email=customer.email)] == [known_as]
        assert len(stripe.engine.all("checkout.session", customer=known_as)) == 1


@pytest.mark.parametrize("is_disputed", [False, True])
def test_what_goes_back_at_once_is_taken_back_in_sum(
    stripe: Shop, crowd: Crowd, alice: User, stella: User, is_disputed: bool
) -> None:
    """Stripe refuses refunds of a disputed payment, so that staff and the bank have payments of their own."""
    for race in range(10):
        payment = stripe.payment_of(stripe.buy_pack(alice))
        purchase = Purchase.objects.get(stripe_payment_intent_id=payment)
        refund_ids = [stripe.engine.refund(payment, cents)["id"] for cents in (50, 150)]
        if is_disputed:
            stripe.engine.dispute(payment, 100)
        workers = [partial(refunds.sync_refund, refund_id=refund_id, now=stripe.now()) for refund_id in refund_ids]
        if not is_disputed:
            form = {"purchase": purchase, "cents": 100, "actor": stella, "reason": "Goodwill.", "key": f"form {race}"}
            workers.append(partial(refunds.request, **form, now=stripe.now()))

        together(crowd, [*told_by_webhooks(stripe), *workers], number=14)

        assert Refund.objects.filter(stripe_payment_intent_id=payment).exclude(status="succeeded").count() == 0
        purchase.grant.refresh_from_db()
        assert (purchase.grant.clawback_target, purchase.grant.taken_back) == (300_000, 300_000)
        stripe.deliver()
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == FREE_ALLOWANCE + 10 * (PACK - 300_000)
