"""What Stripe says of its objects, told in facts."""

from datetime import UTC, datetime, timedelta

import pytest

from billing import gateway
from billing.errors import StripeNotFound, StripeRefused
from billing.gateway.client import client
from billing.tests.gateway.selling import CHECKOUT, open_session, price
from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess

NOW = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)
FAILS_LATER_CARD = "4000000000000341"


@pytest.fixture(autouse=True)
def _stripe(engine: Engine) -> None:
    """Every test here speaks with a Stripe of its own."""


@pytest.fixture
def customer() -> str:
    return gateway.create_customer(
        email="alice@example.com", name="Alice", metadata={"wallet": "1"}, idempotency_key="customer-1"
    )


@pytest.fixture
def pack() -> str:
    return price("pack_1000", 10_00).id


@pytest.fixture
def plan() -> str:
    return price("plan_pro", 29_00, interval="month").id


@pytest.fixture
def paid(engine: Engine, customer: str, pack: str) -> gateway.SessionFacts:
    """A session on which a pack was paid."""
    session_id = open_session(customer, pack)
    engine.pay(session_id)
    return gateway.fetch_session(session_id)


@pytest.fixture
def subscribed(engine: Engine, customer: str, plan: str) -> str:
    """The subscription of somebody who has just paid for its first month."""
    session_id = open_session(customer, plan, mode="subscription", key="checkout-0")
    engine.pay(session_id)
    return gateway.fetch_session(session_id).subscription_id


# --- catalog ---------------------------------------------------------------------------------------------------------


def test_prices_are_found_by_lookup_key_however_many() -> None:
    keys = [f"pack_{number}" for number in range(23)]
    made = {key: price(key, 100 + number) for number, key in enumerate(keys)}
    assert {found.lookup_key: found for found in gateway.fetch_prices([*keys, "pack_none"])} == made
    assert gateway.fetch_prices([]) == []


def test_a_price_says_what_it_costs_how_often_and_for_what() -> None:
    assert price("plan_pro", 29_00, interval="month") == gateway.PriceFacts(
        id=gateway.fetch_prices(["plan_pro"])[0].id,
        lookup_key="plan_pro",
        product_id="cleverai_plan_pro",
        currency="usd",
        cents=29_00,
        interval="month",
        is_active=True,
        metadata={"millicredits": "1000000"},
    )
    assert price("pack_1000", 10_00).interval == ""


def test_a_lookup_key_moves_to_a_new_price_only_when_told_to() -> None:
    older = price("pack_1000", 10_00)
    with pytest.raises(StripeRefused):
        price("pack_1000", 12_00)
    newer = price("pack_1000", 12_01, transfer=True)
    assert gateway.fetch_prices(["pack_1000"]) == [newer]
    assert newer.id != older.id


def test_a_product_is_renamed_and_put_back_on_sale() -> None:
    gateway.create_product(product_id="cleverai_pack_1", name="One")
    client().v1.products.update("cleverai_pack_1", {"active": False})
    assert gateway.fetch_product("cleverai_pack_1").is_active is False
    gateway.rename_product(product_id="cleverai_pack_1", name="1 credit")
    assert gateway.fetch_product("cleverai_pack_1") == gateway.ProductFacts("cleverai_pack_1", "1 credit", True)


def test_a_deleted_product_is_no_product() -> None:
    gateway.create_product(product_id="cleverai_pack_1", name="One")
    client().v1.products.delete("cleverai_pack_1")
    with pytest.raises(StripeNotFound):
        gateway.fetch_product("cleverai_pack_1")


# --- customers and sessions ------------------------------------------------------------------------------------------


def test_a_customer_is_made_once_under_one_key(engine: Engine, customer: str) -> None:
    again = gateway.create_customer(
        email="alice@example.com", name="Alice", metadata={"wallet": "1"}, idempotency_key="customer-1"
    )
    assert again == customer
    assert engine.find(customer)["metadata"] == {"wallet": "1"}


