"""Everything the Stripe sandbox takes, answers and tells has Stripe's shapes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import stripe

from sandbox.stripe import api
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.parameters import METADATA
from sandbox.stripe.routes import Route
from sandbox.stripe.server import LISTENED_TO
from sandbox.stripe.world import public
from sandbox.stripe_shapes import expansion, requests
from sandbox.stripe_shapes.annotations import class_of, fields
from sandbox.stripe_shapes.objects import complaints
from sandbox.tests.stripe_shapes.story import Account, checkout, open_shop, tell

NEVER_OF_CARDS = {"checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded"}
COLLECTIONS = {
    "balance_transaction": "/v1/balance_transactions",
    "billing_portal.configuration": "/v1/billing_portal/configurations",
    "charge": "/v1/charges",
    "checkout.session": "/v1/checkout/sessions",
    "customer": "/v1/customers",
    "dispute": "/v1/disputes",
    "event": "/v1/events",
    "invoice": "/v1/invoices",
    "invoice_payment": "/v1/invoice_payments",
    "payment_intent": "/v1/payment_intents",
    "payment_method": "/v1/payment_methods",
    "price": "/v1/prices",
    "product": "/v1/products",
    "refund": "/v1/refunds",
    "subscription": "/v1/subscriptions",
    "test_helpers.test_clock": "/v1/test_helpers/test_clocks",
    "webhook_endpoint": "/v1/webhook_endpoints",
}
ENUMERATED = {"api_version": stripe.api_version, "enabled_events": {"0": "invoice.paid"}}  # but any word to the sandbox
LISTS_INSIDE = [("checkout.session", "line_items"), ("invoice", "lines"), ("customer", "payment_methods")]


@pytest.fixture(scope="module")
def account() -> Account:
    account = Account.open()
    tell(account)
    return account


def test_every_request_and_answer_of_the_story_has_its_shape(account: Account) -> None:
    assert len(account.watching.seen) > 30
    assert account.watching.found == []


def test_every_event_has_its_shape(account: Account) -> None:
    told = [(event["type"], complaints(public(event))) for event in account.engine.events]

    assert [(kind, faults) for kind, faults in told if faults] == []
    assert {kind for kind, _ in told} >= set(LISTENED_TO) - NEVER_OF_CARDS


def test_every_webhook_is_signed_and_has_its_shape() -> None:
    account = Account.open()
    ours = account.client.v1.webhook_endpoints.create({"url": "https://alone.example/", "enabled_events": ["*"]})
    posted: list[dict[str, Any]] = []

    def receive(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if url == ours.url:
            stripe.WebhookSignature.verify_header(body.decode(), headers["Stripe-Signature"], str(ours.secret), 300)
            posted.append(json.loads(body))
        return 200

    tell(account)
    Delivery(account.engine, send=receive).deliver_due()

    assert {event["type"] for event in posted} >= set(LISTENED_TO) - NEVER_OF_CARDS
    assert [(event["type"], complaints(event)) for event in posted if complaints(event)] == []


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_every_object_is_answered_in_its_shape(account: Account, kind: str) -> None:
    found = account.engine.all(kind)
    assert len(found) > 1

    for item in found:
        assert account.get(f"{COLLECTIONS[kind]}/{item['id']}")["id"] == item["id"]


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_every_list_is_answered_in_its_shape(account: Account, kind: str) -> None:
    needed = {"payment_method": {"customer": _customer_of_cards(account)}, "subscription": {"status": "all"}}.get(
        kind, {}
    )

    first = account.get(COLLECTIONS[kind], limit=1, **needed)["data"]
    rest = account.get(COLLECTIONS[kind], limit=100, starting_after=first[0]["id"], **needed)["data"]

    assert len(rest) > 0
    assert first[0]["id"] not in {item["id"] for item in rest}


@pytest.mark.parametrize(("kind", "inside"), LISTS_INSIDE)
def test_every_list_inside_an_object_is_answered_in_its_shape(account: Account, kind: str, inside: str) -> None:
    lists = [account.get(f"{COLLECTIONS[kind]}/{owner['id']}/{inside}")["data"] for owner in account.engine.all(kind)]

    assert any(lists)


def test_no_list_of_the_sandbox_was_forgotten_here() -> None:
    asked = {*COLLECTIONS.values(), *(f"{COLLECTIONS[kind]}/<>/{inside}" for kind, inside in LISTS_INSIDE)}

    assert {re.sub("<.*>", "<>", route.path) for route in api.routes() if route.is_list} == asked


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_whatever_is_expanded_has_its_shape(account: Account, kind: str) -> None:
    shape = class_of(kind)
    assert shape is not None
    expandable = [name for name, annotation in fields(shape).items() if expansion.is_expandable(annotation)]

    for item in account.engine.all(kind):
        for name in expandable:
            if item.get(name):
                expanded = account.get(f"{COLLECTIONS[kind]}/{item['id']}", expand=[name])[name]
                assert not isinstance(expanded, str)


@pytest.mark.parametrize(
    ("path", "expand"),
    [
        ("/v1/checkout/sessions", ["data.line_items", "data.payment_intent.latest_charge.refunds"]),
        ("/v1/checkout/sessions", ["data.subscription.latest_invoice.payments", "data.invoice", "data.customer"]),
        ("/v1/charges", ["data.balance_transaction", "data.payment_intent", "data.refunds"]),
        ("/v1/disputes", ["data.charge.customer", "data.payment_intent"]),
        ("/v1/invoices", ["data.payments", "data.customer.subscriptions"]),
        ("/v1/invoice_payments", ["data.payment.payment_intent.latest_charge", "data.invoice"]),
        ("/v1/prices", ["data.product"]),
        ("/v1/refunds", ["data.charge.balance_transaction", "data.balance_transaction"]),
        ("/v1/subscriptions", ["data.default_payment_method", "data.latest_invoice"]),
    ],
)
def test_what_is_expanded_inside_of_what_is_expanded_has_its_shape(
    account: Account, path: str, expand: list[str]
) -> None:
    answer = account.get(path, expand=expand, limit=100)

    assert len(answer["data"]) > 0


@pytest.mark.parametrize("route", api.routes(), ids=lambda route: f"{route.method} {route.path}")
def test_the_sandbox_takes_only_what_stripe_takes(route: Route) -> None:
    """Its own schema of each route, filled in with each of the words it allows, would be known to Stripe."""
    path = re.sub("<[^>]*>", "an_id", route.path)
    tried = list(_filled_in(route.schema))

    assert [requests.complaints(route.method, path, params) for params in tried] == [[]] * len(tried)


class TestRefusals:
    """Whatever the sandbox refuses, it refuses in Stripe's form: the watched client sees to that."""

    def test_of_an_object_that_is_not_there(self, account: Account) -> None:
        for path in COLLECTIONS.values():
            with pytest.raises(stripe.InvalidRequestError, match="No such") as refusal:
                account.get(f"{path}/none")
            assert refusal.value.http_status == 404

    def test_of_a_wrong_key(self, account: Account) -> None:
        with pytest.raises(stripe.AuthenticationError):
            account.client.v1.prices.list({}, {"api_key": "sk_test_wrong"})

    @pytest.mark.parametrize("status", [409, 429, 500, 503])
    def test_on_purpose(self, account: Account, status: int) -> None:
        account.engine.faults.error_next_calls = 1
        account.engine.faults.error_status = status

        with pytest.raises(stripe.StripeError) as refusal:
            account.client.v1.prices.list()
        assert refusal.value.http_status == status

    def test_of_a_key_used_for_something_else(self, account: Account) -> None:
        account.client.v1.customers.create({"name": "Dora"}, {"idempotency_key": "customer-4"})

        with pytest.raises(stripe.IdempotencyError):
            account.client.v1.customers.create({"name": "Emil"}, {"idempotency_key": "customer-4"})

    def test_of_a_refund_beyond_what_was_paid(self, account: Account) -> None:
        charge = next(charge for charge in account.engine.all("charge") if charge["refunded"])

        with pytest.raises(stripe.InvalidRequestError) as refusal:
            account.client.v1.refunds.create({"payment_intent": charge["payment_intent"]})
        assert refusal.value.code == "charge_already_refunded"

    def test_of_a_declined_card(self) -> None:
        account = Account.open()
        price = open_shop(account.client)["pro"]
        customer = account.client.v1.customers.create({"email": "fred@example.com"})
        account.engine.pay(checkout(account, customer.id, price, "subscription").id)
        account.engine.fail_next_payment(customer.id)
        account.pass_days(33)
        account.engine.fail_next_payment(customer.id)
        invoice = account.client.v1.invoices.list({"customer": customer.id, "status": "open"}).data[0]

        with pytest.raises(stripe.CardError) as refusal:
            account.client.v1.invoices.pay(invoice.id)
        assert refusal.value.http_status == 402
        assert refusal.value.code == "card_declined"


def _customer_of_cards(account: Account) -> str:
    """The customer with the most payment methods."""
    owners = [method["customer"] for method in account.engine.all("payment_method") if method["customer"]]
    return max(owners, key=owners.count)


def _filled_in(schema: Any) -> Iterator[Any]:
    """Forms that together use every name and every word of a schema of the sandbox."""
    if isinstance(schema, list):
        yield from ({"0": element} for element in _filled_in(schema[0]))
    elif isinstance(schema, tuple):
        yield from map(str, schema)
    elif schema is METADATA:
        yield {"wallet": "1"}
    elif schema in (str, int, bool):
        yield {str: "words", int: "1", bool: "true"}[schema]
    else:
        choices = {name.rstrip("!"): list(_filled_in(inner)) for name, inner in schema.items()}
        choices |= {name: [word] for name, word in ENUMERATED.items() if name in choices}
        for turn in range(max(map(len, choices.values()), default=1)):
            yield {name: values[turn % len(values)] for name, values in choices.items()}
