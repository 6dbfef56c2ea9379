"""Card, next charge and invoices, as Stripe knows them at this moment."""

from django.test import Client

from accounts.models import User
from billing.models import Customer
from billing.tests.pages.conftest import browser_of
from billing.tests.pages.reading import HTMX, words
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop

PAYMENT = "/settings/billing/payment/"


def test_a_subscriber_sees_card_next_charge_and_invoices(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    answer = browser_of_alice.get(PAYMENT, **HTMX)
    page = words(answer)
    assert "Visa ending in 4242 Expires " in page
    assert "Next charge: $29 on 10 Apr 2025, for Pro Cancel plan" in page
    (invoice,) = stripe.engine.invoices_of(Customer.objects.get(wallet=alice.wallet).stripe_customer_id)
    assert f"{invoice['number']} 10 Mar 2025 Paid $29" in page
    assert f'href="{invoice["hosted_invoice_url"]}"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_cancelled_plan_is_charged_no_more(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.engine.set_cancel_at_period_end(stripe.subscription_of(alice).stripe_subscription_id, True)
    stripe.deliver()
    page = words(browser_of_alice.get(PAYMENT, **HTMX))
    assert "No further charge Pro ends on 10 Apr 2025 Resume plan" in page
    assert "Cancel plan" not in page


def test_a_failed_renewal_shows_as_an_open_invoice(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice)
    stripe.deliver()
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get(PAYMENT, **HTMX))
    assert "Still to be paid: $29 for Pro; Stripe tries again by itself Cancel plan" in page
    assert "10 Apr 2025 Open $29" in page
    assert "Change card" in page


def test_whom_stripe_doesn_t_know_has_neither(browser_of_alice: Client, stripe: Shop) -> None:
    assert "No card and no invoices" in words(browser_of_alice.get(PAYMENT, **HTMX))


def test_a_customer_deleted_at_stripe_has_neither(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    Customer.objects.filter(wallet=alice.wallet).update(stripe_customer_id="cus_gone")
    assert "No card and no invoices" in words(browser_of_alice.get(PAYMENT, **HTMX))


def test_stripe_down_leaves_a_notice_and_a_way_to_try_again(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    for _ in range(3):
        stripe.wire.fail_next(500)
    part = browser_of_alice.get(PAYMENT, **HTMX)
    assert part.status_code == 200
    assert "Stripe can’t be asked for your card and invoices at the moment." in words(part)
    assert 'hx-get="/settings/billing/payment/"' in part.content.decode()

    for _ in range(3):
        stripe.wire.fail_next(500)
    whole = browser_of_alice.get(PAYMENT)
    assert whole.status_code == 503
    assert "Your plan and your credits are not affected." in words(whole)


def test_without_a_script_it_is_a_page_of_its_own(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    answer = browser_of_alice.get(PAYMENT)
    assert "<html" in answer.content.decode()
    assert "Visa ending in 4242" in words(answer)


def test_bob_sees_his_own(alice: User, bob: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.buy_pack(bob)
    page = words(browser_of(bob).get(PAYMENT, **HTMX))
    assert "4242" not in page
    assert "$29" not in page


def test_a_card_on_another_page_shows_the_newest_invoices_and_leads_to_all(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    for _ in range(3):
        stripe.renew(alice)
        stripe.deliver()
    browser_of_alice.force_login(alice)

    card, page = words(browser_of_alice.get(PAYMENT, **HTMX)), words(browser_of_alice.get(PAYMENT))

    assert (card.count("Paid $29"), page.count("Paid $29")) == (3, 4)
    assert "All invoices" in card
    assert "All invoices" not in page
