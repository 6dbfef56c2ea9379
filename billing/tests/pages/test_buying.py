"""Buying a pack: what it costs, the way to Stripe's page, and all the ways to click wrongly."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from billing.models import Checkout, Pack, Purchase
from billing.services import subscriptions, wallets
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import browser_of
from billing.tests.pages.reading import words
from billing.tests.stripe.shop import Shop

BUY = "/settings/billing/buy/"
BUY_1000 = "/settings/billing/checkout/pack/pack-1000/"


def test_packs_say_what_they_cost_and_what_they_make_of_the_balance(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(BUY))
    assert "1,000 credits $10 $10 per 1,000 credits Never expire Your balance goes from 100 to 1,100" in page
    assert "5,000 credits Save 10 % $45 $9 per 1,000 credits Never expire Your balance goes from 100 to 5,100" in page


def test_buying_leads_to_stripe_s_page_for_that_pack(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    answer = browser_of_alice.post(BUY_1000)

    checkout = Checkout.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, checkout.url)
    session = stripe.engine.session(checkout.stripe_session_id)
    assert (session["mode"], session["amount_total"], session["currency"]) == ("payment", 10_00, "usd")
    assert not Purchase.objects.exists()


def test_a_double_click_leads_to_one_and_the_same_page(browser_of_alice: Client, stripe: Shop) -> None:
    first, second = browser_of_alice.post(BUY_1000), browser_of_alice.post(BUY_1000)
    assert first["Location"] == second["Location"]
    assert Checkout.objects.count() == 1


def test_an_address_in_the_form_changes_nothing_about_the_way_back(browser_of_alice: Client, stripe: Shop) -> None:
    browser_of_alice.post(f"{BUY_1000}?next=https://evil.example/", {"next": "https://evil.example/", "price": "0"})
    session = stripe.engine.session(Checkout.objects.get().stripe_session_id)
    here = f"{settings.SITE_URL}/settings/billing/checkout/"
    assert session["success_url"].startswith(here)
    assert session["cancel_url"].startswith(here)


def test_a_page_from_before_the_purchase_sells_nothing(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    answer = browser_of_alice.post(BUY_1000, {"seen": ""}, follow=True)
    assert answer.redirect_chain == [(BUY, 302)]
    assert "You have bought 1,000 credits meanwhile. Buy again if you want more." in words(answer)
    assert Checkout.objects.count() == 1


def test_going_back_before_we_knew_of_the_payment_sells_nothing_either(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.buy_pack(alice, deliver=False)
    answer = browser_of_alice.post(BUY_1000, {"seen": ""}, follow=True)
    assert answer.redirect_chain == [(BUY, 302)]
    assert "You have bought 1,000 credits meanwhile." in words(answer)
    assert Purchase.objects.count() == 1
    assert "1,100 credits available" in words(answer)


def test_another_one_is_bought_from_a_page_that_shows_the_first(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.buy_pack(alice)
    answer = browser_of_alice.post(BUY_1000, {"seen": str(Purchase.objects.get().pk)})
    newest = Checkout.objects.get(status=Checkout.Status.OPEN)
    assert answer["Location"] == newest.url


def test_what_was_bought_is_listed_with_its_entry_and_receipt(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice)
    purchase = Purchase.objects.get()
    answer = browser_of_alice.get(BUY)
    assert "1,000 credits for $10 10 Mar 2025, 09:30" in words(answer)
    assert 'href="/settings/billing/history/2/"' in answer.content.decode()
    receipt = browser_of_alice.get(f"/settings/billing/purchases/{purchase.pk}/receipt/")
    charge_id = stripe.engine.find(stripe.payment_of(checkout))["latest_charge"]
    assert receipt["Location"] == stripe.engine.find(charge_id)["receipt_url"]


def test_a_refund_stands_beside_what_was_bought(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice)
    stripe.engine.refund(stripe.payment_of(checkout), 4_00)
    stripe.deliver()
    assert "1,000 credits for $10 $4 refunded" in words(browser_of_alice.get(BUY))


def test_bob_finds_neither_alice_s_purchases_nor_her_receipts(
    browser_of_bob: Client, alice: User, bob: User, stripe: Shop
) -> None:
    stripe.buy_pack(alice)
    assert "What you bought" not in words(browser_of_bob.get(BUY))
    assert browser_of_bob.get(f"/settings/billing/purchases/{Purchase.objects.get().pk}/receipt/").status_code == 404


@pytest.mark.parametrize(("failure", "status"), [(500, 503), (429, 503), (400, 502), (402, 502)])
def test_stripe_s_trouble_is_said_and_nothing_is_charged(
    browser_of_alice: Client, alice: User, stripe: Shop, failure: int, status: int
) -> None:
    for _ in range(9):
        stripe.wire.fail_next(failure)
    answer = browser_of_alice.post(BUY_1000)
    assert answer.status_code == status
    assert "Nothing was charged, and your credits and your plan are as they were." in words(answer)
    assert alice.wallet.entries.count() == 1


def test_after_the_trouble_the_same_click_works(browser_of_alice: Client, stripe: Shop) -> None:
    for _ in range(3):
        stripe.wire.fail_next(500)
    assert browser_of_alice.post(BUY_1000).status_code == 503
    assert browser_of_alice.post(BUY_1000)["Location"] == Checkout.objects.get().url


def test_a_pack_that_isn_t_on_sale_is_neither_shown_nor_sold(browser_of_alice: Client, stripe: Shop) -> None:
    Pack.objects.filter(pk="pack-1000").update(is_on_sale=False)
    assert "$10 per 1,000" not in words(browser_of_alice.get(BUY))
    for code in ("pack-1000", "pack-of-wolves"):
        answer = browser_of_alice.post(f"/settings/billing/checkout/pack/{code}/")
        assert answer.status_code == 404
        assert "It isn’t sold any more, or not yet. Nothing was charged." in words(answer)


def test_nothing_on_sale_is_a_kind_word(browser_of_alice: Client) -> None:
    Pack.objects.update(is_on_sale=False)
    assert "No packs are on sale at the moment" in words(browser_of_alice.get(BUY))


def test_a_link_never_buys_but_leads_to_the_packs(browser_of_alice: Client, stripe: Shop) -> None:
    assert browser_of_alice.get(BUY_1000)["Location"] == BUY
    assert browser_of_alice.put(BUY_1000).status_code == 405
    assert not Checkout.objects.exists()


def test_an_unlimited_contract_is_told_that_a_pack_would_wait(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=stripe.now())
    page = words(browser_of_alice.get(BUY))
    assert "Your contract has no limit, so nothing is deducted at present." in page
    assert "Your balance goes from" not in page


def test_a_suspended_wallet_buys_nothing(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A payment is disputed.", now=stripe.now())
    page = browser_of_alice.get(BUY)
    assert "While your wallet is suspended, nothing can be bought." in words(page)
    assert BUY_1000 not in page.content.decode()

    answer = browser_of_alice.post(BUY_1000, follow=True)
    assert answer.redirect_chain == [(BUY, 302)]
    assert not Checkout.objects.exists()


def test_a_payment_on_its_way_is_told_of(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.begin_pack(alice)
    Checkout.objects.update(status=Checkout.Status.PROCESSING)
    answer = browser_of_alice.get(BUY)
    assert "Your payment for 1,000 credits is on its way. See how far it is" in words(answer)
    assert f'href="/settings/billing/checkout/{checkout.pk}/return/"' in answer.content.decode()


@pytest.mark.parametrize("page", ["/", "/settings/billing/"])
def test_every_way_out_of_credits_leads_here(browser_of_alice: Client, alice: User, stripe: Shop, page: str) -> None:
    charge(alice, 100, now=stripe.now())
    answer = browser_of_alice.get(page)
    assert "You are out of credits. Free features go on; everything else waits for more credits." in words(answer)
    assert answer.content.decode().count(f'href="{BUY}"') >= 3


def test_the_overview_tells_of_payment_only_whom_stripe_knows(alice: User, bob: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    slot = 'hx-get="/settings/billing/payment/"'
    assert slot in browser_of(alice).get("/settings/billing/").content.decode()
    assert slot not in browser_of(bob).get("/settings/billing/").content.decode()


def test_an_expired_session_is_replaced(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    first = browser_of_alice.post(BUY_1000)["Location"]
    stripe.advance_to(stripe.now() + timedelta(hours=25))
    browser_of_alice.force_login(alice)
    assert browser_of_alice.post(BUY_1000)["Location"] not in {"", first}
    assert sorted(Checkout.objects.values_list("status", flat=True)) == ["expired", "open"]
