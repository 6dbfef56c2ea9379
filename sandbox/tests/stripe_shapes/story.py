"""Everything that can happen in a Stripe account that sells as CleverAI does, told through a watched client."""

from dataclasses import dataclass
from typing import Any

import stripe

from sandbox.stripe import changes
from sandbox.stripe.engine import Engine
from sandbox.stripe.errors import CardDeclined
from sandbox.stripe.server import LISTENED_TO, SECRET_KEY
from sandbox.stripe.transport import InProcess
from sandbox.stripe.world import API_VERSION
from sandbox.stripe_shapes.watch import Watching

DAY = 86_400
PAYS, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002500003155"
FAILS_LATER, ASKS_AGAIN = "4000000000000341", "4000002760003184"
SUCCESS, CANCEL = "https://cleverai.example/paid/", "https://cleverai.example/cancelled/"


@dataclass(frozen=True)
class Account:
    """A Stripe account with the client that sees it and the engine behind it."""

    client: stripe.StripeClient
    watching: Watching
    engine: Engine

    @classmethod
    def open(cls) -> "Account":
        inside = InProcess(Engine())
        watching = Watching(inside)
        return cls(stripe.StripeClient(SECRET_KEY, http_client=watching), watching, inside.engine)

    def get(self, path: str, **params: Any) -> Any:
        """Ask for any path, as JSON."""
        return self.client.raw_request("get", path, **params).data

    def pass_days(self, days: int) -> None:
        self.engine.advance_to(self.engine.now() + days * DAY)


def tell(account: Account) -> None:
    """Live through all of it: catalog, endpoints, portal, packs, subscriptions, failures, refunds, disputes, an end."""
    prices = open_shop(account.client)
    listen(account.client)
    alice = account.client.v1.customers.create(
        {"email": "alice@example.com", "name": "Alice", "metadata": {"wallet": "1"}}
    )
    buy_packs(account, alice.id, prices["pack_small"])
    subscribe_renew_and_upgrade(account, alice.id, prices)
    fail_until_the_end(account, prices["pro"])
    send_money_back(account, alice.id)
    live_faster(account, prices["pro"])
    have_a_past(account, prices)
    account.client.v1.customers.delete(alice.id)


def open_shop(client: stripe.StripeClient) -> dict[str, str]:
    """Make the products and prices, and return the prices' ids by lookup key."""
    prices = {}
    for lookup_key, cents, recurring in [("pack_small", 1000, False), ("pro", 2000, True), ("team", 5000, True)]:
        product = client.v1.products.create({"name": lookup_key, "metadata": {"catalog": lookup_key}})
        params: Any = {"recurring": {"interval": "month"}} if recurring else {}
        price = client.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": cents, "lookup_key": lookup_key, **params}
        )
        prices[lookup_key] = price.id
    client.v1.products.update(product.id, {"description": "For teams"})
    client.v1.prices.update(price.id, {"nickname": "Team, monthly"})
    older = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 4000})
    client.v1.prices.update(older.id, {"active": False})
    return prices


def listen(client: stripe.StripeClient) -> None:
    """One endpoint stays, one goes again."""
    for address in ("https://cleverai.example/webhooks/stripe/", "https://cleverai.example/elsewhere/"):
        endpoint = client.v1.webhook_endpoints.create(
            {
                "url": address,
                "api_version": API_VERSION,
                "enabled_events": list(LISTENED_TO),
                "description": "CleverAI",
            }
        )
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    client.v1.webhook_endpoints.delete(endpoint.id)
    client.v1.webhook_endpoints.create({"url": address, "enabled_events": ["*"]})


def visit_portal(client: stripe.StripeClient, customer: str, subscription: str) -> None:
    configuration = client.v1.billing_portal.configurations.create(
        {
            "business_profile": {"headline": "Your plan with CleverAI"},
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {
                    "enabled": True,
                    "mode": "at_period_end",
                    "cancellation_reason": {"enabled": True, "options": ["too_expensive", "other"]},
                },
            },
        }
    )
    client.v1.billing_portal.configurations.update(configuration.id, {"metadata": {"catalog": "portal"}})
    client.v1.billing_portal.sessions.create({"customer": customer, "return_url": SUCCESS})
    flows: Any = [
        {"type": "payment_method_update", "after_completion": {"type": "portal_homepage"}},
        {
            "type": "subscription_cancel",
            "subscription_cancel": {"subscription": subscription},
            "after_completion": {"type": "redirect", "redirect": {"return_url": SUCCESS}},
        },
    ]
    for flow in flows:
        client.v1.billing_portal.sessions.create(
            {"customer": customer, "configuration": configuration.id, "flow_data": flow, "return_url": SUCCESS}
        )