def test_a_customer_without_a_name_or_an_address_is_one_too(engine: Engine) -> None:
    made = gateway.create_customer(email="", name="", metadata={}, idempotency_key="customer-2")
    assert (engine.find(made)["email"], engine.find(made)["name"]) == (None, None)


def test_a_deleted_customer_says_so(customer: str) -> None:
    assert gateway.is_customer_deleted(customer) is False
    client().v1.customers.delete(customer)
    assert gateway.is_customer_deleted(customer) is True
    with pytest.raises(StripeNotFound):
        gateway.is_customer_deleted("cus_never")


def test_a_session_sells_one_piece_by_card_and_nothing_else(
    engine: Engine, wire: InProcess, customer: str, pack: str
) -> None:
    session_id = open_session(customer, pack)
    sent = wire.requests[-1]
    assert (sent.method, sent.path, sent.headers["Idempotency-Key"]) == ("POST", "/v1/checkout/sessions", "checkout-1")
    metadata = {"wallet": "1", "checkout": CHECKOUT}
    assert "success_url=https%3A%2F%2Fcredits.example.com%2Freturn%2F" in sent.form
    made = engine.find(session_id)
    assert (made["ui_mode"], made["mode"], made["customer"]) == ("hosted_page", "payment", customer)
    assert made["adaptive_pricing"] == {"enabled": False}
    assert made["allow_promotion_codes"] is False
    assert made["metadata"] == metadata
    assert "allowed_payment_method_types" in sent.params
    engine.pay(session_id)
    payment_id = gateway.fetch_session(session_id).payment_intent_id
    assert engine.find(payment_id)["metadata"] == metadata


def test_a_plan_s_session_marks_its_subscription_as_ours(engine: Engine, subscribed: str) -> None:
    assert engine.find(subscribed)["metadata"] == {"wallet": "1", "checkout": CHECKOUT}


def test_an_open_session_has_a_page_and_no_payment(customer: str, pack: str) -> None:
    facts = gateway.fetch_session(open_session(customer, pack))
    assert (facts.status, facts.payment_status, facts.is_paid, facts.is_failed) == ("open", "unpaid", False, False)
    assert facts.url.startswith("http")
    assert facts.price_ids == (pack,)
    assert (facts.customer_id, facts.client_reference_id) == (customer, CHECKOUT)
    assert (facts.created_at, facts.expires_at) == (NOW, NOW + timedelta(days=1))
    assert (facts.payment_intent_id, facts.subscription_id) == ("", "")


def test_a_paid_session_names_its_payment_and_what_it_sold(paid: gateway.SessionFacts, pack: str) -> None:
    assert (paid.status, paid.payment_status, paid.is_paid, paid.is_failed) == ("complete", "paid", True, False)
    assert (paid.mode, paid.currency, paid.total_cents, paid.price_ids) == ("payment", "usd", 10_00, (pack,))
    assert paid.payment_intent_id.startswith("pi_")
    assert gateway.session_of_payment(paid.payment_intent_id) == paid


def test_a_payment_without_a_session_has_none(engine: Engine, customer: str, subscribed: str) -> None:
    engine.advance_to(engine.next_renewal(subscribed) + 7_200)
    newest = gateway.invoices_of_customer(customer)[0]
    assert gateway.session_of_payment(gateway.payment_of_invoice(newest.id)) is None


def test_a_session_can_be_closed_until_it_is_paid(customer: str, pack: str, paid: gateway.SessionFacts) -> None:
    other = open_session(customer, pack, key="checkout-2")
    assert gateway.expire_session(other).status == "expired"
    for session_id in (other, paid.id):
        with pytest.raises(StripeRefused):
            gateway.expire_session(session_id)


def test_complete_sessions_are_listed_from_a_moment_on(
    engine: Engine, customer: str, pack: str, paid: gateway.SessionFacts
) -> None:
    open_session(customer, pack, key="checkout-2")
    engine.advance_to(engine.now() + 3_600)
    later = open_session(customer, pack, key="checkout-3")
    engine.pay(later)
    assert [facts.id for facts in gateway.sessions_since(NOW)] == [later, paid.id]
    assert [facts.id for facts in gateway.sessions_since(NOW + timedelta(seconds=1))] == [later]
    assert next(gateway.sessions_since(NOW)).price_ids == (pack,)


