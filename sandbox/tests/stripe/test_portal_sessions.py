"""Portal sessions and configurations, as the API makes them."""

import pytest

from sandbox.tests.stripe.conftest import Shop

BACK = "https://shop.example/billing"


def test_a_session_leads_into_the_default_portal(shop: Shop) -> None:
    session = shop.stripe.billing_portal.sessions.create({"customer": shop.alice, "return_url": BACK})

    assert session.url == f"http://127.0.0.1:12111/p/session/{session.id}"
    assert (session.customer, session.return_url, session.flow) == (shop.alice, BACK, None)
    portal = shop.engine.portal_session(session.id)
    assert portal["configuration"]["is_default"]
    assert portal["configuration"]["features"]["subscription_cancel"]["mode"] == "at_period_end"


def test_a_flow_leads_to_one_thing_and_back(shop: Shop) -> None:
    subscription = shop.subscribe()
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription},
        "after_completion": {"type": "redirect", "redirect": {"return_url": f"{BACK}/done"}},
    }
    params = {"customer": shop.alice, "return_url": BACK, "flow_data": flow}

    session = shop.stripe.billing_portal.sessions.create(params)  # type: ignore[arg-type]

    assert session.flow.subscription_cancel.subscription == subscription
    assert session.flow.after_completion.redirect.return_url == f"{BACK}/done"


@pytest.mark.parametrize("obstacle", ["another's", "cancelling already", "over", "not allowed"])
def test_what_can_not_be_canceled_has_no_flow(shop: Shop, refused, obstacle: str) -> None:
    subscription = shop.subscribe()
    params = {
        "customer": shop.alice,
        "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription}},
    }
    if obstacle == "another's":
        params["customer"] = shop.stripe.customers.create({"email": "bob@example.com"}).id
    elif obstacle == "cancelling already":
        shop.engine.set_cancel_at_period_end(subscription, True)
    elif obstacle == "over":
        shop.stripe.subscriptions.cancel(subscription)
    else:
        features = {"invoice_history": {"enabled": True}}
        params["configuration"] = shop.stripe.billing_portal.configurations.create({"features": features}).id

    assert refused(shop.stripe.billing_portal.sessions.create, params).param.startswith("flow_data")


def test_a_configuration_keeps_what_an_update_does_not_name(shop: Shop) -> None:
    configurations = shop.stripe.billing_portal.configurations
    made = configurations.create(
        {
            "business_profile": {"headline": "CleverAI"},
            "features": {
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "immediately"},
            },
        }
    )
    changed = configurations.update(made.id, {"features": {"subscription_cancel": {"enabled": False}}})

    assert changed.features.subscription_cancel.enabled is False
    assert changed.features.subscription_cancel.mode == "immediately"
    assert changed.features.payment_method_update.enabled is True
    assert changed.business_profile.headline == "CleverAI"
    assert {item.id for item in configurations.list({"active": True}).data} >= {made.id}


def test_the_card_on_file_is_the_one_that_is_charged(shop: Shop) -> None:
    subscription = shop.subscribe()
    assert shop.engine.payment_method_of(shop.alice)["card"]["last4"] == "4242"

    shop.engine.set_card(shop.alice, "5555555555554444")

    assert shop.engine.payment_method_of(shop.alice)["card"]["brand"] == "mastercard"
    shop.engine.advance_to(shop.engine.next_renewal(subscription) + 3600)
    [newest, *_] = shop.stripe.charges.list({"customer": shop.alice}).data
    assert newest.payment_method_details.card.last4 == "4444"