def live_faster(account: Account, price: str) -> None:
    """Gail lives on a clock of her own. Of two more clocks one is taken away."""
    now = account.engine.now()
    clock = account.client.v1.test_helpers.test_clocks.create({"frozen_time": now, "name": "Gail"})
    gail = account.client.v1.customers.create({"email": "gail@example.com", "test_clock": clock.id})
    card = account.client.v1.payment_methods.attach("pm_card_visa", {"customer": gail.id})
    account.client.v1.customers.update(gail.id, {"invoice_settings": {"default_payment_method": card.id}})
    account.client.v1.subscriptions.create({"customer": gail.id, "items": [{"price": price}]})
    account.client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now + 35 * DAY})
    for name in ("Hugo", "Ines"):
        clock = account.client.v1.test_helpers.test_clocks.create({"frozen_time": now, "name": name})
    account.client.v1.test_helpers.test_clocks.delete(clock.id)


def have_a_past(account: Account, prices: dict[str, str]) -> None:
    """Jon subscribed in January and bought a pack since; he has paused for a while."""
    jon = account.client.v1.customers.create({"email": "jon@example.com", "name": "Jon"}).id
    now = account.engine.now()
    account.engine.history(jon, prices["pro"], since=now - 100 * DAY, metadata={"wallet": "10"})
    account.engine.packs_history(jon, prices["pack_small"], at=now - 50 * DAY, metadata={"wallet": "10"})
    subscription = account.client.v1.subscriptions.list({"customer": jon}).data[0]
    changes.pause(account.engine, subscription.id)
    account.client.v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})


def checkout(account: Account, customer: str, price: str, mode: Any) -> stripe.checkout.Session:
    inside = "payment_intent_data" if mode == "payment" else "subscription_data"
    carried: Any = {inside: {"metadata": {"wallet": "1"}}}
    return account.client.v1.checkout.sessions.create(
        {
            "mode": mode,
            "ui_mode": "hosted_page",
            "customer": customer,
            "client_reference_id": "1",
            "line_items": [{"price": price, "quantity": 1}],
            "success_url": SUCCESS,
            "cancel_url": CANCEL,
            "metadata": {"wallet": "1"},
            "adaptive_pricing": {"enabled": False},
            "allowed_payment_method_types": ["card"],
            "expand": ["line_items"],
            **carried,
        },
        {"idempotency_key": f"{customer}-{price}-{len(account.watching.seen)}"},
    )


def buy_packs(account: Account, customer: str, price: str) -> None:
    """One is bought at the second try, one after the bank's question; one session is closed and one forgotten."""
    for card in (DECLINED, ASKS, PAYS):
        session = checkout(account, customer, price, "payment")
        try:
            account.engine.pay(session.id, card, three_d_secure=True)
        except CardDeclined:
            account.engine.pay(session.id, PAYS, name="Alice")
    account.client.v1.checkout.sessions.expire(checkout(account, customer, price, "payment").id)
    checkout(account, customer, price, "payment")
    account.pass_days(2)


def subscribe_renew_and_upgrade(account: Account, customer: str, prices: dict[str, str]) -> None:
    session = checkout(account, customer, prices["pro"], "subscription")
    account.engine.pay(session.id)
    subscription = account.client.v1.subscriptions.list({"customer": customer}).data[0]
    visit_portal(account.client, customer, subscription.id)
    account.pass_days(32)
    item = subscription["items"].data[0]
    account.client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price": prices["team"]}], "proration_behavior": "always_invoice"},
    )
    account.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    account.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    account.engine.set_card(customer, "5555555555554444")
    account.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    account.pass_days(40)


def fail_until_the_end(account: Account, price: str) -> None:
    """Bob's card pays once and never again; Carol's bank asks at each renewal, until she has a new card, and enough."""
    for email, card in (("bob@example.com", FAILS_LATER), ("carol@example.com", ASKS_AGAIN)):
        customer = account.client.v1.customers.create({"email": email})
        account.engine.pay(checkout(account, customer.id, price, "subscription").id, card, three_d_secure=True)
        account.pass_days(33)
        if card == ASKS_AGAIN:
            account.engine.set_card(customer.id, PAYS)
            invoice = account.client.v1.invoices.list({"customer": customer.id, "status": "open"}).data[0]
            account.client.v1.invoices.pay(invoice.id, {"expand": ["payments"]})
            subscription = account.client.v1.subscriptions.list({"customer": customer.id}).data[0]
            account.client.v1.subscriptions.cancel(subscription.id)
        account.pass_days(20)


def send_money_back(account: Account, customer: str) -> None:
    sessions = account.client.v1.checkout.sessions.list({"customer": customer, "status": "complete"}).data
    first, second, third = [str(session.payment_intent) for session in sessions if session.payment_intent]
    refund = account.client.v1.refunds.create({"payment_intent": first, "amount": 300, "metadata": {"by": "Stella"}})
    account.client.v1.refunds.update(refund.id, {"metadata": {"by": "Stella", "why": "goodwill"}})
    account.client.v1.refunds.create({"payment_intent": first, "reason": "requested_by_customer"})
    account.engine.fail_refund(refund.id)
    account.client.v1.refunds.create({"payment_intent": first})
    account.engine.succeed_refund(account.engine.refund(second, 100, status="pending")["id"])
    won = account.engine.dispute(second, 200)
    account.client.v1.disputes.update(won["id"], {"evidence": {"uncategorized_text": "They had it all."}})
    account.engine.close_dispute(won["id"], "won")
    account.client.v1.disputes.close(account.engine.dispute(third)["id"])