# --- subscriptions and invoices --------------------------------------------------------------------------------------


def test_a_subscription_tells_its_price_and_its_period(customer: str, plan: str, subscribed: str) -> None:
    facts = gateway.fetch_subscription(subscribed)
    assert (facts.status, facts.customer_id, facts.price_id, facts.cancel_at) == ("active", customer, plan, None)
    assert facts.current_period_starts_at == NOW
    assert facts.current_period_ends_at == datetime(2025, 2, 28, 9, 30, tzinfo=UTC)
    assert gateway.subscriptions_of(customer) == [facts]


def test_the_end_is_read_from_either_of_stripe_s_two_ways(subscribed: str) -> None:
    ends_at = gateway.fetch_subscription(subscribed).current_period_ends_at
    client().v1.subscriptions.update(subscribed, {"cancel_at_period_end": True})
    assert gateway.fetch_subscription(subscribed).cancel_at == ends_at
    client().v1.subscriptions.update(subscribed, {"cancel_at_period_end": False})
    assert gateway.fetch_subscription(subscribed).cancel_at is None
    in_ten_days = NOW + timedelta(days=10)
    client().v1.subscriptions.update(subscribed, {"cancel_at": int(in_ten_days.timestamp())})
    assert gateway.fetch_subscription(subscribed).cancel_at == in_ten_days


def test_the_next_charge_is_known_unless_the_subscription_ends(engine: Engine, subscribed: str) -> None:
    assert gateway.next_charge(subscribed) == (29_00, datetime(2025, 2, 28, 9, 30, tzinfo=UTC))
    engine.set_cancel_at_period_end(subscribed, True)
    assert gateway.next_charge(subscribed) is None
    client().v1.subscriptions.cancel(subscribed)
    assert gateway.next_charge(subscribed) is None


def test_the_first_invoice_says_what_was_bought(customer: str, plan: str, subscribed: str) -> None:
    facts = gateway.fetch_invoice(gateway.invoices_of_customer(customer)[0].id)
    assert (facts.status, facts.is_paid, facts.billing_reason) == ("paid", True, "subscription_create")
    assert (facts.customer_id, facts.subscription_id, facts.currency) == (customer, subscribed, "usd")
    assert (facts.paid_cents, facts.total_cents, facts.paid_at) == (29_00, 29_00, NOW)
    assert facts.number
    assert facts.hosted_url.startswith("http")
    line = facts.lines[0]
    assert (line.price_id, line.quantity, line.is_proration) == (plan, 1, False)
    assert (line.starts_at, line.ends_at) == (NOW, datetime(2025, 2, 28, 9, 30, tzinfo=UTC))
    assert len(facts.lines) == 1


def test_invoices_are_listed_newest_first(engine: Engine, customer: str, subscribed: str) -> None:
    for _ in range(3):
        engine.advance_to(engine.next_renewal(subscribed) + 7_200)
    invoices = gateway.invoices_of_subscription(subscribed)
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 3 + ["subscription_create"]
    assert [invoice.id for invoice in gateway.invoices_of_subscription(subscribed, limit=2)] == [
        invoice.id for invoice in invoices[:2]
    ]
    assert [len(invoice.lines) for invoice in invoices] == [1] * 4
    assert [invoice.id for invoice in gateway.invoices_of_customer(customer)] == [invoice.id for invoice in invoices]
    assert list(gateway.paid_invoices_since(NOW)) == invoices
    assert list(gateway.paid_invoices_since(invoices[1].created_at)) == invoices[:2]


