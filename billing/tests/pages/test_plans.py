"""Plans: what each has, what a change does before it is made, and the way to Stripe."""

import pytest
from django.test import Client

from accounts.models import User
from billing.models import Checkout, StripePrice
from billing.services import chatbots, subscriptions
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import browser_of
from billing.tests.pages.reading import words
from billing.tests.people import give
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop

PLANS = "/settings/billing/plans/"
CHOOSE_PRO = "/settings/billing/checkout/plan/pro/"


def cancel(stripe: Shop, user: User) -> None:
    """Cancel at the end of the period, as the Customer Portal does."""
    stripe.engine.set_cancel_at_period_end(stripe.subscription_of(user).stripe_subscription_id, True)
    stripe.deliver()


def test_three_plans_from_the_catalog_with_one_s_own_marked(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(PLANS))
    assert "Free Your plan $0 a month 100 credits a month 1 chatbot Basic support Access to all features" in page
    assert "Pro Popular $29 a month 5,000 credits a month 5 chatbots Priority support Advanced analytics" in page
    assert "Enterprise Custom Unlimited credits Unlimited chatbots Dedicated support" in page
    assert "Custom integrations SLA guarantee" in page


def test_what_an_upgrade_does_is_said_before_the_click(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    charge(alice, 30, now=stripe.now())
    give(alice.wallet, 800_000, now=stripe.now())
    page = words(browser_of_alice.get(PLANS))
    assert "What changes when you pay 5,000 monthly credits begin at once; the 70 left of this month’s" in page
    assert "Your other 800 credits stay." in page


def test_an_upgrade_leads_to_stripe_s_page_for_the_plan(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    answer = browser_of_alice.post(CHOOSE_PRO)

    checkout = Checkout.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, checkout.url)
    session = stripe.engine.session(checkout.stripe_session_id)
    assert (session["mode"], session["amount_total"]) == ("subscription", 29_00)
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 100_000


def test_a_second_click_leads_to_the_same_page(browser_of_alice: Client, stripe: Shop) -> None:
    first, second = browser_of_alice.post(CHOOSE_PRO), browser_of_alice.post(CHOOSE_PRO)
    assert first["Location"] == second["Location"]
    assert Checkout.objects.count() == 1


def test_a_subscriber_sees_when_it_renews_and_what_leaving_does(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    give(alice.wallet, 1_000_000, now=stripe.now())
    for number in range(3):
        chatbots.create(wallet_id=alice.wallet.pk, name=f"Bot {number}", model="gpt-4o", now=stripe.now())
    page = words(browser_of_alice.get(PLANS))
    assert "Pro Your plan Popular" in page
    assert "Renews on 10 Apr 2025. Manage plan" in page
    assert "What changes on 10 Apr 2025 Pro stays as it is until then; nothing more is charged." in page
    assert "Your other 1,000 credits stay. 2 of your chatbots are paused, the newest first. None is deleted." in page
    assert "Cancel Pro" in page
    assert "Upgrade to Pro" not in page


def test_paused_chatbots_resume_with_an_upgrade(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    for number in range(2):
        chatbots.create(wallet_id=alice.wallet.pk, name=f"Bot {number}", model="gpt-4o", now=stripe.now())
    stripe.cancel_now(stripe.subscription_of(alice).stripe_subscription_id)
    stripe.deliver()
    assert "1 paused chatbot resumes." in words(browser_of_alice.get(PLANS))


def test_a_subscriber_who_chooses_the_plan_again_buys_nothing(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    answer = browser_of_alice.post(CHOOSE_PRO, follow=True)
    assert answer.redirect_chain == [(PLANS, 302)]
    assert "You have this plan already" in words(answer)
    assert Checkout.objects.count() == 1


def test_a_cancelled_plan_says_when_it_ends_and_can_be_resumed(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    cancel(stripe, alice)
    page = words(browser_of_alice.get(PLANS))
    assert "Ends on 10 Apr 2025. Until then everything stays as it is; you can resume it any time before." in page
    assert "Resume Pro" in page
    assert "Begins on 10 Apr 2025. Bought credits stay." in page
    assert "Cancel Pro" not in page


def test_a_failed_renewal_asks_for_another_card(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice)
    stripe.deliver()
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get(PLANS))
    assert "Your last payment failed. Stripe tries again for a while." in page
    assert "Change card" in page
    assert "What changes if you cancel Pro isn’t renewed again; Stripe still tries the payment that failed." in page
    assert "What changes on" not in page


def test_a_contract_is_changed_by_people(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=stripe.now())
    page = words(browser_of_alice.get(PLANS))
    assert "Enterprise Your plan" in page
    assert "Your contract has no limit. Ask for a change" in page
    assert "Upgrade to Pro" not in page

    answer = browser_of_alice.post(CHOOSE_PRO, follow=True)
    assert "Your plan is a contract" in words(answer)
    assert not Checkout.objects.exists()


@pytest.mark.parametrize("plan", ["free", "enterprise", "gold"])
def test_a_plan_without_a_price_can_t_be_bought(browser_of_alice: Client, stripe: Shop, plan: str) -> None:
    answer = browser_of_alice.post(f"/settings/billing/checkout/plan/{plan}/")
    assert answer.status_code == 404
    assert "This can’t be bought" in words(answer)
    assert stripe.wire.requests[-1].path != "/v1/checkout/sessions"


def test_a_plan_that_stripe_doesn_t_know_yet_can_t_be_bought(browser_of_alice: Client, stripe: Shop) -> None:
    StripePrice.objects.filter(plan_id="pro").update(is_current=False)
    assert browser_of_alice.post(CHOOSE_PRO).status_code == 404


def test_stripe_down_is_said_and_nothing_is_charged(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    for _ in range(9):
        stripe.wire.fail_next(500)
    answer = browser_of_alice.post(CHOOSE_PRO)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "We can’t reach our payment provider Nothing was charged" in words(answer)
    assert alice.wallet.entries.count() == 1


def test_a_link_chooses_nothing_but_leads_to_the_plans(browser_of_alice: Client, stripe: Shop) -> None:
    assert browser_of_alice.get(CHOOSE_PRO)["Location"] == PLANS
    assert not Checkout.objects.exists()


def test_bob_doesn_t_see_alice_s_plan(alice: User, bob: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    assert "Free Your plan" in words(browser_of(bob).get(PLANS))
