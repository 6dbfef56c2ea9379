"""Coming back from Stripe: credits at once where the money is there, and plain words in every other case."""

from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from billing.models import Checkout, Customer, Purchase, StripePrice
from billing.tests.pages.conftest import browser_of
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import books
from billing.tests.stripe.shop import Shop


def back(checkout: Checkout, page: str = "return") -> str:
    return f"/settings/billing/checkout/{checkout.pk}/{page}/"


def change_session(stripe: Shop, checkout: Checkout, **fields: object) -> None:
    """Make a session at Stripe what it rarely is."""
    engine = stripe.engine
    with engine.acting():
        engine.change(engine.get("checkout.session", checkout.stripe_session_id), **fields)


def fail(stripe: Shop, *, times: int = 3) -> None:
    for _ in range(times):
        stripe.wire.fail_next(500)


def asks_again(answer: HttpResponse) -> bool:
    return 'id="checkout-progress" class="checkout-progress" hx-get=' in answer.content.decode()


def test_a_paid_pack_is_there_with_the_new_balance(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    answer = browser_of_alice.get(back(checkout))
    page = words(answer)
    assert "1,000 credits are yours Payment received, $10. Your balance is now 1,100 credits." in page
    assert "1,100 credits available" in page
    assert 'href="/settings/billing/history/2/"' in answer.content.decode()
    assert not asks_again(answer)


def test_looking_again_and_a_late_webhook_change_nothing(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    for _ in range(3):
        browser_of_alice.get(back(checkout))
    stripe.deliver(copies=2)
    assert books(alice.wallet) == [("grant", 100_000, 0, 0), ("grant", 1_000_000, 0, 0)]


def test_where_the_webhook_was_first_nobody_asks_stripe(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice)
    asked = len(stripe.wire.requests)
    assert "1,000 credits are yours" in words(browser_of_alice.get(back(checkout)))
    assert len(stripe.wire.requests) == asked


def test_a_paid_plan_is_there_with_its_credits(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.subscribe(alice, deliver=False)
    page = words(browser_of_alice.get(back(checkout)))
    assert (
        "You are on Pro Payment received, $29. Your 5,000 monthly credits are here; your balance is now 5,000 credits."
        in page
    )


@pytest.mark.parametrize("page", ["return", "progress", "cancelled"])
def test_bob_finds_no_trace_of_alice_s_checkout(alice: User, bob: User, stripe: Shop, page: str) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    assert browser_of(bob).get(back(checkout, page), **HTMX).status_code == 404
    assert not Purchase.objects.exists()


def test_a_checkout_that_never_was_is_not_found(browser_of_alice: Client, stripe: Shop) -> None:
    assert browser_of_alice.get(f"/settings/billing/checkout/{uuid4()}/return/").status_code == 404


def test_another_session_in_the_address_is_ignored(
    browser_of_alice: Client, alice: User, bob: User, stripe: Shop
) -> None:
    mine = stripe.begin_pack(alice)
    bobs = stripe.buy_pack(bob, deliver=False)
    page = words(browser_of_alice.get(back(mine), {"session_id": bobs.stripe_session_id}))
    assert "Not paid yet" in page
    assert not Purchase.objects.exists()


def test_where_stripe_s_answer_was_lost_the_address_tells_the_session(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    Checkout.objects.update(stripe_session_id=None)
    page = words(browser_of_alice.get(back(checkout), {"session_id": checkout.stripe_session_id}))
    assert "1,000 credits are yours" in page
    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.COMPLETE


def test_but_only_if_it_carries_that_checkout_s_name(
    browser_of_alice: Client, alice: User, bob: User, stripe: Shop
) -> None:
    mine = stripe.begin_pack(alice)
    Checkout.objects.filter(pk=mine.pk).update(stripe_session_id=None)
    bobs = stripe.buy_pack(bob, deliver=False)
    assert browser_of_alice.get(back(mine), {"session_id": bobs.stripe_session_id}).status_code == 404
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("nonsense", ["", "cs_nobody", "../../etc", "cs_\x00"])
def test_nonsense_in_the_address_is_harmless(
    browser_of_alice: Client, alice: User, stripe: Shop, nonsense: str
) -> None:
    mine = stripe.begin_pack(alice)
    Checkout.objects.filter(pk=mine.pk).update(stripe_session_id=None)
    assert browser_of_alice.get(back(mine), {"session_id": nonsense, "asked": nonsense}).status_code == 200
    assert not Purchase.objects.exists()


def test_not_paid_yet_says_so_and_keeps_asking(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    answer = browser_of_alice.get(back(checkout))
    assert "Not paid yet Stripe has no payment for 1,000 credits so far." in words(answer)
    assert f'href="{checkout.url}"' in answer.content.decode()
    assert asks_again(answer)

    stripe.engine.pay(checkout.stripe_session_id)
    part = browser_of_alice.get(back(checkout, "progress"), {"asked": "1"}, **HTMX)
    assert "1,000 credits are yours" in words(part)
    assert part["HX-Trigger"] == "balance-changed"
    assert "<html" not in part.content.decode()
    assert not asks_again(part)


def test_it_asks_each_two_seconds_and_later_less_often(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    first = browser_of_alice.get(back(checkout, "progress"), {"asked": "3"}, **HTMX).content.decode()
    assert 'progress/?asked=4" hx-trigger="load delay:2s"' in first
    later = browser_of_alice.get(back(checkout, "progress"), {"asked": "15"}, **HTMX).content.decode()
    assert 'progress/?asked=16" hx-trigger="load delay:10s"' in later
    at_last = browser_of_alice.get(back(checkout, "progress"), {"asked": "45"}, **HTMX).content.decode()
    assert 'progress/?asked=46" hx-trigger="load delay:60s"' in at_last


def test_a_payment_on_its_way_is_waited_for(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    change_session(stripe, checkout, status="complete", payment_status="unpaid")
    answer = browser_of_alice.get(back(checkout))
    assert "Your payment is on its way" in words(answer)
    assert asks_again(answer)
    assert not Purchase.objects.exists()


def test_stripe_down_says_that_the_payment_is_safe_and_goes_on(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    fail(stripe)
    answer = browser_of_alice.get(back(checkout))
    assert answer.status_code == 200
    assert "We can’t ask Stripe just now If you have paid, your payment is safe" in words(answer)
    assert asks_again(answer)

    again = browser_of_alice.get(back(checkout, "progress"), **HTMX)
    assert "1,000 credits are yours" in words(again)


def test_money_that_makes_no_sense_is_looked_into_by_people(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    StripePrice.objects.filter(pack_id="pack-1000").update(stripe_price_id="price_renamed")
    page = words(browser_of_alice.get(back(checkout)))
    assert "We are looking into your payment If you have paid, your payment is safe" in page
    assert not Purchase.objects.exists()


def test_a_customer_deleted_at_stripe_still_gets_what_was_paid(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    stripe.deliver(stripe.take_events("checkout.session.completed"))
    Customer.objects.update(stripe_customer_id=None)
    assert "1,000 credits are yours" in words(browser_of_alice.get(back(checkout)))


def test_a_failed_payment_says_so_and_leads_on(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.engine.pay(checkout.stripe_session_id)
    payment = stripe.payment_of(checkout)
    change_session(stripe, checkout, payment_status="unpaid")
    with stripe.engine.acting():
        stripe.engine.change(stripe.engine.get("payment_intent", payment), status="canceled")
    answer = browser_of_alice.get(back(checkout))
    assert "The payment failed Nothing was charged, and nothing has changed here." in words(answer)
    assert not asks_again(answer)


def test_an_expired_page_says_so_and_leads_on(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    stripe.advance(hours=25)
    browser_of_alice.force_login(alice)
    answer = browser_of_alice.get(back(checkout))
    assert "This payment page has expired Nothing was charged." in words(answer)
    assert not asks_again(answer)


def test_turning_back_says_that_nothing_was_charged(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    answer = browser_of_alice.get(back(checkout, "cancelled"))
    assert "Nothing was charged for 1,000 credits. You can still go on where you were." in words(answer)
    assert f'href="{checkout.url}"' in answer.content.decode()


def test_turning_back_from_a_plan_leads_to_the_plans(browser_of_alice: Client, stripe: Shop) -> None:
    browser_of_alice.post("/settings/billing/checkout/plan/pro/")
    page = words(browser_of_alice.get(back(Checkout.objects.get(), "cancelled")))
    assert "Nothing was charged for Pro." in page
    assert "Back to the plans" in page


def test_whoever_paid_and_then_turned_back_sees_what_they_got(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice)
    answer = browser_of_alice.get(back(checkout, "cancelled"), follow=True)
    assert "1,000 credits are yours" in words(answer)


def test_the_progress_without_a_script_is_the_whole_page(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    answer = browser_of_alice.get(back(checkout, "progress"))
    assert (answer.status_code, answer["Location"]) == (302, back(checkout))