def test_an_invoice_that_failed_is_no_paid_one(engine: Engine, customer: str, plan: str) -> None:
    session_id = open_session(customer, plan, mode="subscription")
    engine.pay(session_id, card=FAILS_LATER_CARD)
    subscription_id = gateway.fetch_session(session_id).subscription_id
    engine.advance_to(engine.next_renewal(subscription_id) + 7_200)
    assert gateway.fetch_subscription(subscription_id).status == "past_due"
    failed, first = gateway.invoices_of_customer(customer)
    assert (failed.status, failed.is_paid, failed.paid_at, failed.paid_cents) == ("open", False, None, 0)
    assert [invoice.id for invoice in gateway.invoices_of_subscription(subscription_id)] == [first.id]
    assert gateway.payment_of_invoice(failed.id) == ""
    assert gateway.next_charge(subscription_id) is None


def test_an_invoice_and_its_payment_know_each_other(customer: str, subscribed: str, paid: gateway.SessionFacts) -> None:
    invoice = gateway.invoices_of_subscription(subscribed)[0]
    payment_id = gateway.payment_of_invoice(invoice.id)
    assert payment_id.startswith("pi_")
    assert gateway.invoice_of_payment(payment_id) == invoice.id
    assert gateway.invoice_of_payment(paid.payment_intent_id) == ""


# --- money -----------------------------------------------------------------------------------------------------------


def test_the_card_on_file_is_the_one_that_will_be_charged(engine: Engine, customer: str, subscribed: str) -> None:
    card = gateway.card_of(customer, subscribed)
    assert card is not None
    assert (card.brand, card.last4) == ("Visa", "4242")
    assert gateway.card_of(customer) == card
    engine.set_card(customer, "5555555555554444")
    changed = gateway.card_of(customer, subscribed)
    assert changed is not None
    assert (changed.brand, changed.last4) == ("Mastercard", "4444")


def test_who_has_no_card_has_none(customer: str) -> None:
    assert gateway.card_of(customer) is None
    client().v1.customers.delete(customer)
    assert gateway.card_of(customer) is None


def test_a_payment_has_a_receipt(paid: gateway.SessionFacts) -> None:
    assert gateway.receipt_url_of(paid.payment_intent_id).startswith("http")


def test_a_refund_returns_what_was_asked_for_once_per_key(paid: gateway.SessionFacts) -> None:
    payment_id = paid.payment_intent_id

    def refund(cents: int, key: str) -> gateway.RefundFacts:
        return gateway.create_refund(
            payment_intent_id=payment_id, cents=cents, metadata={"refund": "7"}, idempotency_key=key
        )

    first = refund(4_00, "refund-7")
    assert refund(4_00, "refund-7") == first
    assert (first.status, first.cents, first.currency, first.created_at) == ("succeeded", 4_00, "usd", NOW)
    assert (first.payment_intent_id, first.metadata) == (payment_id, {"refund": "7"})
    with pytest.raises(StripeRefused):
        refund(6_01, "refund-8")
    second = refund(6_00, "refund-9")
    assert gateway.refunds_of(payment_id) == [second, first] == list(gateway.refunds_since(NOW))
    assert list(gateway.refunds_since(NOW + timedelta(seconds=1))) == []
    with pytest.raises(StripeRefused) as refused:
        refund(1, "refund-10")
    assert refused.value.code == "charge_already_refunded"


def test_a_refund_can_fail_after_all(engine: Engine, paid: gateway.SessionFacts) -> None:
    refund = engine.refund(paid.payment_intent_id)
    engine.fail_refund(refund["id"])
    assert gateway.fetch_refund(refund["id"]).status == "failed"


@pytest.mark.parametrize(("outcome", "withdrawn"), [("won", 0), ("lost", 4_00)])
def test_a_dispute_says_what_is_gone_at_present_without_fees(
    engine: Engine, paid: gateway.SessionFacts, outcome: str, withdrawn: int
) -> None:
    dispute_id = engine.dispute(paid.payment_intent_id, 4_00)["id"]
    opened = gateway.fetch_dispute(dispute_id)
    assert (opened.cents, opened.withdrawn_cents, opened.currency) == (4_00, 4_00, "usd")
    assert (opened.payment_intent_id, opened.created_at) == (paid.payment_intent_id, NOW)
    assert (opened.status, opened.reason) == ("needs_response", "fraudulent")
    engine.close_dispute(dispute_id, outcome)
    closed = gateway.fetch_dispute(dispute_id)
    assert (closed.status, closed.withdrawn_cents) == (outcome, withdrawn)
    assert gateway.disputes_of(paid.payment_intent_id) == [closed] == list(gateway.disputes_since(NOW))
    assert list(gateway.disputes_since(NOW + timedelta(seconds=1))) == []


