"""Answers that Stripe gives now and then: long lists, other currencies, parts that are missing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from billing import gateway
from billing.gateway.client import client
from billing.tests.gateway.conftest import Answer, Line
from billing.tests.gateway.selling import open_session, price
from sandbox.stripe.engine import Engine

Connect = Callable[[stripe.HTTPClient], None]
Item = dict[str, Any]
PERIOD = {"start": 1_741_599_000, "end": 1_744_277_400}


class Script(Line):
    """Answers each path as it was told to, and lists a page at a time."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__(("", 500, {}))
        self.answers = answers

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Answer:
        address = urlsplit(url)
        self.asked.append((method, url))
        found = self.answers[address.path]
        if isinstance(found, list):
            query = parse_qs(address.query)
            start = (
                [item["id"] for item in found].index(query["starting_after"][0]) + 1 if "starting_after" in query else 0
            )
            found = page(found[start:], address.path, most=int(query.get("limit", ["10"])[0]))
        return json.dumps(found), 200, {}


def page(items: list[Item], url: str, *, most: int = 10) -> Item:
    return {"object": "list", "data": items[:most], "has_more": len(items) > most, "url": url}


def line(number: int, **changes: Any) -> Item:
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"proration": False},
            "invoice_item_details": None,
        },
        "period": PERIOD,
        "pricing": {"type": "price_details", "price_details": {"price": f"price_{number}", "product": "prod_1"}},
        "quantity": 1,
    } | changes


def invoice(lines: list[Item], **changes: Any) -> Item:
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_paid": 29_00,
        "billing_reason": "subscription_cycle",
        "created": 1_741_599_000,
        "currency": "usd",
        "customer": "cus_1",
        "hosted_invoice_url": None,
        "lines": page(lines, "/v1/invoices/in_1/lines"),
        "number": None,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "status": "paid",
        "status_transitions": {"paid_at": 1_741_599_001},
        "total": 29_00,
    } | changes


def test_an_invoice_is_read_to_its_last_line(connect: Connect) -> None:
    lines = [line(number) for number in range(37)]
    connect(Script({"/v1/invoices/in_1": invoice(lines), "/v1/invoices/in_1/lines": lines}))
    assert [found.id for found in gateway.fetch_invoice("in_1").lines] == [f"il_{number}" for number in range(37)]


def test_a_session_is_read_to_its_last_piece(connect: Connect) -> None:
    items = [
        {"id": f"li_{number}", "object": "item", "price": {"id": f"price_{number}", "object": "price"}, "quantity": 2}
        for number in range(12)
    ]
    session = {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": None,
        "client_reference_id": None,
        "created": 1_741_599_000,
        "currency": None,
        "customer": None,
        "expires_at": 1_741_599_000,
        "line_items": page(items, "/v1/checkout/sessions/cs_1/line_items"),
        "mode": "payment",
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": None,
        "subscription": None,
        "url": None,
    }
    connect(Script({"/v1/checkout/sessions/cs_1": session, "/v1/checkout/sessions/cs_1/line_items": items}))
    facts = gateway.fetch_session("cs_1")
    assert facts.price_ids == tuple(f"price_{number}" for number in range(12) for _ in range(2))
    assert (facts.status, facts.customer_id, facts.currency, facts.total_cents, facts.is_paid) == ("", "", "", 0, False)


@pytest.mark.parametrize(
    ("changes", "price_id", "is_proration"),
    [
        ({}, "price_1", False),
        ({"pricing": None}, "", False),
        ({"pricing": {"type": "price_details", "price_details": None}}, "", False),
        ({"pricing": {"price_details": {"price": {"id": "price_9", "object": "price"}}}}, "price_9", False),
        ({"parent": None}, "price_1", False),
        ({"parent": {"subscription_item_details": {"proration": True}, "invoice_item_details": None}}, "price_1", True),
        ({"parent": {"subscription_item_details": None, "invoice_item_details": {"proration": True}}}, "price_1", True),
    ],
)
def test_a_line_says_what_it_sells_and_whether_it_is_a_whole_period(
    connect: Connect, changes: Item, price_id: str, is_proration: bool
) -> None:
    connect(Script({"/v1/invoices/in_1": invoice([line(1, **changes)])}))
    found = gateway.fetch_invoice("in_1").lines[0]
    assert (found.price_id, found.is_proration) == (price_id, is_proration)


@pytest.mark.parametrize("parent", [None, {"type": "quote_details", "subscription_details": None}])
def test_an_invoice_that_no_subscription_sent_names_none(connect: Connect, parent: Item | None) -> None:
    connect(Script({"/v1/invoices/in_1": invoice([], parent=parent)}))
    assert gateway.fetch_invoice("in_1").subscription_id == ""


@pytest.mark.parametrize(
    ("movements", "withdrawn"),
    [
        ([], 0),
        ([(-10_00, "usd")], 10_00),
        ([(-10_00, "usd"), (10_00, "usd")], 0),
        ([(-10_00, "usd"), (4_00, "usd")], 6_00),
        ([(-10_00, "usd"), (10_00, "usd"), (-10_00, "usd")], 10_00),
        ([(-15_00, "usd")], 10_00),
        ([(-9_20, "eur")], 10_00),
        ([(-9_20, "eur"), (9_10, "eur")], 0),
        ([(-9_20, "eur"), (9_20, "eur")], 0),
    ],
)
def test_a_dispute_counts_what_went_and_what_came_back(
    connect: Connect, movements: list[tuple[int, str]], withdrawn: int
) -> None:
    dispute = {
        "id": "du_1",
        "object": "dispute",
        "amount": 10_00,
        "balance_transactions": [
            {
                "id": f"txn_{number}",
                "object": "balance_transaction",
                "amount": amount,
                "currency": currency,
                "fee": 15_00,
            }
            for number, (amount, currency) in enumerate(movements)
        ],
        "created": 1_741_599_000,
        "currency": "usd",
        "payment_intent": None,
        "reason": "general",
        "status": "prevented",
    }
    connect(Script({"/v1/disputes/du_1": dispute}))
    facts = gateway.fetch_dispute("du_1")
    assert (facts.withdrawn_cents, facts.payment_intent_id, facts.status) == (withdrawn, "", "prevented")


def test_a_changed_plan_charges_for_part_of_a_period_in_lines_of_its_own(engine: Engine) -> None:
    customer = gateway.create_customer(email="", name="", metadata={}, idempotency_key="customer-1")
    session_id = open_session(customer, price("plan_pro", 29_00, interval="month").id, mode="subscription")
    engine.pay(session_id)
    subscription_id = gateway.fetch_session(session_id).subscription_id
    item = client().v1.subscriptions.retrieve(subscription_id).items.data[0]
    engine.advance_to(engine.now() + 10 * 86_400)
    dearer = price("plan_team", 99_00, interval="month")
    client().v1.subscriptions.update(
        subscription_id,
        {"items": [{"id": item.id, "price": dearer.id}], "proration_behavior": "always_invoice"},
    )
    newest = gateway.invoices_of_subscription(subscription_id)[0]
    assert newest.billing_reason == "subscription_update"
    assert [found.is_proration for found in newest.lines] == [True, True]
    assert gateway.next_charge(subscription_id) == (99_00, datetime(2025, 2, 28, 9, 30, tzinfo=UTC))
