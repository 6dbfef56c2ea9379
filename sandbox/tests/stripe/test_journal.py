"""The store: what survives a restart, what a snapshot brings back, and what ids look like."""

from pathlib import Path

import pytest
import stripe

from sandbox.stripe import server
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.engine import Engine
from sandbox.stripe.store import Store
from sandbox.stripe.transport import InProcess
from sandbox.stripe.world import Faults
from sandbox.tests.stripe.conftest import Shop


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox" / "stripe.sqlite3"


def restarted(path: Path) -> tuple[Engine, stripe.V1Services]:
    engine = Engine(Store(path))
    return engine, stripe.StripeClient("sk_test_sandbox", http_client=InProcess(engine)).v1


def test_everything_survives_a_restart(path: Path) -> None:
    engine, api = restarted(path)
    price = api.prices.create(
        {"currency": "usd", "unit_amount": 2900, "product_data": {"name": "Pro"}, "recurring": {"interval": "month"}}
    )
    customer = api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "customer-7"})
    session = api.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "https://shop.example/",
        }
    )
    subscription = engine.pay(session.id)["subscription"]
    engine.advance_to(engine.next_renewal(subscription) + 60)
    engine.set_faults(Faults(drop=0.25))
    types = [event["type"] for event in engine.events]
    engine.store.close()

    engine, api = restarted(path)

    assert [event["type"] for event in engine.events] == types
    assert engine.faults == Faults(drop=0.25)
    assert engine.offset > 27 * 86_400
    assert api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "customer-7"}).id == customer.id
    statuses = [invoice.status for invoice in api.invoices.list({"subscription": subscription}).data]
    assert statuses == ["draft", "paid"]
    engine.advance_to(engine.now() + 3600)
    statuses = [invoice.status for invoice in api.invoices.list({"subscription": subscription}).data]
    assert statuses == ["paid", "paid"]
    assert api.customers.create({"email": "bob@example.com"}).id != customer.id
    engine.store.close()


def test_a_process_that_is_killed_loses_nothing_that_it_answered(path: Path) -> None:
    _, api = restarted(path)
    customer = api.customers.create({"email": "alice@example.com"})

    engine, api = restarted(path)

    assert api.customers.retrieve(customer.id).email == "alice@example.com"
    engine.store.close()


def test_webhooks_that_waited_are_delivered_after_a_restart(path: Path) -> None:
    engine, api = restarted(path)
    server.listen(engine, "http://127.0.0.1:8000/hook", "whsec_one")
    customer = api.customers.create({"email": "alice@example.com"})
    api.customers.delete(customer.id)
    engine.store.close()

    engine, _ = restarted(path)
    server.listen(engine, "http://127.0.0.1:8001/hook", "whsec_two")
    sent: list[tuple[str, str]] = []

    def send(url, body, headers):
        stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], "whsec_two", tolerance=None)
        sent.append((url, body.decode()))
        return 200

    assert Delivery(engine, send=send).deliver_due() == 1
    [(url, body)] = sent
    assert url == "http://127.0.0.1:8001/hook"
    assert '"customer.deleted"' in body
    assert Delivery(engine, send=send).deliver_due() == 0
    engine.store.close()


def test_links_follow_the_sandbox_to_another_port(path: Path) -> None:
    engine = Engine(Store(path), base_url="http://127.0.0.1:12111")
    server.move(engine)
    api = stripe.StripeClient("sk_test_sandbox", http_client=InProcess(engine)).v1
    price = api.prices.create({"currency": "usd", "unit_amount": 1000, "product_data": {"name": "1,000 credits"}}).id
    params = {
        "mode": "payment",
        "line_items": [{"price": price, "quantity": 1}],
        "success_url": "https://shop.example/",
    }
    still_open, paid = (api.checkout.sessions.create(params) for _ in range(2))  # type: ignore[arg-type]
    engine.pay(paid.id, email="alice@example.com")
    engine.store.close()

    engine = Engine(Store(path), base_url="http://127.0.0.1:40001")
    server.move(engine)

    assert engine.find(still_open.id)["url"] == f"http://127.0.0.1:40001/c/pay/{still_open.id}"
    assert engine.find(still_open.id)["success_url"] == "https://shop.example/"
    assert engine.find(paid.id)["url"] is None
    [charge] = engine.all("charge")
    assert charge["receipt_url"] == f"http://127.0.0.1:40001/receipts/{charge['id']}"
    engine.store.close()


def test_a_snapshot_is_gone_back_to_again_and_again(shop: Shop) -> None:
    session = shop.checkout()
    before = shop.engine.snapshot()
    for _ in range(3):
        shop.engine.pay(session.id)
        assert shop.stripe.checkout.sessions.retrieve(session.id).status == "complete"
        assert len(shop.engine.take_events()) == 4

        shop.engine.restore(before)

        assert shop.stripe.checkout.sessions.retrieve(session.id).status == "open"
        assert shop.engine.take_events() == []


def test_after_going_back_what_was_due_is_due_again(shop: Shop) -> None:
    subscription = shop.subscribe()
    session = shop.checkout()
    before = shop.engine.snapshot()
    for _ in range(2):
        shop.engine.advance_to(shop.engine.next_renewal(subscription) + 3600)
        assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "paid"]
        assert shop.stripe.checkout.sessions.retrieve(session.id).status == "expired"
        shop.engine.restore(before)
    assert len(shop.invoices(subscription)) == 1


def test_after_going_back_nothing_is_delivered_that_was_not_said(shop: Shop) -> None:
    server.listen(shop.engine, "http://127.0.0.1:8000/hook", "whsec_one")
    sent: list[bytes] = []
    delivery = Delivery(shop.engine, send=lambda url, body, headers: sent.append(body) or 200)  # type: ignore[func-returns-value]
    before = shop.engine.snapshot()
    shop.buy()
    shop.engine.restore(before)

    assert delivery.deliver_due() == 0
    shop.buy()
    assert delivery.deliver_due() == 1
    shop.engine.restore(before)
    assert len(sent) == 1


def test_going_back_is_journalled_too(path: Path) -> None:
    engine, api = restarted(path)
    kept = api.customers.create({"email": "alice@example.com"})
    before = engine.snapshot()
    api.customers.update(kept.id, {"email": "alice@example.org"})
    api.customers.create({"email": "bob@example.com"})
    engine.restore(before)
    engine.store.close()

    _, api = restarted(path)
    assert [customer.email for customer in api.customers.list().data] == ["alice@example.com"]


def test_the_same_seed_gives_the_same_ids_and_another_one_others() -> None:
    ids = [[Store(seed=seed).new_id("pi_") for _ in range(2)] for seed in ("one", "one", "two")]

    assert ids[0] == ids[1] != ids[2]
    assert Store().new_id("pi_") != Store().new_id("pi_")


@pytest.mark.parametrize(("prefix", "length"), [("pi_", 27), ("cus_", 18), ("cs_test_", 66)])
def test_ids_look_like_stripe_s(prefix: str, length: int) -> None:
    store = Store()
    made = {store.new_id(prefix) for _ in range(200)}

    assert len(made) == 200
    assert all(item.startswith(prefix) and item.removeprefix(prefix).isalnum() and len(item) == length for item in made)


def test_an_object_given_out_never_changes_afterwards(shop: Shop) -> None:
    session = shop.engine.session(shop.checkout().id)
    shop.engine.pay(session["id"])

    assert session["status"] == "open"
    completed = shop.engine.events[-1]["data"]["object"]
    shop.stripe.checkout.sessions.update(completed["id"], {"metadata": {"later": "1"}})
    assert completed["metadata"] == {}