# --- the portal ------------------------------------------------------------------------------------------------------


RETURN = "https://credits.example.com/settings/billing/"


def test_the_portal_lets_people_do_what_we_mean_them_to(engine: Engine, wire: InProcess, customer: str) -> None:
    assert gateway.portal_differences() == ["there is no configuration of ours"]
    configuration_id = gateway.ensure_portal_configuration()
    assert gateway.portal_differences() == []
    assert gateway.ensure_portal_configuration() == configuration_id
    features = engine.find(configuration_id)["features"]
    assert (features["subscription_cancel"]["enabled"], features["subscription_cancel"]["mode"]) == (
        True,
        "at_period_end",
    )
    assert features["subscription_update"]["enabled"] is False
    assert features["payment_method_update"]["enabled"] is features["invoice_history"]["enabled"] is True
    assert gateway.open_portal(customer_id=customer, return_url=RETURN).startswith("http")
    assert wire.requests[-1].params["configuration"] == configuration_id


def test_the_portal_opens_before_it_was_configured(wire: InProcess, customer: str) -> None:
    assert gateway.open_portal(customer_id=customer, return_url=RETURN).startswith("http")
    assert "configuration" not in wire.requests[-1].params


def test_a_link_leads_to_one_task_and_back(wire: InProcess, customer: str, subscribed: str) -> None:
    gateway.ensure_portal_configuration()
    assert gateway.open_portal(customer_id=customer, return_url=RETURN, flow="payment_method_update")
    assert wire.requests[-1].params["flow_data"] == {
        "type": "payment_method_update",
        "after_completion": {"type": "redirect", "redirect": {"return_url": RETURN}},
    }
    assert gateway.open_portal(
        customer_id=customer, return_url=RETURN, flow="subscription_cancel", subscription_id=subscribed
    )
    assert wire.requests[-1].params["flow_data"]["subscription_cancel"] == {"subscription": subscribed}


def test_nobody_who_isn_t_a_customer_gets_into_the_portal(customer: str) -> None:
    client().v1.customers.delete(customer)
    with pytest.raises(StripeNotFound):
        gateway.open_portal(customer_id=customer, return_url=RETURN)


# --- events ----------------------------------------------------------------------------------------------------------


def test_events_are_listed_oldest_first_over_many_pages(engine: Engine) -> None:
    for number in range(230):
        gateway.create_customer(email="", name="", metadata={}, idempotency_key=f"customer-{number}")
    events = list(gateway.events_since(NOW, ["customer.created"]))
    assert [event.id for event in events] == [
        event["id"] for event in engine.events if event["type"] == "customer.created"
    ]
    assert len({event.object_id for event in events}) == 230
    assert list(gateway.events_since(NOW + timedelta(seconds=1), ["customer.created"])) == []


def test_only_events_of_the_types_asked_for_are_listed_however_many_types(paid: gateway.SessionFacts) -> None:
    types = [f"made.up.{number}" for number in range(25)] + ["checkout.session.completed"]
    assert [event.object_id for event in gateway.events_since(NOW, types)] == [paid.id]
    assert list(gateway.events_since(NOW, types[:25])) == []


def test_an_event_is_fetched_as_it_was_sent(engine: Engine, paid: gateway.SessionFacts) -> None:
    sent = next(event for event in engine.events if event["type"] == "checkout.session.completed")
    facts = gateway.fetch_event(sent["id"])
    assert facts.payload == sent
    assert (facts.type, facts.object_id, facts.livemode) == ("checkout.session.completed", paid.id, False)
    assert facts.created_at == NOW
    with pytest.raises(StripeNotFound):
        gateway.fetch_event("evt_never")
