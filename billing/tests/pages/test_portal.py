"""The Customer Portal: card, invoices, the end of a plan; and coming back from it."""

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from billing.models import Customer, StripeSubscription
from billing.tests.pages.reading import words
from billing.tests.stripe.shop import Shop

PORTAL, RETURN = "/settings/billing/portal/", "/settings/billing/portal/return/"
SESSIONS = "/v1/billing_portal/sessions"


@pytest.fixture
def subscriber(alice: User, stripe: Shop) -> User:
    stripe.subscribe(alice)
    return alice


def asked(stripe: Shop) -> list[dict[str, object]]:
    """Return what was asked of Stripe's portal."""
    return [request.params for request in stripe.wire.requests if request.path == SESSIONS]


@pytest.mark.parametrize(
    ("flow", "kind"),
    [("manage", None), ("card", "payment_method_update"), ("cancel", "subscription_cancel")],
)
def test_each_button_leads_to_its_place_in_the_portal(
    browser_of_alice: Client, subscriber: User, stripe: Shop, flow: str, kind: str | None
) -> None:
    answer = browser_of_alice.post(f"{PORTAL}{flow}/")
    assert answer.status_code == 302
    assert "/p/session/" in answer["Location"]
    (params,) = asked(stripe)
    assert params["customer"] == Customer.objects.get(wallet=subscriber.wallet).stripe_customer_id
    assert params["return_url"] == f"{settings.SITE_URL}{RETURN}"
    assert params.get("flow_data", {}).get("type") == kind


def test_cancelling_is_about_one_s_own_subscription(browser_of_alice: Client, subscriber: User, stripe: Shop) -> None:
    browser_of_alice.post(f"{PORTAL}cancel/", {"subscription": "sub_of_somebody_else"})
    (params,) = asked(stripe)
    own = StripeSubscription.objects.get().stripe_subscription_id
    assert params["flow_data"]["subscription_cancel"] == {"subscription": own}


def test_cancelling_what_is_cancelled_leads_to_the_whole_portal(
    browser_of_alice: Client, subscriber: User, stripe: Shop
) -> None:
    stripe.cancel_now(StripeSubscription.objects.get().stripe_subscription_id)
    answer = browser_of_alice.post(f"{PORTAL}cancel/")
    assert "/p/session/" in answer["Location"]
    assert [params.get("flow_data", {}).get("type") for params in asked(stripe)] == ["subscription_cancel", None]


@pytest.mark.parametrize("flow", ["manage", "card", "cancel"])
def test_whoever_never_paid_has_nothing_to_manage(browser_of_alice: Client, stripe: Shop, flow: str) -> None:
    answer = browser_of_alice.post(f"{PORTAL}{flow}/", follow=True)
    assert answer.redirect_chain == [("/settings/billing/plans/", 302)]
    assert "There is nothing to manage yet" in words(answer)
    assert asked(stripe) == []


def test_another_task_is_not_found_and_a_link_is_not_enough(
    browser_of_alice: Client, subscriber: User, stripe: Shop
) -> None:
    assert browser_of_alice.post(f"{PORTAL}refund/").status_code == 404
    assert browser_of_alice.get(f"{PORTAL}manage/")["Location"] == "/settings/billing/plans/"
    assert asked(stripe) == []


def test_stripe_down_is_said(browser_of_alice: Client, subscriber: User, stripe: Shop) -> None:
    for _ in range(9):
        stripe.wire.fail_next(503)
    answer = browser_of_alice.post(f"{PORTAL}card/")
    assert answer.status_code == 503
    assert "We can’t reach our payment provider" in words(answer)


def test_what_was_cancelled_there_is_known_on_return(browser_of_alice: Client, subscriber: User, stripe: Shop) -> None:
    own = StripeSubscription.objects.get().stripe_subscription_id
    stripe.engine.set_cancel_at_period_end(own, True)
    page = words(browser_of_alice.get(RETURN, follow=True))
    assert "Pro plan Ends with this cycle" in page
    assert "Cancels on 10 Apr 2025" in page
    assert "Free from then on. Bought credits stay." in page

    stripe.engine.set_cancel_at_period_end(own, False)
    assert "Pro plan Active" in words(browser_of_alice.get(RETURN, follow=True))


def test_on_return_with_stripe_down_the_overview_comes_all_the_same(
    browser_of_alice: Client, subscriber: User, stripe: Shop
) -> None:
    for _ in range(3):
        stripe.wire.fail_next(500)
    answer = browser_of_alice.get(RETURN, follow=True)
    assert (answer.redirect_chain, answer.status_code) == ([("/settings/billing/", 302)], 200)


def test_without_a_subscription_the_return_asks_nobody(browser_of_alice: Client, stripe: Shop) -> None:
    before = len(stripe.wire.requests)
    assert browser_of_alice.get(RETURN)["Location"] == "/settings/billing/"
    assert len(stripe.wire.requests) == before
