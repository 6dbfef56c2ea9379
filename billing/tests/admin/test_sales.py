"""Staff read sales and what became of them; nobody changes them, whatever is sent."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import User
from billing.models import Purchase, Refund
from billing.tests.stripe.shop import Shop

pytestmark = pytest.mark.django_db
SALES = ["purchase", "refund", "dispute", "checkout", "customer", "stripesubscription"]


@pytest.fixture
def story(stripe: Shop, alice: User) -> Purchase:
    """Alice bought 1,000 credits; that was refunded in part and disputed for the rest, and she subscribed to Pro."""
    stripe.buy_pack(alice)
    purchase = Purchase.objects.get(wallet=alice.wallet)
    stripe.subscribe(alice)
    stripe.engine.refund(purchase.stripe_payment_intent_id, amount=400)
    stripe.engine.dispute(purchase.stripe_payment_intent_id, amount=600)
    stripe.deliver()
    return purchase


def page_of(browser: Client, model: str, pk: object) -> str:
    return browser.get(f"/admin/billing/{model}/{pk}/change/").content.decode()


@pytest.mark.parametrize("model", [*SALES, "stripeprice"])
def test_stella_reads_every_list_and_every_row(browser_of_rita: Client, story: Purchase, model: str) -> None:
    page = browser_of_rita.get(f"/admin/billing/{model}/")
    assert page.status_code == 200
    assert "alice@example.com" in page.content.decode() or model == "stripeprice"
    for row in apps.get_model("billing", model).objects.all():
        found = browser_of_rita.get(f"/admin/billing/{model}/{row.pk}/change/")
        assert found.status_code == 200
        assert 'name="_save"' not in found.content.decode()


@pytest.mark.parametrize("model", [*SALES, "stripeprice"])
def test_nothing_that_is_sent_changes_a_sale(browser_of_stella: Client, story: Purchase, model: str) -> None:
    table = apps.get_model("billing", model)
    before = list(table.objects.order_by("pk").values_list())
    pk = table.objects.latest("pk").pk
    sent = {"cents": "1", "status": "open", "post": "yes", "_save": "Save"}
    for act in (f"{pk}/change/", f"{pk}/delete/", "add/"):
        assert browser_of_stella.post(f"/admin/billing/{model}/{act}", sent).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
    browser_of_stella.post(f"/admin/billing/{model}/", action)
    assert list(table.objects.order_by("pk").values_list()) == before


@pytest.mark.parametrize("model", [*SALES, "stripeprice"])
def test_bob_is_kept_out(browser_of_bob: Client, model: str) -> None:
    assert browser_of_bob.get(f"/admin/billing/{model}/", follow=True).status_code == 403
    assert Client().get(f"/admin/billing/{model}/").status_code == 302


def test_a_purchase_leads_to_its_wallet_its_grant_its_entries_and_to_stripe(
    browser_of_stella: Client, story: Purchase, settings: Any
) -> None:
    page = page_of(browser_of_stella, "purchase", story.pk)
    entries = list(story.wallet.entries.filter(grant=story.grant, kind__in=["grant", "clawback"]))
    assert len(entries) == 3
    for row in (story.wallet, story.grant, *entries, *Refund.objects.all()):
        assert f"/admin/billing/{row._meta.model_name}/{row.pk}/change/" in page
    assert f'href="{settings.STRIPE_API_BASE}/sandbox/"' in page
    settings.STRIPE_API_BASE = "https://api.stripe.com"
    page = page_of(browser_of_stella, "purchase", story.pk)
    assert f"https://dashboard.stripe.com/test/payments/{story.stripe_payment_intent_id}" in page
    settings.STRIPE_SECRET_KEY = "rk_live_abc"
    page = page_of(browser_of_stella, "purchase", story.pk)
    assert f"https://dashboard.stripe.com/payments/{story.stripe_payment_intent_id}" in page


def test_wallet_and_grant_lead_to_what_was_paid(browser_of_stella: Client, story: Purchase) -> None:
    link = f"/admin/billing/purchase/{story.pk}/change/"
    assert link in page_of(browser_of_stella, "wallet", story.wallet_id)
    assert link in page_of(browser_of_stella, "grant", story.grant_id)
    assert f"/admin/billing/customer/{story.wallet.customer.pk}/change/" in page_of(
        browser_of_stella, "wallet", story.wallet_id
    )


def test_a_plan_leads_to_who_pays_for_it(browser_of_stella: Client, story: Purchase) -> None:
    payer = story.wallet.stripe_subscriptions.get()
    page = page_of(browser_of_stella, "subscription", story.wallet.subscription.pk)
    assert f"/admin/billing/stripesubscription/{payer.pk}/change/" in page
    assert payer.stripe_subscription_id in page


@pytest.mark.parametrize(
    ("model", "term"),
    [
        ("purchase", lambda story: story.stripe_payment_intent_id),
        ("purchase", lambda story: story.business_key),
        ("purchase", lambda story: story.stripe_session_id),
        ("refund", lambda _: Refund.objects.get().stripe_refund_id),
        ("refund", lambda story: story.stripe_payment_intent_id),
        ("dispute", lambda story: story.stripe_payment_intent_id),
        ("checkout", lambda story: story.stripe_session_id),
        ("customer", lambda story: story.wallet.customer.stripe_customer_id),
        ("stripesubscription", lambda story: story.wallet.stripe_subscriptions.get().stripe_subscription_id),
    ],
)
def test_a_row_is_found_by_what_stripe_calls_it(
    browser_of_stella: Client, story: Purchase, model: str, term: Callable[[Purchase], str]
) -> None:
    found = browser_of_stella.get(f"/admin/billing/{model}/", {"q": f" {term(story)} "}).context["cl"]
    assert len(found.result_list) == 1
    nothing = browser_of_stella.get(f"/admin/billing/{model}/", {"q": "pi_nobody"}).context["cl"]
    assert list(nothing.result_list) == []


@pytest.mark.parametrize("model", SALES)
def test_rows_are_found_by_their_owner(browser_of_stella: Client, story: Purchase, bob: User, model: str) -> None:
    for term, is_hers in (("alice@example.com", True), (str(story.wallet_id), True), ("bob@example.com", False)):
        found = browser_of_stella.get(f"/admin/billing/{model}/", {"q": term}).context["cl"]
        assert bool(list(found.result_list)) is is_hers
