"""The customer portal, without JavaScript."""

import pytest

from sandbox.tests.stripe_pages.shop import CARD, DAY, DECLINED, FAILS_LATER, PAYS, SITE, Shop, words


def test_it_shows_plan_card_and_invoices(shop: Shop) -> None:
    shop.subscribe()
    page = shop.text(shop.portal())
    assert "CleverAI Pro $29.00 per month Your plan renews on" in page
    assert "Visa •••• 4242 Expires 12/2034" in page
    assert "Name Bob Baker Email bob@example.com" in page
    assert "$29.00 Paid 1 × CleverAI Pro" in page


def test_without_a_subscription_it_says_so(shop: Shop) -> None:
    page = shop.text(shop.portal())
    assert "There is no current subscription." in page
    assert "There is no card on file." in page
    assert "There are no invoices yet." in page


def test_it_leads_back_to_the_merchant(shop: Shop) -> None:
    page = shop.browser.get(shop.portal()).text
    assert f'<a class="return" href="{SITE}/billing/">' in page


def test_canceling_asks_first_and_ends_the_plan_with_its_period(shop: Shop) -> None:
    subscription = shop.subscribe()
    portal = shop.portal()
    asked = shop.browser.get(f"{portal}/subscriptions/{subscription}/cancel")
    assert "still available until the end of your billing period on" in words(asked)
    assert shop.api.subscriptions.retrieve(subscription).cancel_at_period_end is False
    done = shop.browser.post(f"{portal}/subscriptions/{subscription}/cancel", follow_redirects=True)
    assert "Your plan has been canceled." in words(done)
    assert "Cancels" in words(done)
    assert "Your plan ends on" in words(done)
    now = shop.api.subscriptions.retrieve(subscription)
    assert (now.status, now.cancel_at_period_end) == ("active", True)


def test_a_canceled_plan_can_be_resumed(shop: Shop) -> None:
    subscription = shop.subscribe()
    portal = shop.portal()
    shop.browser.post(f"{portal}/subscriptions/{subscription}/cancel")
    assert "Don’t cancel plan" in shop.text(portal)
    done = shop.browser.post(f"{portal}/subscriptions/{subscription}/resume", follow_redirects=True)
    assert "Your plan has been renewed." in words(done)
    assert "Your plan renews on" in words(done)
    assert shop.api.subscriptions.retrieve(subscription).cancel_at_period_end is False


def test_a_configuration_can_let_the_plan_end_at_once(shop: Shop) -> None:
    subscription = shop.subscribe()
    features = {"subscription_cancel": {"enabled": True, "mode": "immediately"}}
    configuration = shop.api.billing_portal.configurations.create({"features": features})
    portal = shop.portal(configuration=configuration.id)
    assert "canceled at once" in shop.text(f"{portal}/subscriptions/{subscription}/cancel")
    shop.browser.post(f"{portal}/subscriptions/{subscription}/cancel")
    assert shop.api.subscriptions.retrieve(subscription).status == "canceled"


def test_what_a_configuration_does_not_allow_is_neither_shown_nor_done(shop: Shop) -> None:
    subscription = shop.subscribe()
    configuration = shop.api.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": False}}})
    portal = shop.portal(configuration=configuration.id)
    page = shop.text(portal)
    assert "CleverAI Pro" in page
    for hidden in ("Cancel plan", "Payment method", "Invoice history"):
        assert hidden not in page
    assert shop.browser.post(f"{portal}/subscriptions/{subscription}/cancel").status_code == 403
    assert shop.browser.post(f"{portal}/subscriptions/{subscription}/resume").status_code == 403
    assert shop.browser.post(f"{portal}/card", data={"number": PAYS, **CARD}).status_code == 403
    assert shop.api.subscriptions.retrieve(subscription).cancel_at_period_end is False


def test_another_customers_subscription_is_out_of_reach(shop: Shop) -> None:
    subscription = shop.subscribe()
    alice = shop.api.customers.create({"email": "alice@example.com"})
    portal = shop.portal(customer=alice.id)
    assert "CleverAI Pro" not in shop.text(portal)
    for act in ("cancel", "resume"):
        assert shop.browser.post(f"{portal}/subscriptions/{subscription}/{act}").status_code == 404
    assert shop.api.subscriptions.retrieve(subscription).cancel_at_period_end is False


def test_a_new_card_takes_the_old_ones_place(shop: Shop) -> None:
    shop.subscribe(FAILS_LATER)
    portal = shop.portal()
    assert "The new card takes its place" in shop.text(f"{portal}/card")
    done = shop.browser.post(f"{portal}/card", data={"number": PAYS, **CARD, "expiry": "1/33"}, follow_redirects=True)
    assert "Your card has been updated." in words(done)
    assert "Visa •••• 4242 Expires 01/2033" in words(done)


@pytest.mark.parametrize(
    ("typed", "message"),
    [({"number": DECLINED}, "Your card was declined."), ({"cvc": "1"}, "Your card’s security code is incomplete.")],
)
def test_a_refused_card_leaves_the_old_one(shop: Shop, typed: dict[str, str], message: str) -> None:
    shop.subscribe()
    portal = shop.portal()
    answer = shop.browser.post(f"{portal}/card", data={"number": FAILS_LATER, **CARD, **typed})
    assert answer.status_code == 200
    assert message in words(answer)
    assert "Visa •••• 4242" in shop.text(portal)


def test_after_a_failed_renewal_the_customer_pays_with_another_card(shop: Shop) -> None:
    subscription = shop.subscribe(FAILS_LATER)
    shop.engine.advance_to(shop.engine.now() + 32 * DAY)
    portal = shop.portal()
    assert "Past due" in shop.text(portal)
    assert "The last payment failed." in shop.text(portal)
    shop.browser.post(f"{portal}/card", data={"number": PAYS, **CARD})
    invoice = shop.api.invoices.list({"subscription": subscription, "status": "open"}).data[0]
    assert "Visa •••• 4242 Pay $29.00" in shop.text(f"/i/{invoice.id}")
    paid = shop.browser.post(f"/i/{invoice.id}", follow_redirects=True)
    assert "Invoice paid" in words(paid)
    assert shop.api.subscriptions.retrieve(subscription).status == "active"


class TestFlow:
    def test_a_new_card_is_asked_for_at_once_and_then_it_goes_back(self, shop: Shop) -> None:
        back = {"type": "redirect", "redirect": {"return_url": f"{SITE}/card-changed/"}}
        portal = shop.portal(flow_data={"type": "payment_method_update", "after_completion": back})
        sent = shop.browser.get(portal)
        assert (sent.status_code, sent.location) == (303, f"{portal}/card")
        form = shop.browser.get(f"{portal}/card")
        assert f'href="{SITE}/billing/">' in form.text
        assert f"form-action 'self' {SITE}" in form.headers["Content-Security-Policy"]
        done = shop.browser.post(f"{portal}/card", data={"number": PAYS, **CARD})
        assert (done.status_code, done.location) == (303, f"{SITE}/card-changed/")

    def test_canceling_is_asked_at_once_and_then_the_portal_says_it_is_done(self, shop: Shop) -> None:
        subscription = shop.subscribe()
        flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription}}
        portal = shop.portal(flow_data=flow)
        sent = shop.browser.get(portal)
        assert (sent.status_code, sent.location) == (303, f"{portal}/subscriptions/{subscription}/cancel")
        done = shop.browser.post(sent.location, follow_redirects=True)
        assert "Your plan has been canceled." in words(done)

    def test_it_can_end_with_a_confirmation_of_its_own(self, shop: Shop) -> None:
        after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you."}}
        portal = shop.portal(flow_data={"type": "payment_method_update", "after_completion": after})
        done = shop.browser.post(f"{portal}/card", data={"number": PAYS, **CARD})
        assert "Your card has been updated. See you. Return to CleverAI" in words(done)


def test_an_unknown_session_is_not_found(shop: Shop) -> None:
    for path in ("", "/card", "/subscriptions/sub_1/cancel"):
        assert shop.browser.get(f"/p/session/bps_none{path}").status_code == 404
    assert shop.browser.post("/p/session/bps_none/subscriptions/sub_1/resume").status_code == 404
